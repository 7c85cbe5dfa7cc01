"""Back from events to the chain: which state each lead's open episode is in at an as-of time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lintel.errors import InputError
from lintel.sources.simulator.causes import MARKERS, Cause
from lintel.sources.simulator.chain import Situation
from lintel.sources.simulator.clock import TICKS_PER_DAY, Int64, TickClock, tick_clock
from lintel.sources.simulator.hazards import cell_of
from lintel.sources.simulator.states import HEAT_LEVELS, OPEN, states
from lintel.sources.simulator.world import Brokerage, World

_COLUMNS = ("lead_id", "occurred_at", "kind", "due_at", "value", "channel", "agent_id")


@dataclass(frozen=True, slots=True)
class History:
    """What the events say of L leads: happenings sorted by (lead, time), and what does not change."""

    clock: TickClock
    first: Int64  # (L + 1,) the happenings of lead i are those from first[i] to first[i + 1]
    occurred_at: Int64  # (m,)
    cause: Int64  # (m,)
    state: Int64  # (m,) after each happening
    cell: Int64  # (L,) -1 for a lead without a `lead.created`
    asked: NDArray[np.float64]  # (L,) amount of the first enquiry
    band: Int64  # (L,) price band, -1 for a lead without a `lead.created`

    def at(self, lead: Int64, as_of: Int64) -> Situation:
        """Situations of the leads (positions) given the events up to and including `as_of` (UTC µs)."""
        newest = self._newest(lead, as_of)
        known = newest >= self.first[lead]
        row = np.where(known, newest, 0)
        tick, fraction = self.clock.tick(as_of), self.clock.fraction(as_of)
        if not len(self.state):
            nobody = np.full(len(lead), -1)
            return Situation(nobody, nobody, tick, fraction, known)
        happened = self.clock.tick(self.occurred_at[row])
        nights = tick // TICKS_PER_DAY - happened // TICKS_PER_DAY
        state = _after_nights(self.state[row], np.where(known, nights, 0))
        state = np.where(known & (state < OPEN) & (self.cell[lead] >= 0), state, -1)
        return Situation(self.cell[lead], state, tick, fraction, known & (happened == tick))

    def _newest(self, lead: Int64, as_of: Int64) -> Int64:
        """Row of the newest happening of each lead at or before `as_of`; before first[lead] if there is none."""
        if not len(self.occurred_at):
            return self.first[lead] - 1
        owner = np.repeat(np.arange(len(self.first) - 1), np.diff(self.first))
        times, rank = np.unique(np.concatenate((self.occurred_at, as_of)), return_inverse=True)
        key = owner * len(times) + rank[: len(owner)]
        return np.searchsorted(key, lead * len(times) + rank[len(owner) :], side="right") - 1


def history(world: World, tenant: Brokerage, events: pa.Table, leads: Sequence[str]) -> History:
    """The history of `leads` from a table of events (incoming or stored schema, any order, duplicates allowed).

    Raises InputError if a column that it reads is missing.
    """
    missing = [name for name in _COLUMNS if name not in events.column_names]
    if missing:
        raise InputError(f"column {missing[0]!r} is missing from the events.", mend="Give the event table whole.")
    lead = pc.index_in(events.column("lead_id"), pa.array(leads, pa.string()))
    events = events.select(_COLUMNS).append_column("lead", lead).filter(pc.is_valid(lead))
    clock = tick_clock(tenant.time_zone)
    owner, occurred_at, cause = _happenings(events, clock)
    first = np.searchsorted(owner, np.arange(len(leads) + 1))
    cell, asked, band = _static(world, tenant, events, len(leads))
    return History(clock, first, occurred_at, cause, _replayed(first, clock.day(occurred_at), cause), cell, asked, band)


def _happenings(events: pa.Table, clock: TickClock) -> tuple[Int64, Int64, Int64]:
    """(lead, occurred_at, cause) of each instant at which something happened, sorted by (lead, time)."""
    kind = pc.index_in(events.column("kind").cast(pa.string()), pa.array(list(MARKERS)))
    events = events.append_column("marker", kind).filter(pc.is_valid(kind))
    cause = np.array(list(MARKERS.values()))[events.column("marker").to_numpy()]
    lead, time = events.column("lead").to_numpy().astype(np.int64), _microseconds(events.column("occurred_at"))
    due = _microseconds(events.column("due_at"))
    later = (cause == Cause.BOOK_SOON) & (clock.day(due) - clock.day(time) > 1)
    cause = np.where(later, Cause.BOOK_LATER, cause)
    order = np.lexsort((cause, time, lead))
    lead, time, cause = lead[order], time[order], cause[order]
    last = np.append((lead[1:] != lead[:-1]) | (time[1:] != time[:-1]), True)[: len(lead)]
    return lead[last], time[last], cause[last]


def _replayed(first: Int64, day: Int64, cause: Int64) -> Int64:
    """(m,) the state after each happening."""
    following, mornings = states().following.tolist(), _mornings().tolist()
    found = []
    days, causes = day.tolist(), cause.tolist()
    for begin, end in zip(first[:-1].tolist(), first[1:].tolist(), strict=True):
        state = 0
        for row in range(begin, end):
            nights = min(days[row] - days[row - 1], len(mornings) - 1) if row > begin else 0
            state = following[mornings[nights][state]][causes[row]]
            found.append(state)
    return np.array(found, np.int64)


def _mornings() -> Int64:
    """(nights, COUNT) the state after so many local midnights; from HEAT_LEVELS nights on nothing moves any more."""
    nights = [np.arange(len(states().next_morning))]
    for _ in range(HEAT_LEVELS):
        nights.append(states().next_morning[nights[-1]])
    return np.array(nights)


def _after_nights(state: Int64, nights: Int64) -> Int64:
    return _mornings()[np.clip(nights, 0, HEAT_LEVELS), state]


def _static(world: World, tenant: Brokerage, events: pa.Table, count: int) -> tuple[Int64, NDArray[np.float64], Int64]:
    """Cell, amount asked for and band of each lead, from its `lead.created`."""
    created = events.filter(pc.equal(events.column("kind").cast(pa.string()), "lead.created"))
    cell, asked, band = np.full(count, -1), np.full(count, np.nan), np.full(count, -1)
    amounts = _first_amounts(events, count)
    names = ("lead", "channel", "agent_id")
    for lead, channel, agent in zip(*(created.column(name).to_pylist() for name in names), strict=True):
        asked[lead] = amounts[lead]
        band[lead] = world.band_of(amounts[lead], tenant.price_scale)
        speed = tenant.agent_speeds[int(agent.rpartition("-")[2])]
        cell[lead] = cell_of(world.grade(channel, int(band[lead])), speed)
    return cell, asked, band


def _first_amounts(events: pa.Table, count: int) -> NDArray[np.float64]:
    """(count,) the amount that each lead asked for when it arrived."""
    kinds = pa.array(["form.submitted", "lead.profile"])
    stated = events.filter(pc.is_in(events.column("kind").cast(pa.string()), kinds)).sort_by("occurred_at")
    lead, value = stated.column("lead").to_numpy(), stated.column("value").to_numpy()
    amounts = np.full(count, np.nan)
    amounts[lead[::-1]] = value[::-1]  # the first one is written last
    return amounts


def _microseconds(column: pa.ChunkedArray) -> Int64:
    return pc.fill_null(column.cast(pa.int64()), 0).to_numpy()
