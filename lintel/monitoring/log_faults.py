"""What a single look at the whole log can say against an event: wrong moments, and references that lead nowhere.

Pure functions of a table in STORED_SCHEMA with the events as recorded, merges not applied. What the faults mean, and
what happens to such events, is said by `expectations.events`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lintel.events.kinds import family
from lintel.events.moments import to_microseconds
from lintel.events.schema import EPOCH_MIN
from lintel.events.validation import FUTURE_TOLERANCE
from lintel.store.aliases import Aliases, merges_in

Mask = NDArray[np.bool_]
Int64 = NDArray[np.int64]

CLOCK_SKEW = timedelta(minutes=15)
"""How far the clocks of servers may differ before it is told."""
BOOKED_AHEAD = timedelta(days=5 * 365)
BOOKED_LATE = timedelta(days=1)
"""Appointments are noted down after they began, but not days after."""
_NEVER = np.iinfo(np.int64).max

_OFFERS = (
    ("offer.requested", "offer.selected", "offer.created", "offer.sent"),
    ("offer.returned", "offer.accepted", "offer.declined", "offer.cancelled"),
)
_APPOINTMENTS = (
    ("appointment.booked",),
    tuple(sorted(set(family("appointment")) - {"appointment.booked"})),
)
_DEALS = (("deal.won",), ("deal.registered", "deal.activated"))
_PLANS = ("appointment.booked", "appointment.rescheduled")


@dataclass(frozen=True, slots=True)
class Fault:
    """(n,) which events have it; `asked`, (n,), which could have it at all, None for every one."""

    mask: Mask
    asked: Mask | None = None

    def column(self) -> pa.Array:
        """As a column of true and false, null for an event that could not have it."""
        return pa.array(self.mask, mask=None if self.asked is None else ~self.asked)


def faults(events: pa.Table, now: datetime) -> dict[str, Fault]:
    """Name of a fault -> the events that have it."""
    return {**moment_faults(events, now), **reference_faults(events)}


def moment_faults(events: pa.Table, now: datetime) -> dict[str, Fault]:
    """Faults of an event's own moments. `now` is the wall clock."""
    occurred, known, due, ingested = (_times(events, name) for name in _MOMENTS)
    earliest, wall = to_microseconds(datetime.fromisoformat(EPOCH_MIN)), to_microseconds(now)
    planned, stated = _is_any(events, _PLANS), due != _NEVER
    seq = pc.fill_null(events.column("seq"), -1).to_numpy()
    masks = {
        "before_1990": (occurred < earliest) | (stated & (due < earliest)),
        "known_long_before_it_came": known > ingested + _length(FUTURE_TOLERANCE),
        "known_in_the_future": known > wall + _length(FUTURE_TOLERANCE),
        "known_before_it_came": known > ingested + _length(CLOCK_SKEW),
        "came_in_the_future": ingested > wall + _length(CLOCK_SKEW),
        "came_out_of_order": _out_of_order(seq, ingested),
        "plan_without_due": planned & ~stated,
        "due_before_it_was_planned": planned & stated & (due < occurred - _length(BOOKED_LATE)),
        "due_too_far_ahead": stated & (due > occurred + _length(BOOKED_AHEAD)),
    }
    return {name: Fault(mask) for name, mask in masks.items()}


def reference_faults(events: pa.Table) -> dict[str, Fault]:
    """Faults that only the other events of the log can tell."""
    leads = _as_living(events)
    return {
        "offer_unresolved": _without_opening(events, leads, *_OFFERS),
        "appointment_unresolved": _without_opening(events, leads, *_APPOINTMENTS),
        "deal_unresolved": _without_opening(events, leads, *_DEALS),
        **_correction_faults(events, leads),
        **_merge_faults(events),
        "episode_of_several_leads": Fault(_shared(leads, _codes(events.column("episode_id")))),
    }


_MOMENTS = ("occurred_at", "known_at", "due_at", "ingested_at")


def _length(span: timedelta) -> int:
    return span // timedelta(microseconds=1)


def _times(events: pa.Table, name: str) -> Int64:
    """UTC µs; an absent one lies beyond all others."""
    found: Int64 = pc.fill_null(events.column(name).cast(pa.int64()), _NEVER).to_numpy()
    return found


def _is_any(events: pa.Table, kinds: Sequence[str]) -> Mask:
    encoded = _codes(events.column("kind"))
    words = _words(events.column("kind"))
    wanted = np.array([word in set(kinds) for word in words] + [False], bool)
    found: Mask = wanted[encoded]
    return found


def _out_of_order(seq: Int64, ingested: Int64) -> Mask:
    """Events that came in before one with a smaller `seq`."""
    order = np.argsort(seq, kind="stable")
    latest = np.maximum.accumulate(ingested[order]) if len(order) else ingested
    found = np.zeros(len(seq), bool)
    found[order] = ingested[order] < latest
    return found


