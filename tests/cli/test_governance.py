"""Governance as people at a terminal meet it: approvals with names, a log that is checked, questions about the past."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lintel.home import Home
from lintel.registry import acts
from lintel.registry.actor import Actor, machine, person
from lintel.registry.lifecycle import State
from lintel.scoring.bundle import Bundle
from tests.cli.conftest import Answer, run
from tests.orchestration.nightly_home import TENANT, NightlyHome

NOW = datetime(2026, 12, 2, tzinfo=UTC)
IN = ("--tenant", TENANT)
EVA = person("eva")
WHY = ("--reason", "looked at the card")


def pending(home: NightlyHome, folder: Path, *, trained_by: Actor = EVA) -> int:
    """A second version that waits for a person."""
    with Home(home.settings) as opened:
        (first,) = opened.registry.versions(TENANT)
        bundle = Bundle.load(opened.registry.bundle_path(first.digest))
        replace(bundle, manifest=replace(bundle.manifest, seed=99)).save(folder / "second")
        version = opened.registry.register(folder / "second", scope=TENANT, tags={})
        acts.register(opened, TENANT, version, trained_by=trained_by, actor=machine("nightly"), now=NOW)
        for state in (State.VALIDATED, State.PENDING):
            told = {"actor": machine("nightly"), "reason": "a soft gate failed"}
            opened.states.move(TENANT, version.version, state, now=NOW, **told)  # type: ignore[arg-type]
    return version.version


def models(home: NightlyHome, *words: object) -> Answer:
    return run(home.path, "models", *words, *IN, "--json")


def test_a_person_approves_and_promotes_by_name(own_nightly_home: NightlyHome, tmp_path: Path) -> None:
    version = pending(own_nightly_home, tmp_path)
    refused = models(own_nightly_home, "approve", version, *WHY, "--as", "Eva")
    assert (refused.code, refused.fault) == (4, "refused")
    early = models(own_nightly_home, "promote", version, *WHY)
    assert (early.code, early.fault) == (6, "incompatible")
    approved = models(own_nightly_home, "approve", version, *WHY, "--as", "tom")
    assert (approved.code, approved.value["state"]) == (0, "approved")
    assert models(own_nightly_home, "promote", version, *WHY, "--as", "tom").code == 0
    listed = {one["version"]: one["state"] for one in models(own_nightly_home, "list").value["versions"]}
    assert listed == {1: "retired", version: "champion"}
    (newest, *_) = models(own_nightly_home, "history").value["changes"]
    assert newest["models"][0]["approved"]["by"] == "tom"
    lines = run(own_nightly_home.path, "audit", "list", *IN, "--subject", f"model:{TENANT}/{version}", "--json").value
    assert {line["actor"] for line in lines["lines"]} == {"nightly", "tom"}


@pytest.mark.parametrize("command", ["reject", "retire"])
def test_a_person_can_say_no(own_nightly_home: NightlyHome, tmp_path: Path, command: str) -> None:
    version = pending(own_nightly_home, tmp_path)
    answer = models(own_nightly_home, command, version, *WHY)
    assert (answer.code, answer.value["state"]) == (0, "rejected" if command == "reject" else "retired")
    serving = models(own_nightly_home, command, 1, *WHY)
    assert (serving.code, serving.fault) == (6, "incompatible")


def test_a_reason_is_no_formality(own_nightly_home: NightlyHome, tmp_path: Path) -> None:
    version = pending(own_nightly_home, tmp_path)
    assert models(own_nightly_home, "approve", version, "--reason", "  ", "--as", "tom").code == 2
    assert models(own_nightly_home, "approve", version, "--as", "tom").code == 2
    assert models(own_nightly_home, "approve", version, *WHY, "--as", " ").code == 2
    assert models(own_nightly_home, "gates", version).value["state"] == "pending"


def test_gates_are_shown_with_figures_and_bounds(nightly_home: NightlyHome) -> None:
    value = models(nightly_home, "gates", 1).value
    assert value["state"] == "champion"
    size = next(one for one in value["gates"] if one["name"] == "size")
    assert 0 < size["figure"] < size["bound"]
    assert "model_card" in run(nightly_home.path, "models", "gates", 1, *IN).out


def test_which_model_scored_this_lead_at_that_minute(nightly_home: NightlyHome) -> None:
    with Home(nightly_home.settings) as home:
        lead = home.scores.page(TENANT, limit=1).leads[0]["lead_id"]
        (row,) = home.scores.history(TENANT, lead)
    minute = row.scored_at.strftime("%Y-%m-%dT%H:%M:%S")
    value = models(nightly_home, "history", "--lead", lead, "--at", minute).value
    model = value["answer"]["model"]
    assert (model["version"], model["digest"]) == (1, row.bundle)
    assert model["approved"]["by"] == "nightly"
    assert model["data"]["data_digest"].startswith("sha256:")
    assert value["traffic"]["models"][0]["version"] == 1
    shown = run(nightly_home.path, "models", "history", "--lead", lead, *IN).out
    assert model["data"]["data_digest"][-8:] in shown.replace("\n", "")
    nobody = run(nightly_home.path, "models", "history", "--lead", "nobody", *IN)
    assert "Nothing was said about nobody" in nobody.out
    assert models(nightly_home, "history", "--at", minute).code == 2


def test_the_report_is_a_page_and_json(nightly_home: NightlyHome, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    answer = models(nightly_home, "report", 1, "--output", path)
    page, beside = path.read_text(), json.loads(path.with_suffix(".json").read_text())
    assert beside == answer.value["report"]
    assert beside["model"]["digest"] in page
    assert "every line is as it was written" in page
    for text in ("<h2>Gates</h2>", "beats_baselines", "Known limits", beside["lineage"]["data_digest"]):
        assert text in page
    assert "http" not in page.replace("http://www.w3.org", "")


@pytest.mark.parametrize("name", ["nowhere/report.html", "report.json"])
def test_a_report_that_cannot_be_written_so_is_wrong_input(
    nightly_home: NightlyHome, tmp_path: Path, name: str
) -> None:
    answer = models(nightly_home, "report", 1, "--output", tmp_path / name)
    assert (answer.code, answer.fault) == (2, "invalid-input")
    assert list(tmp_path.iterdir()) == []


def test_a_name_is_shown_as_it_is_and_one_that_cannot_be_seen_is_refused(own_nightly_home: NightlyHome) -> None:
    def promote(name: str) -> Answer:
        told = ("--as", name, "--reason", "[red]why[/red]", "--tenant", TENANT)
        return run(own_nightly_home.path, "models", "promote", 1, *told)

    for name in ("eva\u200b", "eva\nroot (person)", "\x1b[31meva"):
        assert promote(name).code == 2
    with Home(own_nightly_home.settings) as home:
        told = {"act": "test", "subject": "test", "reason": "[red]why[/red]", "details": {}}
        home.audit.append(tenant=TENANT, actor=person("[bold]eva"), at=datetime(2026, 3, 2, tzinfo=UTC), **told)  # type: ignore[arg-type]
    shown = run(own_nightly_home.path, "audit", "list", "--tenant", TENANT, "--limit", 1).out
    assert "[bold]eva" in shown
    assert "[red]why[/red]" in shown


def test_a_reason_that_is_not_utf8_is_wrong_input_and_nothing_is_done(own_nightly_home: NightlyHome) -> None:
    def triggers(*words: object) -> Answer:
        return run(own_nightly_home.path, "triggers", *words, "--tenant", TENANT, "--json")

    before = triggers("list").value
    answer = triggers("raise", "--reason", "caf\udce9")
    assert (answer.code, answer.fault) == (2, "invalid-input")
    assert "not UTF-8" in answer.err
    assert triggers("list").value == before


def test_a_line_that_nobody_can_read_is_named(own_nightly_home: NightlyHome) -> None:
    with closing(sqlite3.connect(own_nightly_home.path / "state.db")) as connection, connection:
        connection.execute("UPDATE audit SET at = 'yesterday' WHERE number = 3")
    answer = run(own_nightly_home.path, "audit", "list", "--tenant", TENANT, "--json")
    assert (answer.code, answer.fault) == (6, "incompatible")
    assert "Line 3" in answer.value["error"]["message"]


def test_a_tampered_log_fails_and_names_the_line(own_nightly_home: NightlyHome) -> None:
    whole = run(own_nightly_home.path, "audit", "verify", "--json")
    assert whole.code == 0
    with closing(sqlite3.connect(own_nightly_home.path / "state.db")) as connection, connection:
        connection.execute("UPDATE audit SET actor = 'somebody else' WHERE number = 3")
    broken = run(own_nightly_home.path, "audit", "verify", "--json")
    assert (broken.code, broken.fault) == (7, "audit-broken")
    assert (broken.value["error"]["line"], broken.value["error"]["fault"]) == ("3", "changed")
    assert "from line 3 on" in broken.err


def test_a_head_that_was_kept_elsewhere_is_held_against_the_log(own_nightly_home: NightlyHome) -> None:
    head = run(own_nightly_home.path, "audit", "verify", "--json").value["head"]
    assert run(own_nightly_home.path, "audit", "verify", "--expect", head).code == 0
    with closing(sqlite3.connect(own_nightly_home.path / "state.db")) as connection, connection:
        connection.execute("DELETE FROM audit WHERE number = (SELECT max(number) FROM audit)")
    assert run(own_nightly_home.path, "audit", "verify").code == 7
    assert run(own_nightly_home.path, "audit", "anchor", "--reason", "hush", *IN).code == 0
    assert run(own_nightly_home.path, "audit", "verify").code == 0
    gone = run(own_nightly_home.path, "audit", "verify", "--expect", head)
    assert gone.code == 7
    assert run(own_nightly_home.path, "audit", "verify", "--expect", "nonsense").code == 2
