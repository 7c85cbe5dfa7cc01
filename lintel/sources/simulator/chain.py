"""Exact probabilities over the chain: distributions over states, carried forward tick by tick and day by day."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # no stubs are published

from lintel.sources.simulator.causes import Cause
from lintel.sources.simulator.clock import TICKS_PER_DAY, Int64, regime_of
from lintel.sources.simulator.hazards import tick_probabilities
from lintel.sources.simulator.states import ABANDONED, COUNT, GONE, LOST, OPEN, WON, states
from lintel.sources.simulator.world import Brokerage, World

HIT = COUNT
"""One more state, absorbing: a cause that was asked for has struck."""
LONGEST_RUN = 5
"""Days are taken 2^LONGEST_RUN at a time at most: seasons last months."""

Array = NDArray[np.float64]

_FATES = np.zeros((5, COUNT + 1))
"""Which states make up each field of Absorbed."""
for _fate, _members in enumerate(([HIT], [WON], [LOST, GONE], [ABANDONED], range(OPEN))):
    _FATES[_fate, list(_members)] = 1.0


@dataclass(frozen=True, slots=True)
class Situation:
    """Where n episodes stand at their as-of times."""

    cell: Int64
    state: Int64  # -1 where no episode is open
    tick: Int64
    fraction: Array  # how much of the tick has passed
    settled: NDArray[np.bool_]  # whether the tick's one happening is already known

    def __len__(self) -> int:
        return len(self.cell)

    def take(self, rows: NDArray[np.intp]) -> "Situation":
        return Situation(self.cell[rows], self.state[rows], self.tick[rows], self.fraction[rows], self.settled[rows])


@dataclass(frozen=True, slots=True)
class Absorbed:
    """(horizons, n) probabilities of where each episode is at the end of each horizon; they add up to 1."""

    hit: Array
    won: Array
    lost: Array
    abandoned: Array
    still_open: Array


def absorbed(
    world: World, tenant: Brokerage, situation: Situation, causes: frozenset[Cause], days: Sequence[int]
) -> Absorbed:
    """What becomes of open episodes within each of `days` (ascending, from 1), when `causes` end them as a HIT."""
    found = np.zeros((5, len(days), len(situation)))
    for cell in np.unique(situation.cell):
        rows = np.flatnonzero(situation.cell == cell)
        dynamics = _Dynamics(world, tenant, int(cell), causes)
        with threadpool_limits(1):  # matrices this small are slower on two threads: 21.6 s against 2.6 s
            masses = _at_horizons(dynamics, situation.take(rows), days)
        found[:, :, rows] = np.tensordot(_FATES, masses, axes=(1, 2))
    return Absorbed(*found)


class _Dynamics:
    """Transition matrices of one cell with some causes absorbing, made when they are first needed."""

    def __init__(self, world: World, tenant: Brokerage, cell: int, causes: frozenset[Cause]) -> None:
        self.world = world
        self._tenant = tenant
        self._cell = cell
        self._target = np.where(np.isin(np.arange(len(Cause)), list(causes)), HIT, states().following[:OPEN])
        self._probabilities: dict[int, Array] = {}
        self._ticks: dict[tuple[int, int], csr_array] = {}
        self._spans: dict[tuple[int, int, int], Array] = {}
        self._runs: dict[tuple[int, int], Array] = {}

    def span(self, regime: int, first: int, last: int) -> Array:
        """Through the ticks `first` .. `last` − 1 of one day."""
        key = (regime, first, last)
        if key not in self._spans:
            if first == last - 1:
                self._spans[key] = self._tick(regime, first).toarray()
            elif first > 0:  # to the evening: all of these share their ends
                self._spans[key] = self._tick(regime, first) @ self.span(regime, first + 1, last)
            else:  # from the morning: all of these share their beginnings
                self._spans[key] = (self._tick(regime, last - 1).T @ self.span(regime, 0, last - 1).T).T
        return self._spans[key]

    def run(self, regime: int, doublings: int) -> Array:
        """Through 2^`doublings` whole days."""
        key = (regime, doublings)
        if key not in self._runs:
            half = self.span(regime, 0, TICKS_PER_DAY) if doublings == 0 else self.run(regime, doublings - 1)
            self._runs[key] = half if doublings == 0 else half @ half
        return self._runs[key]

    def rest_of_tick(self, state: Int64, tick: Int64, fraction: Array, settled: NDArray[np.bool_]) -> Array:
        """(n, COUNT + 1) distribution at the end of the as-of time's own tick.

        Given that nothing has happened in the first `fraction` f of the tick, cause j with probability p_j strikes in
        the rest of it with p_j (1 − f) / (1 − f Σp): its moment is uniform.
        """
        regime = regime_of(self.world, tick // TICKS_PER_DAY)
        probability = np.empty((len(state), len(Cause)))
        for one in np.unique(regime):
            rows = regime == one
            probability[rows] = self._chances(int(one))[tick[rows] % TICKS_PER_DAY, state[rows]]
        total = probability.sum(axis=1)
        probability *= np.where(settled, 0.0, (1 - fraction) / (1 - fraction * total))[:, None]
        mass = np.zeros((len(state), COUNT + 1))
        rows = np.arange(len(state))
        np.add.at(mass, (rows[:, None], self._target[state]), probability)
        mass[rows, state] += 1 - probability.sum(axis=1)
        return mass

    def _chances(self, regime: int) -> Array:
        if regime not in self._probabilities:
            self._probabilities[regime] = tick_probabilities(self.world, self._tenant, self._cell, regime)
        return self._probabilities[regime]

    def _tick(self, regime: int, tick: int) -> csr_array:
        """One tick, with the local midnight before it where it is the day's first."""
        key = (regime, tick)
        if key not in self._ticks:
            probability = self._chances(regime)[tick]
            stays = np.append(1 - probability.sum(axis=1), np.ones(COUNT + 1 - OPEN))
            rows, causes = np.nonzero(probability)
            moves = csr_array((probability[rows, causes], (rows, self._target[rows, causes])), shape=(HIT + 1, HIT + 1))
            matrix = (moves + diags_array(stays)).tocsr()
            self._ticks[key] = matrix[np.append(states().next_morning, HIT)] if tick == 0 else matrix
        return self._ticks[key]


