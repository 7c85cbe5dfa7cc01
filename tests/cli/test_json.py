"""With `--json` standard output is one JSON object, and everything else goes to standard error."""

import json
from pathlib import Path
from typing import Any

import pytest

from lintel.home import Home
from tests.cli.conftest import Lintel, run
from tests.cli.test_main import COMMANDS, WITHOUT_JSON
from tests.orchestration.nightly_home import TENANT, NightlyHome

IN = ("--tenant", TENANT)
READING: dict[str, tuple[tuple[object, ...], set[str]]] = {
    "data list": ((), {"datasets"}),
    "models list": (IN, {"tenant", "versions"}),
    "models traffic": (IN, {"tenant", "traffic", "history"}),
    "models history": (IN, {"tenant", "changes"}),
    "models pull": ((), {"folder", "weights"}),
    "alerts list": (IN, {"tenant", "alerts", "silences"}),
    "alerts rules": (IN, {"tenant", "rules"}),
    "alerts test-sink": (("log",), {"sink", "taken", "seconds"}),
    "audit list": (IN, {"tenant", "lines"}),
    "audit verify": ((), {"lines", "head", "sealed_from", "unanchored"}),
    "models fetch": ((1, *IN), {"tenant", "version", "path"}),
    "evaluate": (IN, {"data", "simulated", "model_version", "dimensions"}),
    "score": (("--lead", f"{TENANT}-000003", *IN), {"lead_id", "as_of", "decision_id", "model", "clock", "seq"}),
    "serve": (("--stop",), {"stopped"}),
    "keys list": (IN, {"tenant", "keys"}),
    "quarantine": (IN, {"tenant", "rows", "set_aside"}),
    "gates": (IN, {"tenant", "gates", "data_docs"}),
    "predictions list": (IN, {"tenant", "predictions"}),
    "predictions verify": ((), {"segments_waiting", "lost", "losses_without_count"}),
    "rollouts status": (IN, {"tenant", "rollout"}),
    "rollouts list": (IN, {"tenant", "rollouts"}),
    "market list": (IN, {"tenant", "area", "series"}),
    "tenants list": ((), {"tenants"}),
    "call list": (IN, {"tenant", "calls"}),
    "call cards": (IN, {"tenant", "cards"}),
    "triggers list": (IN, {"tenant", "triggers"}),
}
WRITING: dict[str, tuple[tuple[object, ...], set[str]]] = {
    "alerts silence": (("drift", "--reason", "work", *IN), {"tenant", "silence_id", "rule", "until"}),
    "tune": (("--minutes", 0, "--dimension", "intent", *IN), {"tenant", "settings", "digest", "searches"}),
    "models promote": ((1, "--reason", "again", *IN), {"tenant", "version", "digest"}),
    "models gates": ((1, *IN), {"tenant", "version", "state", "gates"}),
    "models report": ((1, *IN, "--output", "{folder}/c.html"), {"tenant", "version", "path", "report"}),
    "audit anchor": (("--reason", "a copy was restored", *IN), {"tenant", "line", "head"}),
    "triggers raise": (("--reason", "new labels", *IN), {"tenant", "granted", "trigger"}),
    "market area": (("national", *IN), {"tenant", "area"}),
    "tenants add": (("--tenant", "zenith"), {"tenant", "labels", "time_zone", "currency"}),
    "tenants pool": (("--allow", *IN), {"tenant", "pooled"}),
    "keys create": (("--name", "me", *IN), {"tenant", "name", "role", "key"}),
    "ingest simulator": (("--leads", 2), {"tenant", "source", "read", "appended", "duplicates", "quarantined"}),
    "monitor": ((*IN, "--output", "{folder}/m.html"), {"tenant", "path", "findings", "readiness", "alerts"}),
    "replay": (("--lead", f"{TENANT}-000003", *IN, "--output", "{folder}/r.html"), {"lead_id", "path", "events"}),
}
ELSEWHERE = {
    "alerts acknowledge",
    "alerts end-silence",
    "data pull",
    "ingest csv",
    "ingest xes",
    "ingest bpic2012",
    "nightly",
    "demo",
    "keys revoke",
    "models approve",
    "models reject",
    "models retire",
    "market load",
    "erase",
    "fairness",
    "transcribe",
    "call analyse",
    "call show",
    "call train",
    *(f"rollouts {act}" for act in ("start", "advance", "hold", "resume", "rollback", "complete")),
}
"""Have tests of their own: test_alerts, test_call, test_data, test_erase, test_fairness, test_governance, test_ingest,
test_keys, test_market, test_rollouts, test_transcribe, below, and the demo."""


