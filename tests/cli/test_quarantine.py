"""`lintel quarantine` and `lintel gates`: what was set aside, its way back, and what the gates found."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from lintel.events.schema import TIME
from lintel.home import Home
from lintel.settings import Settings
from lintel.store.set_aside import RowFault
from lintel.store.tenants import Tenant
from tests.cli.conftest import Lintel

NOW = datetime(2026, 3, 1, tzinfo=UTC)
IN = ("--tenant", "acme")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Ten events, two of them set aside; and five nights of findings."""
    path = tmp_path / "home"
    with Home(Settings(home=path)) as home:
        home.events.put_tenant(Tenant("acme", labels="crm"))
        home.events.append("acme", some_events(), now=NOW)
        faults = [RowFault(seq, "kind_registered", "kind", "the kind is registered") for seq in (3, 4)]
        home.events.set_aside("acme", faults, NOW)
        home.lake.advance(home.events, "acme", now=NOW)
        for night in range(5):
            home.monitoring.write("acme", "data", NOW + timedelta(days=night), finding("events", night))
        home.monitoring.write("acme", "data", NOW, finding("scores", 0))
    return path


def some_events() -> pa.Table:
    return pa.table(
        {
            "event_id": [f"e{number}" for number in range(10)],
            "lead_id": ["lead1"] * 10,
            "occurred_at": pa.array([NOW - timedelta(hours=number) for number in range(10)], TIME),
            "kind": ["web.visit"] * 10,
        }
    )


def finding(suite: str, aside: int) -> dict[str, Any]:
    broken = {
        "rule": "kind_registered",
        "column": "kind",
        "consequence": "set aside",
        "unexpected": aside,
        "rows": 10,
        "observed": f"{aside} of 10 values",
        "meaning": "the kind is registered",
    }
    return {
        "suite": suite,
        "rows": 10,
        "evaluated": 38,
        "blocked": False,
        "set_aside": aside,
        "alarm": aside > 0,
        "explanation": "words",
        "broken": [broken] if aside else [],
    }


def test_set_aside_events_are_shown_and_can_be_released(lintel: Lintel, home: Path) -> None:
    value = lintel("quarantine", *IN, "--json").value
    assert value["set_aside"] == 2
    assert {(row["seq"], row["rule"], row["state"]) for row in value["rows"]} == {
        (3, "kind_registered", "set aside"),
        (4, "kind_registered", "set aside"),
    }
    assert " seq " in lintel("quarantine", *IN).out, "what --release asks for"
    twice = ("--release", 3, "--release", 3)
    answer = lintel("quarantine", *IN, *twice, "--reason", "the source was right", "--as", "jo", "--json")
    assert answer.code == 0, answer.err
    assert (answer.value["released"], answer.value["set_aside"]) == (1, 1)
    with Home(Settings(home=home)) as opened:
        assert len(opened.lake.read("acme")) == 9
        (line,) = opened.audit.read("acme")
    assert (line["act"], line["subject"], line["reason"]) == ("release-event", "event:acme/3", "the source was right")


def test_a_release_needs_a_reason_and_an_event_that_is_set_aside(lintel: Lintel, home: Path) -> None:
    assert lintel("quarantine", *IN, "--release", 3).code == 2
    strange = lintel("quarantine", *IN, "--release", 3, "--release", 9, "--reason", "so")
    assert strange.code == 3
    assert "Event 9" in strange.err
    assert lintel("quarantine", *IN, "--json").value["set_aside"] == 2, "all or none"


def test_gates_tell_the_last_results(lintel: Lintel, home: Path) -> None:
    value = lintel("gates", *IN, "--json").value
    assert [(one["suite"], one["set_aside"]) for one in value["gates"]] == [("events", 4), ("scores", 0)]
    assert value["data_docs"] is None
    shown = lintel("gates", *IN).out
    assert "4 set aside" in shown
    assert "the kind is registered" in shown
    assert "all 38 hold" in shown


def test_history_tells_earlier_ones_newest_first(lintel: Lintel, home: Path) -> None:
    found = lintel("gates", *IN, "--history", 3, "--json").value["gates"]
    assert [one["set_aside"] for one in found if one["suite"] == "events"] == [4, 3, 2]


def test_an_unknown_tenant_is_said(lintel: Lintel, home: Path) -> None:
    assert lintel("gates", "--tenant", "nobody").code == 3
