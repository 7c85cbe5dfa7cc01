"""Event logs for Hypothesis: few leads, crowded times, late and corrected events, every kind, nulls everywhere."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from lintel.events.kinds import Actor, kinds
from lintel.events.schema import SIGNALS, SIGNALS_TYPE, TIME, Channel

START = 1_331_510_400_000_000  # 2012-03-12; the last Sunday of March, when clocks change, is near
HOUR = 3_600_000_000
DAY = 24 * HOUR
ZONES = ("UTC", "Europe/Amsterdam", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")

_FREQUENT = (
    "web.listing_view",
    "email.sent",
    "email.inbound",
    "offer.sent",
    "offer.returned",
    "stage.changed",
    "call.scheduled",
    "call.started",
    "call.completed",
    "form.submitted",
    "consent.withdrawn",
)
kind_names = st.one_of(st.sampled_from(_FREQUENT), st.sampled_from(list(kinds())))
instants = st.one_of(
    st.integers(0, 40).map(lambda hours: START + hours * HOUR),
    st.integers(0, 40 * DAY).map(lambda offset: START + offset),
    st.sampled_from((1, 3, 7, 14, 30, 90, 365)).map(lambda days: START - days * DAY),
)
delays = st.one_of(st.just(0), st.just(0), st.integers(1, 10 * DAY), st.integers(0, 20).map(lambda n: n * HOUR))
numbers = st.one_of(st.none(), st.integers(-5, 5).map(float), st.floats(0, 1e6))
strengths = st.one_of(st.none(), st.integers(-100, 100).map(lambda hundredths: hundredths / 100))
leads = st.sampled_from(("ann", "ann", "ann", "bob", "cy"))


@st.composite
def events(draw: st.DrawFn) -> dict[str, Any]:
    """One event as a row of STORED_SCHEMA without `event_id` and `seq`."""
    occurred_at = draw(instants)
    spoken = draw(st.booleans())
    return {
        "lead_id": draw(leads),
        "occurred_at": occurred_at,
        "known_at": occurred_at + draw(delays),
        "due_at": draw(st.one_of(st.none(), instants)),
        "kind": draw(kind_names),
        "actor": draw(st.sampled_from([actor.value for actor in Actor])),
        "channel": draw(st.one_of(st.none(), st.sampled_from([channel.value for channel in Channel]))),
        "object_id": draw(st.one_of(st.none(), st.sampled_from(("x", "y", "z")))),
        "episode_id": draw(st.one_of(st.none(), st.sampled_from(("first", "second")))),
        "value": draw(numbers),
        **{f"attribute_{i}": draw(numbers) for i in (1, 2, 3)},
        "signals": {"version": 1, **{name: draw(strengths) for name in SIGNALS}} if spoken else None,
    }


@st.composite
def logs(draw: st.DrawFn, max_size: int = 25) -> list[dict[str, Any]]:
    """Some events with ids, and corrections of some of them, which become known later."""
    rows = draw(st.lists(events(), max_size=max_size))
    for number, row in enumerate(rows):
        row["event_id"] = f"e{number}"
    targets = draw(st.lists(st.sampled_from(rows), max_size=4)) if rows else []
    for number, target in enumerate(targets):
        known_at = target["known_at"] + draw(st.integers(0, 20)) * 12 * HOUR
        rows.append(
            {
                "event_id": f"c{number}",
                "lead_id": target["lead_id"],
                "kind": "event.corrected",
                "actor": "system",
                "object_id": target["event_id"],
                "value": draw(numbers),
                "occurred_at": known_at,
                "known_at": known_at,
            }
        )
    return rows


def as_of_times(rows: list[dict[str, Any]]) -> st.SearchStrategy[list[tuple[str, int]]]:
    """Pairs of lead and time, many of them at the very instants of events and just before and after."""
    moments = [row[name] for row in rows for name in ("occurred_at", "known_at")] or [START]
    near = st.sampled_from(moments).flatmap(lambda moment: st.sampled_from((moment - 1, moment, moment + 1)))
    edges = st.tuples(st.sampled_from(moments), st.sampled_from((1, 7, 30))).map(lambda pair: pair[0] + pair[1] * DAY)
    moment = st.one_of(near, edges, instants)
    return st.lists(st.tuples(st.one_of(leads, st.just("nobody")), moment), min_size=1, max_size=8)


def table(rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Rows as an event table with the columns that the numeric view reads."""
    fields = [
        *(
            (name, pa.string())
            for name in ("event_id", "lead_id", "episode_id", "object_id", "kind", "actor", "channel")
        ),
        *((name, TIME) for name in ("occurred_at", "known_at", "due_at")),
        *((name, pa.float64()) for name in ("value", "attribute_1", "attribute_2", "attribute_3")),
        ("signals", SIGNALS_TYPE),
    ]
    listed = list(rows)
    return pa.table(
        [pa.array([row.get(name) for row in listed], kind) for name, kind in fields],
        schema=pa.schema([pa.field(name, kind) for name, kind in fields]),
    )


def random_rows(seed: int, count: int, *, leads: int, days: int) -> list[dict[str, Any]]:
    """A larger log without Hypothesis: `count` events of `leads` leads over `days` days."""
    random = np.random.default_rng(seed)
    names = list(kinds())
    times = START + random.integers(0, days * 24 * 60, count) * 60_000_000
    return [
        {
            "event_id": f"e{number}",
            "lead_id": f"lead{random.integers(leads)}",
            "occurred_at": int(times[number]),
            "known_at": int(times[number]),
            "kind": names[random.integers(len(names))],
            "actor": "lead",
            "object_id": f"object{random.integers(5)}",
            "value": float(random.integers(0, 1000)),
        }
        for number in range(count)
    ]
