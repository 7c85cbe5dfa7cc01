"""Documentation that cannot rot: generated pages are fresh, everything is in them, and links lead somewhere."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from fastapi import FastAPI

from cli.deferred import Deferred
from cli.documentation import pages, write
from cli.main import app
from lintel.events.kinds import kinds
from lintel.features.catalogue import catalogue
from lintel.settings import Settings
from serving.application import application
from serving.voice.application import application as voice

ROOT = Path(__file__).parents[1]
COMMAND = typer.main.get_command(app)
PAGES = pages(COMMAND)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")


@pytest.mark.parametrize("path", list(PAGES))
def test_page_is_fresh(path: str) -> None:
    assert (ROOT / path).is_file(), f"{path} is missing: run `lintel docs`"
    assert (ROOT / path).read_text(encoding="utf-8") == PAGES[path], f"{path} is stale: run `lintel docs`"


def test_writing_makes_the_pages_and_then_changes_nothing(tmp_path: Path) -> None:
    assert write(tmp_path, COMMAND) == list(PAGES)
    assert write(tmp_path, COMMAND) == []
    (tmp_path / "docs/kinds.md").write_text("old")
    assert write(tmp_path, COMMAND) == ["docs/kinds.md"]


def test_pages_do_not_depend_on_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINTEL_MAX_LEADS", "17")
    monkeypatch.setenv("LINTEL_HOME", "/somewhere/else")
    assert pages(COMMAND) == PAGES


@pytest.mark.parametrize("name", list(Settings.model_fields))
def test_every_setting_is_documented(name: str) -> None:
    field = Settings.model_fields[name]
    row = next(line for line in PAGES["docs/settings.md"].splitlines() if line.startswith(f"| `{name}` |"))
    assert field.description
    assert field.description in row
    assert f"`LINTEL_{name.upper()}`" in row


@pytest.mark.parametrize(
    "alias",
    ["ML_MODEL_REGISTRY_URL", "REALTIME_INFERENCE_WORKERS", "ANALYTICS_BATCH_SIZE", "VOICE_AI_MODEL_PATH"],
)
def test_aliases_of_settings_are_documented(alias: str) -> None:
    assert f"`{alias}`" in PAGES["docs/settings.md"]


def test_every_kind_is_documented() -> None:
    missing = [
        kind.name for kind in kinds().values() if f"| `{kind.name}` | {kind.actor} |" not in PAGES["docs/kinds.md"]
    ]
    assert missing == []


def test_every_feature_is_documented() -> None:
    page = PAGES["docs/features.md"]
    assert [one.name for one in catalogue().features if f"| `{one.name}` |" not in page] == []
    assert catalogue().digest in page


@pytest.mark.parametrize(("page", "app"), [("docs/endpoints.md", application), ("docs/voice_endpoints.md", voice)])
def test_every_endpoint_is_documented(page: str, app: Callable[[Settings], FastAPI]) -> None:
    paths = app(Settings.model_construct()).openapi()["paths"]
    wanted = [f"## {method.upper()} {path}" for path, methods in paths.items() for method in methods]
    lines = PAGES[page].splitlines()
    assert [heading for heading in wanted if heading not in lines] == []
    assert len(wanted) >= 5


def _names(command, name: str = "lintel"):
    command = command.load() if isinstance(command, Deferred) else command
    children = getattr(command, "commands", None)
    if children is None:
        yield name, command
        return
    for child, inner in children.items():
        yield from _names(inner, f"{name} {child}")


@pytest.mark.parametrize(("name", "command"), list(_names(COMMAND)), ids=lambda v: v if isinstance(v, str) else "")
def test_every_command_and_option_is_documented(name: str, command) -> None:
    page = PAGES["docs/commands.md"]
    section = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    assert command.help
    assert command.help.strip().splitlines()[0] in section
    for parameter in command.params:
        for option in parameter.opts if parameter.param_type_name == "option" else ():
            assert option in section


def _markdown_files() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def _anchors(path: Path) -> set[str]:
    """The anchors that a forge makes of headings."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", _markdown_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    broken = []
    for target in _LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        if not found.exists() or (anchor and found.suffix == ".md" and anchor not in _anchors(found)):
            broken.append(target)
    assert broken == []
