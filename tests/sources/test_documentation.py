"""The examples of docs/sources.md work as the page says."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from lintel.sources.csv import CsvSource
from lintel.sources.csv_mapping import EVENT_KEYS, TABLES, TOP_KEYS, read_csv_mapping
from lintel.sources.xes import XesSource
from lintel.sources.xes_mapping import TOP_KEYS as XES_TOP_KEYS
from lintel.sources.xes_mapping import Keys, read_xes_mapping


@pytest.fixture
def page() -> str:
    return (Path(__file__).parents[2] / "docs/sources.md").read_text(encoding="utf-8")


def test_csv_example(examples, everything):
    source = CsvSource(examples / "viewings.csv", read_csv_mapping(examples / "viewings.toml"))
    events, rejected = everything(source)
    assert [(event["lead_id"], event["kind"]) for event in events] == [
        ("C-1001", "lead.created"),
        ("C-1001", "budget.stated"),
        ("C-1001", "appointment.booked"),
        ("C-1001", "appointment.showed"),
        ("C-1002", "lead.created"),
        ("C-1003", "lead.created"),
        ("C-1003", "budget.stated"),
        ("C-1003", "appointment.booked"),
        ("C-1003", "appointment.no_show"),
    ]
    assert [str(rejection) for rejection in rejected] == ["line 5, column occurred_at: column 'Enquired' is empty"]
    assert events[1]["value"] == 450_000
    assert events[0]["channel"] == "portal"
    assert events[1]["channel"] is None
    assert {event["source"] for event in events} == {"viewings-export"}
    booked = events[2]
    assert booked["occurred_at"] == datetime(2026, 3, 14, 16, 5, tzinfo=UTC)
    assert booked["due_at"] == datetime(2026, 3, 20, 23, 0, tzinfo=UTC)
    assert booked["object_id"] == "L-88"


def test_xes_example(examples, everything):
    source = XesSource(examples / "loans.xes", read_xes_mapping(examples / "loans.toml"))
    events, rejected = everything(source)
    told = ("event_id", "kind", "actor", "agent_id", "channel", "object_id", "value")
    assert [tuple(event[name] for name in told) for event in events] == [
        ("A-17-1", "lead.created", "system", None, "web", None, None),
        ("A-17-1.2", "form.submitted", "lead", None, None, None, 20_000),
        ("A-17-2", "call.started", "agent", "ana", "phone", None, None),
        ("A-17-3", "call.completed", "agent", "ana", "phone", None, 7.5),
        ("A-17-4", "offer.sent", "system", None, None, "O-3", 18_500),
    ]
    assert {(event["lead_id"], event["episode_id"]) for event in events} == {("K-4", "A-17")}
    assert [str(rejection) for rejection in rejected] == [
        "trace A-17, event 6, column occurred_at: is missing: the event has no 'time:timestamp'"
    ]
    assert events[0]["occurred_at"] == datetime(2026, 3, 14, 15, 12, tzinfo=UTC)


def test_every_key_is_documented(page):
    csv_page, _, xes_page = page.partition("## XES")
    for key in (*TOP_KEYS, *EVENT_KEYS, *TABLES):
        assert f"`{key}`" in csv_page or f"[{key}" in csv_page or f"{key} = " in csv_page, key
    for key in (*XES_TOP_KEYS, *Keys.__dataclass_fields__):
        assert f"`{key}`" in xes_page or f"[{key}" in xes_page or f"{key} = " in xes_page, key
