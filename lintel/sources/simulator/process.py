"""The chain itself: many leads at once, tick by tick."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lintel.sources.simulator.causes import Cause
from lintel.sources.simulator.clock import TICKS_PER_DAY, Int64, regime_of
from lintel.sources.simulator.hazards import tick_probabilities
from lintel.sources.simulator.states import COUNT, LOST, OPEN, WON, arrival, states
from lintel.sources.simulator.world import GRADES, SPEEDS, Brokerage, World

NOT_YET = -1
"""The state of a lead that has not arrived."""


@dataclass(frozen=True, slots=True)
class Happenings:
    """What happened, by lead and time. `state` is the state after it."""

    lead: Int64
    tick: Int64
    fraction: NDArray[np.float64]  # when within the tick, in [0, 1)
    cause: Int64
    state: Int64


class Process:
    """The chain of one tenant. Its tables are computed when they are first needed."""

    def __init__(self, world: World, tenant: Brokerage) -> None:
        self._world = world
        self._tenant = tenant
        self._cumulative: dict[int, NDArray[np.float64]] = {}

    def run(
        self,
        state: Int64,
        cell: Int64,
        *,
        begins: Int64,
        fraction: NDArray[np.float64],
        first: int,
        draws: NDArray[np.float64],
    ) -> Happenings:
        """Let n leads live from tick `first` on, for as many ticks as there are columns of `draws`.

        Parameters
        ----------
        state: (n,) state at the start of tick `first`, or NOT_YET for leads that arrive at `begins`.
        cell: (n,) cells.
        begins, fraction: (n,) tick and moment in it of the arrival; not read for leads that are there already.
        draws: (n, ticks) uniform numbers; each decides what happens in its tick, and when.
        """
        state = state.copy()
        parts = []
        regimes = regime_of(self._world, np.arange(first, first + draws.shape[1]) // TICKS_PER_DAY)
        for column in range(draws.shape[1]):
            tick = first + column
            if tick % TICKS_PER_DAY == 0:
                state = np.where(state >= 0, states().next_morning[state], state)
            cumulative = self._table(int(regimes[column]))[tick % TICKS_PER_DAY]
            lead, moment, cause = _struck(cumulative, cell, state, draws[:, column])
            arrived = np.flatnonzero((begins == tick) & (state == NOT_YET))
            state[lead] = states().following[state[lead], cause]
            state[arrived] = arrival()
            lead, moment = np.append(lead, arrived), np.append(moment, fraction[arrived])
            cause = np.append(cause, np.full(len(arrived), Cause.CREATE))
            parts.append((lead, np.full(len(lead), tick), moment, cause, state[lead]))
        return _sorted(parts)

    def _table(self, regime: int) -> NDArray[np.float64]:
        """(8, cells, COUNT, causes) cumulative probabilities, coming back of closed leads included."""
        if regime not in self._cumulative:
            table = np.zeros((TICKS_PER_DAY, GRADES * SPEEDS, COUNT, len(Cause)))
            for cell in range(GRADES * SPEEDS):
                table[:, cell, :OPEN] = tick_probabilities(self._world, self._tenant, cell, regime)
            hours = np.array(self._world.lead_hours)[:, None, None]
            table[:, :, LOST:WON, Cause.RETURN] = self._world.return_per_day * hours / TICKS_PER_DAY
            self._cumulative[regime] = np.cumsum(table, axis=3)
        return self._cumulative[regime]


def _struck(
    cumulative: NDArray[np.float64], cell: Int64, state: Int64, draw: NDArray[np.float64]
) -> tuple[Int64, NDArray[np.float64], Int64]:
    """Leads to which something happens in this tick, when in it, and what."""
    lead = np.flatnonzero((draw < cumulative[cell, state, -1]) & (state != NOT_YET))
    bounds = cumulative[cell[lead], state[lead]]
    cause = (draw[lead, None] >= bounds).sum(axis=1)
    rows = np.arange(len(lead))
    upper = bounds[rows, cause]
    lower = np.where(cause > 0, bounds[rows, cause - 1], 0.0)
    moment = (draw[lead] - lower) / (upper - lower)  # what the choice left of the draw is uniform again
    return lead, np.minimum(moment, np.nextafter(1.0, 0.0)), cause


def _sorted(parts: Sequence[tuple[NDArray[Any], ...]]) -> Happenings:
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    order = np.lexsort((columns[2], columns[1], columns[0]))
    return Happenings(*(column[order] for column in columns))