def test_every_command_is_tried() -> None:
    assert READING.keys() | WRITING.keys() | ELSEWHERE == COMMANDS.keys() - WITHOUT_JSON


@pytest.mark.parametrize("words", READING)
def test_reading_commands_print_one_object(lintel_after_nightly: Lintel, words: str) -> None:
    arguments, keys = READING[words]
    answer = lintel_after_nightly(*words.split(), *arguments, "--json")
    assert answer.code == 0, answer.err
    assert len(answer.out.splitlines()) == 1
    assert keys <= answer.value.keys()


@pytest.mark.parametrize("words", WRITING)
def test_writing_commands_print_one_object(lintel_own: Lintel, words: str, tmp_path: Path) -> None:
    arguments, keys = WRITING[words]
    written = [str(one).format(folder=tmp_path) for one in arguments]
    answer = lintel_own(*words.split(), *written, "--json")
    assert answer.code == 0, answer.err
    assert len(answer.out.splitlines()) == 1
    assert keys <= answer.value.keys()


@pytest.mark.parametrize("words", [*READING, *WRITING])
def test_without_json_people_get_words(lintel_own: Lintel, words: str, tmp_path: Path) -> None:
    arguments, _ = (READING | WRITING)[words]
    answer = lintel_own(*words.split(), *(str(one).format(folder=tmp_path) for one in arguments))
    assert answer.code == 0, answer.err
    assert answer.out.strip()
    assert not answer.out.lstrip().startswith("{")


def test_the_nightly_run_tells_its_steps(nightly_home: NightlyHome) -> None:
    value = json.loads(json.dumps(nightly_home.value))
    assert value.keys() == {"tenant", "run_id", "success", "steps", "bento"}
    assert value["success"] is True
    assert {"event_lake", "score_bundle", "champion", "lead_scoring_bento"} <= value["steps"].keys()
    assert all(seconds >= 0 for seconds in value["steps"].values())


# figures


def test_evaluate_has_every_figure_of_every_dimension(lintel_after_nightly: Lintel, nightly_home: NightlyHome) -> None:
    value = lintel_after_nightly("evaluate", *IN, "--json").value
    figures = {
        "auc",
        "average_precision",
        "log_loss",
        "brier",
        "ece",
        "ece_band",
        "lift_top_decile",
        "base_rate",
        "n",
        "baselines",
    }
    scored = {name: one for name, one in value["dimensions"].items() if "auc" in one}
    assert scored
    for name, one in scored.items():
        assert figures <= one.keys(), name
        assert one["baselines"].keys() == {"base_rate", "logistic_regression"}
        assert all({"auc", "log_loss", "brier", "n"} <= baseline.keys() for baseline in one["baselines"].values())
        assert one["ece_band"][0] <= one["ece_band"][1]
        assert 0 < one["base_rate"] < 1
        assert one["n"] > 0
    for name, one in value["dimensions"].items():
        assert name in scored or one["status"] in {"not_enough_data", "not_defined_for_source"}
    assert (value["data"], value["simulated"], value["model_version"]) == (TENANT, True, 1)


def test_evaluating_again_gives_the_figures_of_the_bundle(
    lintel_after_nightly: Lintel, nightly_home: NightlyHome
) -> None:
    value = lintel_after_nightly("evaluate", *IN, "--json").value
    with Home(nightly_home.settings) as home:
        digest = home.traffic.read(TENANT)[0].digest
        kept: dict[str, Any] = json.loads((home.registry.bundle_path(digest) / "metrics.json").read_text())
    for name, one in kept["dimensions"].items():
        if "auc" in one:
            assert value["dimensions"][name]["log_loss"] == pytest.approx(one["log_loss"], abs=1e-6)


def test_evaluate_without_examples_says_how_to_get_some(own_nightly_home: NightlyHome) -> None:
    (own_nightly_home.path / "work" / TENANT / "examples.parquet").unlink()
    answer = run(own_nightly_home.path, "evaluate", *IN, "--json")
    assert (answer.code, answer.fault) == (3, "not-found")
    assert f"lintel nightly --tenant {TENANT}" in answer.err
