"""Usage, exit codes, and what is told of errors that nobody expected."""

import errno
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

import pytest
import typer

from cli.deferred import Deferred
from cli.main import app
from lintel.errors import IncompatibleError, RefusedError
from lintel.store.events import EventStore
from tests.cli.conftest import Lintel
from tests.orchestration.nightly_home import TENANT, environment

ROOT = Path(__file__).parents[2]
WITHOUT_JSON = {"docs"}
"""Writes pages and has nothing to answer."""


def commands(found: Any, *path: str) -> dict[str, Any]:
    """Every command by its words."""
    found = found.load() if isinstance(found, Deferred) else found
    below = getattr(found, "commands", {})
    leaves = {} if below else {" ".join(path): found}
    return leaves | {words: one for name, child in below.items() for words, one in commands(child, *path, name).items()}


COMMANDS = commands(typer.main.get_command(app))


@pytest.mark.parametrize("words", sorted(COMMANDS))
def test_every_command_has_help_and_json(words: str, lintel: Lintel) -> None:
    answer = lintel(*words.split(), "--help")
    assert (answer.code, answer.err) == (0, "")
    assert COMMANDS[words].help.rstrip().endswith(".")
    assert all(one.help for one in COMMANDS[words].params if one.name != "help")
    names = {name for option in COMMANDS[words].params for name in option.opts}
    assert ("--json" in names) is (words not in WITHOUT_JSON)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("nonsense",), 2, "nonsense"),
        (("score", "--lead", "x", "--nonsense"), 2, "--nonsense"),
        (("score",), 2, "--lead"),
        (("ingest", "csv", "x.csv", "--mapping", "m.toml"), 2, "--tenant"),
        (("ingest", "simulator", "--leads", "many"), 2, "--leads"),
        (("ingest", "simulator", "--leads", "0"), 2, "--leads"),
        (("models", "promote", "1"), 2, "--reason"),
        (("serve", "--all", "--stop"), 2, "--all starts and --stop stops"),
        (("serve", "--voice", "--stop"), 2, "--voice starts and --stop stops"),
        (("data", "pull", "nonsense"), 3, "not a data set"),
        (("ingest", "simulator", "--world", "nonsense"), 3, "nonsense"),
        (("score", "--lead", "x", "--tenant", "nobody"), 3, "nobody"),
    ],
)
def test_wrong_usage_is_a_sentence_and_a_code(lintel: Lintel, arguments: tuple[str, ...], code: int, said: str) -> None:
    answer = lintel(*arguments)
    assert answer.code == code
    assert said in answer.err
    assert "Traceback" not in answer.err
    assert answer.out == ""


def test_no_command_at_all_shows_what_there_is(lintel: Lintel) -> None:
    answer = lintel()
    assert answer.code == 2
    assert "Usage" in answer.out
    assert answer.err == ""


COMMANDS_OF_A_TENANT = [
    ("score", "--lead", "x"),
    ("evaluate",),
    ("fairness", "--groups", "groups.csv"),
    ("nightly",),
    ("replay", "--lead", "x"),
    ("models", "list"),
    ("models", "traffic"),
    ("models", "promote", "1", "--reason", "why"),
    ("models", "fetch", "1"),
    ("keys", "create", "--name", "me"),
    ("keys", "list"),
    ("keys", "revoke", "--name", "me"),
    ("quarantine",),
    ("predictions", "list"),
]


@pytest.mark.parametrize("arguments", COMMANDS_OF_A_TENANT, ids=" ".join)
def test_a_tenant_that_does_not_exist_is_not_found(lintel: Lintel, arguments: tuple[str, ...]) -> None:
    answer = lintel(*arguments, "--tenant", "nobody", "--json")
    assert (answer.code, answer.fault) == (3, "not-found")
    assert "'nobody' is not known" in answer.err


