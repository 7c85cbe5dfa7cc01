"""What must not be on the disk: raw texts, and what was erased."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest

from lintel.events.schema import SIGNALS
from lintel.events.validation import Rejection
from lintel.language.signals import signals
from lintel.store.events import Body, Erased, EventStore

Row = Callable[..., dict[str, Any]]
Tables = Callable[..., pa.Table]


def ids(events: pa.Table) -> list[str]:
    return events.column("event_id").to_pylist()


def test_texts_are_redacted_before_they_are_written(
    store: EventStore, row: Row, table: Tables, now: datetime, url: str
) -> None:
    text = "Call me at 415 555 0134, I want to see the house on Saturday?"
    message = row(1, text=text, attributes='{"subject": "viewing"}', kind="sms.inbound")
    store.append("acme", table([message, row(2)]), now=now)
    body = store.bodies("acme", ["e1", "e2"])
    clean = "Call me at [phone], I want to see the house on Saturday?"
    assert body == {"e1": Body(clean, '{"subject": "viewing"}')}
    stored = store.lead_events("acme", ["lead1"]).column("signals")[0].as_py()
    expected = signals(clean, "sms.inbound")
    assert stored["version"] == expected.version
    assert [stored[name] for name in SIGNALS] == pytest.approx([getattr(expected, name) for name in SIGNALS])
    store.close()
    with open(url.removeprefix("sqlite:///"), "rb") as file:
        content = file.read()
    assert b"[phone]" in content
    assert b"0134" not in content


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("occurred_at", "occurred_at"),
        ("call 415 555 0134 at noon", "call [phone] at noon"),
        ("ann.smith@example.com", "[email]"),
        ("x" * 1_000_000, "x" * 100),
        ("x" * 90 + " 415 555 0134", "x" * 90 + " [phone]"),
        ("a\0b\x1b[2J", "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}[2J"),
    ],
    ids=lambda name: name[:20],
)
def test_names_of_unknown_fields_are_redacted_and_bounded(
    any_store: EventStore, now: datetime, name: str, kept: str
) -> None:
    any_store.quarantine("acme", [Rejection("row 1", name, "no such field in the event schema")], "api", now)
    assert [one.column for one in any_store.quarantined("acme")] == [kept]


def test_erasing_a_person_leaves_nothing_of_them(
    store: EventStore, row: Row, table: Tables, now: datetime, url: str
) -> None:
    merge = row(100, kind="lead.merged", lead_id="lead0", object_id="lead1", occurred_at=row(9)["occurred_at"])
    kept = [row(2, text="stays"), row(3)]
    gone = [row(0, text="goes away"), row(1), merge, row(6, kind="no.such", lead_id="lead1")]
    store.append("acme", table([*kept, *gone]), now=now)
    assert len(store.quarantined("acme")) == 1
    assert store.erase("acme", "lead1") == Erased(("lead0", "lead1"), 3)
    assert sorted(ids(store.changes("acme"))) == ["e2", "e3"]
    assert store.bodies("acme", ["e0", "e2"]) == {"e2": Body("stays", None)}
    assert store.quarantined("acme") == []
    assert store.survivors("acme", ["lead1"]) == {"lead1": "lead1"}
    assert store.append("acme", table([row(7)]), now=now).first_seq == 6  # numbers are not used again
    store.close()
    with open(url.removeprefix("sqlite:///"), "rb") as file:
        content = file.read()
    assert b"stays" in content
    assert b"goes away" not in content
    assert b"lead1" not in content