def _encoded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    whole = column.unify_dictionaries() if pa.types.is_dictionary(column.type) else column
    plain = whole.combine_chunks()
    if isinstance(plain, pa.ChunkedArray):
        plain = pa.concat_arrays(plain.chunks) if plain.num_chunks else pa.array([], plain.type)
    return plain if pa.types.is_dictionary(plain.type) else plain.dictionary_encode()


def _codes(column: pa.ChunkedArray) -> Int64:
    """One number a value, -1 for an absent one."""
    found: Int64 = pc.fill_null(_encoded(column).indices.cast(pa.int64()), -1).to_numpy()
    return found


def _words(column: pa.ChunkedArray) -> list[str]:
    words: list[str] = _encoded(column).dictionary.to_pylist()
    return words


def _as_living(events: pa.Table) -> Int64:
    """A number for the lead that each event's lead lives on as."""
    aliases = Aliases(merges_in(events))
    codes, words = _codes(events.column("lead_id")), _words(events.column("lead_id"))
    if not aliases:
        return codes
    numbers = {word: number for number, word in enumerate(words)}
    living = [numbers.setdefault(aliases.survivor(word), len(numbers)) for word in words]
    found: Int64 = np.array([*living, -1], np.int64)[codes]
    return found


def _without_opening(events: pa.Table, leads: Int64, opening: Sequence[str], following: Sequence[str]) -> Fault:
    """Events of `following` kinds before which no `opening` one of the same object occurred.

    An event without an object asks for any opening of its lead.
    """
    occurred, objects = _times(events, "occurred_at"), _codes(events.column("object_id"))
    opens, follows = _is_any(events, opening), _is_any(events, following)
    named = objects >= 0
    late_object = _before_first(objects, occurred, opens & named, follows & named, leads)
    late_lead = _before_first(leads, occurred, opens, follows & ~named, leads)
    return Fault(late_object | late_lead, follows)


def _before_first(keys: Int64, occurred: Int64, opens: Mask, asked: Mask, leads: Int64) -> Mask:
    """Of `asked`, the events that occurred before the first of `opens` with the same key and lead."""
    if not asked.any():
        return asked
    spread = int(leads.max(initial=0)) + 2
    pairs = keys * spread + leads + 1
    rows = np.flatnonzero(opens)
    opened, position = np.unique(pairs[rows], return_inverse=True)
    first = np.full(len(opened) + 1, _NEVER, np.int64)
    np.minimum.at(first, position, occurred[rows])
    wanted = np.flatnonzero(asked)
    found = np.minimum(np.searchsorted(opened, pairs[wanted]), max(len(opened) - 1, 0))
    known = opened[found] == pairs[wanted] if len(opened) else np.zeros(len(wanted), bool)
    late = np.zeros(len(keys), bool)
    late[wanted] = ~known | (occurred[wanted] < first[np.where(known, found, len(opened))])
    return late


def _correction_faults(events: pa.Table, leads: Int64) -> dict[str, Fault]:
    """Corrections of an event that is not there or of another lead, and those known before what they correct."""
    rows = np.flatnonzero(_is_any(events, ("event.corrected",)))
    unresolved, early = np.zeros(len(events), bool), np.zeros(len(events), bool)
    if len(rows):
        named = events.column("object_id").take(pa.array(rows)).combine_chunks()
        target = pc.fill_null(pc.index_in(named, events.column("event_id").combine_chunks()), -1).to_numpy()
        known = _times(events, "known_at")
        unresolved[rows] = (target < 0) | (leads[target] != leads[rows]) | (target == rows)
        early[rows] = ~unresolved[rows] & (known[rows] < known[target])
    return {"correction_unresolved": Fault(unresolved), "correction_before_its_event": Fault(early)}


def _merge_faults(events: pa.Table) -> dict[str, Fault]:
    """Merges of a contact into itself, and of one that the log does not know."""
    merges = _is_any(events, ("lead.merged",))
    rows = np.flatnonzero(merges)
    itself, unknown = np.zeros(len(events), bool), np.zeros(len(events), bool)
    if len(rows):
        taken = events.select(["lead_id", "object_id"]).take(pa.array(rows))
        absorbed = taken.column("object_id")
        itself[rows] = pc.fill_null(pc.equal(absorbed, taken.column("lead_id")), False).to_numpy()
        others = pc.unique(events.column("lead_id"))
        unknown[rows] = ~pc.is_in(absorbed, others).to_numpy()
    return {"merge_into_itself": Fault(itself), "merge_unresolved": Fault(unknown & ~itself, merges)}


def _shared(leads: Int64, keys: Int64) -> Mask:
    """Events whose key is that of several leads."""
    named = keys >= 0
    if not named.any():
        return named
    size = int(keys.max()) + 1
    low, high = np.full(size, _NEVER, np.int64), np.full(size, -1, np.int64)
    np.minimum.at(low, keys[named], leads[named])
    np.maximum.at(high, keys[named], leads[named])
    found: Mask = named & (low != high)[keys]
    return found
