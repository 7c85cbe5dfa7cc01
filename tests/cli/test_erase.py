"""`lintel erase`: what is removed, what it says, what it leaves in the audit log."""

import json
import sys
from pathlib import Path

import pytest

from lintel.home import Home
from lintel.settings import Settings
from tests.cli.conftest import Lintel

TENANT = "sim-denver"
LEAD = f"{TENANT}-000003"
IN = ("--tenant", TENANT)


@pytest.fixture
def filled(lintel: Lintel) -> Lintel:
    assert lintel("ingest", "simulator", "--leads", 6, "--json").code == 0
    return lintel


def test_an_erased_lead_stays_away_until_it_is_readmitted(filled: Lintel, tmp_path: Path) -> None:
    erased = filled("erase", "--lead", LEAD, *IN, "--yes", "--json").value
    events = erased["removed"]["events"]
    assert events > 0
    assert (erased["found"], erased["before"], erased["ids"]) == (True, False, 1)
    with Home(Settings(home=tmp_path / "home")) as home:
        others = home.events.lead_ids(TENANT)
    assert LEAD not in others
    again = filled("ingest", "simulator", "--leads", 6, "--json").value
    assert (again["appended"], again["quarantined"]) == (0, events)
    assert filled("erase", "--lead", LEAD, *IN, "--readmit", "--yes", "--json").value["readmitted"]
    assert filled("ingest", "simulator", "--leads", 6, "--json").value["appended"] == events


def test_erasing_twice_says_that_nothing_was_left(filled: Lintel) -> None:
    filled("erase", "--lead", LEAD, *IN, "--yes")
    second = filled("erase", "--lead", LEAD, *IN, "--yes", "--json")
    assert (second.code, second.value["found"], second.value["before"]) == (0, False, True)
    assert "nothing was left" in second.err


def test_an_unknown_lead_is_said_to_be_unknown(filled: Lintel) -> None:
    answer = filled("erase", "--lead", "nobody", *IN, "--yes", "--json")
    assert (answer.code, answer.value["found"]) == (0, False)
    assert "Nothing of this lead was found" in answer.err
    assert filled("erase", "--lead", LEAD, "--tenant", "else", "--yes", "--json").fault == "not-found"
    assert filled("erase", "--lead", LEAD, *IN, "--readmit", "--yes", "--json").fault == "not-found"


def test_without_a_terminal_a_yes_is_needed(filled: Lintel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    assert filled("erase", "--lead", LEAD, *IN, "--json").code == 4
    assert filled("erase", "--lead", LEAD, *IN, "--yes", "--json").value["found"]


def test_a_reason_that_names_the_lead_is_refused(filled: Lintel) -> None:
    assert filled("erase", "--lead", LEAD, *IN, "--yes", "--reason", f"drop {LEAD}", "--json").code == 2


def test_no_file_names_who_was_erased(filled: Lintel, tmp_path: Path) -> None:
    filled("erase", "--lead", LEAD, *IN, "--yes", "--reason", "ticket 12")
    filled("ingest", "simulator", "--leads", 6)
    lines = filled("audit", "list", *IN, "--json").value["lines"]
    assert lines[0]["act"] == "erase-lead"
    assert LEAD not in json.dumps(lines)
    named = [path for path in (tmp_path / "home").rglob("*") if path.is_file() and LEAD.encode() in path.read_bytes()]
    assert named == []