def _at_horizons(dynamics: _Dynamics, situation: Situation, days: Sequence[int]) -> Array:
    """(horizons, n, COUNT + 1) distributions. Within the last, partial tick the mass moves linearly in time."""
    mass = dynamics.rest_of_tick(situation.state, situation.tick, situation.fraction, situation.settled)
    position = situation.tick + 1
    found = []
    for horizon in days:
        end = situation.tick + horizon * TICKS_PER_DAY
        mass = _carried(dynamics, mass, position, end)
        after = _carried(dynamics, mass, end, end + 1)
        part = situation.fraction[:, None]
        found.append((1 - part) * mass + part * after)
        position = end
    return np.array(found)


def _carried(dynamics: _Dynamics, mass: Array, position: Int64, end: Int64) -> Array:
    """Carry each row's distribution from tick `position` to tick `end` in as few products as the calendar allows."""
    mass, position = mass.copy(), position.copy()
    first_day = int(position.min()) // TICKS_PER_DAY
    regimes = regime_of(dynamics.world, np.arange(first_day, int(end.max()) // TICKS_PER_DAY + 1))
    days_left = _days_left(regimes)
    while len(going := np.flatnonzero(position < end)):
        day, tick = np.divmod(position[going], TICKS_PER_DAY)
        ticks = end[going] - position[going]
        regime = regimes[day - first_day]
        days = np.where(tick == 0, np.minimum(ticks // TICKS_PER_DAY, days_left[day - first_day]), 0)
        doublings = np.where(days > 0, np.minimum(np.log2(np.maximum(days, 1)).astype(np.int64), LONGEST_RUN), -1)
        last = np.minimum(tick + ticks, TICKS_PER_DAY)
        steps, group = np.unique(np.stack((regime, doublings, tick, last)), axis=1, return_inverse=True)
        for number, (one, power, begin, stop) in enumerate(steps.T.tolist()):
            rows = going[group == number]
            matrix = dynamics.run(one, power) if power >= 0 else dynamics.span(one, begin, stop)
            mass[rows] = mass[rows] @ matrix
            position[rows] += TICKS_PER_DAY << power if power >= 0 else stop - begin
    return mass


def _days_left(regimes: Int64) -> Int64:
    """For each day, how many days of its regime follow, itself included."""
    ends = np.append(np.flatnonzero(np.diff(regimes)) + 1, len(regimes))
    days = np.arange(len(regimes))
    return ends[np.searchsorted(ends, days, side="right")] - days
