"""The simulator's clock: eight ticks a day in the tenant's standard time, and which rates hold on which day."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from lintel.events.timezones import MICROSECONDS_PER_DAY, utc_offsets
from lintel.sources.simulator.world import World

TICKS_PER_DAY = 8
TICK = MICROSECONDS_PER_DAY // TICKS_PER_DAY
"""Three hours, in µs."""
DUE_TICK = 5
"""Appointments are due at 15:00 local standard time and settled within the three hours that follow."""
_STANDARD = np.array([int(datetime(2024, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000])

Int64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TickClock:
    """Ticks are counted from the local 1970-01-01 00:00; daylight saving is ignored, so that every day has eight."""

    offset: int  # µs that local standard time is ahead of UTC

    def tick(self, instants: Int64) -> Int64:
        return (instants + self.offset) // TICK

    def fraction(self, instants: Int64) -> NDArray[np.float64]:
        """How much of its tick has passed at each instant, in [0, 1)."""
        return ((instants + self.offset) % TICK) / TICK

    def day(self, instants: Int64) -> Int64:
        return (instants + self.offset) // MICROSECONDS_PER_DAY

    def instant(self, tick: Int64, fraction: NDArray[np.float64] | float = 0.0) -> Int64:
        return tick * TICK + np.floor(np.asarray(fraction) * TICK).astype(np.int64) - self.offset

    def due_at(self, occurred_at: int, days: int) -> int:
        """When an appointment is due that was booked at `occurred_at` for so many local days later."""
        day = (occurred_at + self.offset) // MICROSECONDS_PER_DAY + days
        return day * MICROSECONDS_PER_DAY + DUE_TICK * TICK - self.offset


def tick_clock(time_zone: str) -> TickClock:
    """The clock of a zone. Raises InputError for an unknown zone."""
    return TickClock(int((utc_offsets(time_zone).local(_STANDARD) - _STANDARD)[0]))


def season_of(world: World, days: Int64) -> Int64:
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
    return np.array(world.seasons, np.int64)[months]


def regime_of(world: World, days: Int64) -> Int64:
    """Which of the six sets of rates holds on each local day: season + 3 · (drift has set in)."""
    if world.drift is None:
        return season_of(world, days)
    begins = np.datetime64(world.drift.begins, "D").astype(np.int64)
    return season_of(world, days) + 3 * (days >= begins)