@pytest.mark.parametrize("arguments", [("score", "--lead", "x"), ("evaluate",), ("nightly",)], ids=" ".join)
def test_a_tenant_without_events_or_model_says_what_to_do(lintel: Lintel, tmp_path: Path, arguments: Any) -> None:
    assert lintel("ingest", "simulator", "--leads", 1, "--tenant", TENANT).code == 0
    answer = lintel(*arguments, "--tenant", TENANT, "--json")
    assert answer.code in {1, 2, 3}
    assert "lintel nightly" in answer.err or "failed at" in answer.err


def test_the_list_of_commands_says_of_each_what_it_says_itself() -> None:
    for name, listed in typer.main.get_command(app).commands.items():
        first = listed.load().help.strip().split("\n")[0]
        words = listed.help.removesuffix(".")
        assert first.startswith(words), name


def test_the_list_of_commands_imports_no_framework() -> None:
    script = (
        "import sys; sys.argv[1:] = ['--help']\nfrom cli.main import main\ntry: main()\nfinally: print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "nightly" in done.stdout
    assert not {"dagster", "mlflow", "bentoml", "fastapi", "xgboost", "pyarrow"} & set(done.stdout.split())


def test_scoring_imports_neither_dagster_nor_mlflow() -> None:
    script = "import sys, cli.score; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "xgboost" in done.stdout
    assert not {"dagster", "mlflow", "bentoml", "fastapi"} & set(done.stdout.split())


def test_the_version_is_told(lintel: Lintel) -> None:
    answer = lintel("--version")
    assert (answer.code, answer.out) == (0, version("lintel") + "\n")


def raising(error: BaseException) -> Callable[..., NoReturn]:
    def fail(*_: object, **__: object) -> NoReturn:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "code", "fault"),
    [
        (RefusedError("Not yours."), 4, "refused"),
        (IncompatibleError("Another version."), 6, "incompatible"),
        (OSError(errno.ENOSPC, "No space left on device"), 5, "storage-full"),
        (OSError(errno.EDQUOT, "Quota exceeded"), 5, "storage-full"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (OSError(errno.EACCES, "denied"), 1, "unexpected"),
        (KeyError("jane@example.com"), 1, "unexpected"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_each_error_has_its_code(
    lintel: Lintel, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, fault: str
) -> None:
    monkeypatch.setattr(EventStore, "tenant", raising(error))
    answer = lintel("score", "--lead", "x", "--tenant", "acme", "--json")
    assert (answer.code, answer.fault) == (code, fault)
    assert len(answer.out.splitlines()) == 1


def test_an_unexpected_error_tells_its_place_and_none_of_its_words(
    lintel: Lintel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EventStore, "tenant", raising(ValueError("Jane Doe, jane@example.com, said: call me")))
    answer = lintel("score", "--lead", "x", "--tenant", "acme", "--json")
    for text in (answer.out, answer.err):
        assert "Jane" not in text
        assert "example.com" not in text
        assert "ValueError" in text
        assert "cli/score.py" in text


def test_words_in_square_brackets_are_printed_as_they_are(lintel: Lintel) -> None:
    answer = lintel("data", "pull", "[bold]x[/nothing]")
    assert answer.code == 3
    assert "[bold]x[/nothing]" in answer.err


def test_an_encoding_error_of_our_own_is_still_unexpected(lintel: Lintel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EventStore, "tenant", raising(UnicodeEncodeError("ascii", "é", 0, 1, "no")))
    assert lintel("score", "--lead", "x", "--tenant", "acme", "--json").code == 1


WRITING_BYTES = 1_000_000
"""More than the schema takes: events are being written."""


def test_an_interrupt_from_the_terminal_ends_with_130(tmp_path: Path) -> None:
    command = [sys.executable, "-u", "-m", "cli.main", "ingest", "simulator", "--leads", "1000000", "--json"]
    child = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment(tmp_path / "home"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  # background jobs ignore it
    )
    log = tmp_path / "home" / "events.db-wal"
    try:
        while child.poll() is None and not (log.exists() and log.stat().st_size > WRITING_BYTES):
            time.sleep(0.02)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)
    finally:
        child.kill()
        child.wait()
    assert child.returncode == 130, err
    assert json.loads(out.splitlines()[-1])["error"]["type"] == "interrupted"
    assert "Traceback" not in err
