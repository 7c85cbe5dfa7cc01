"""The simulator as a source of events."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lintel.errors import InputError
from lintel.events.columns import digest64
from lintel.sources.simulator.causes import Cause
from lintel.sources.simulator.clock import TICK, TICKS_PER_DAY, season_of, tick_clock
from lintel.sources.simulator.hazards import cell_of
from lintel.sources.simulator.narrative import Lead, Story, draw_stream, log_between, table
from lintel.sources.simulator.process import NOT_YET, Happenings, Process
from lintel.sources.simulator.world import CHANNELS, World
from lintel.sources.source import SourceBatch
from lintel.store.tenants import Clock, Tenant

START = datetime(2023, 1, 1, tzinfo=UTC)
DAYS = 365


class Simulator:
    """Events of `leads` leads of one tenant that arrive within `days` days from `start`, until the end of these days.

    Lead i is the same in every run with the same seed, world, start and days, however many leads there are. Each batch
    holds `batch_leads` whole leads, sorted by lead and time. Raises InputError for parameters that make no sense.
    """

    name = "simulator"
    total: int | None = None

    def __init__(
        self,
        world: World,
        tenant: str,
        *,
        seed: int,
        leads: int,
        start: datetime = START,
        days: int = DAYS,
        batch_leads: int = 250,
    ) -> None:
        if start.tzinfo is None:
            raise InputError("the simulator's start has no time zone.", mend="Give it one, as in tzinfo=UTC.")
        if leads < 1 or days < 1 or batch_leads < 1:
            raise InputError(f"cannot simulate {leads} leads over {days} days.", mend="Ask for at least one of each.")
        self.world = world
        self.tenant = world.tenant(tenant)
        self._clock = tick_clock(self.tenant.time_zone)
        self._process = Process(world, self.tenant)
        self._seed = (seed, digest64(tenant) % 2**64)
        self._leads, self._batch_leads = leads, batch_leads
        begin = np.array([int(start.timestamp()) * 1_000_000])
        self._first = int(self._clock.tick(begin + TICK - 1)[0])
        self._ticks = days * TICKS_PER_DAY
        self._arrivals = self._arrival_curve()

    def tenant_settings(self) -> Tenant:
        """What the store is told of this tenant."""
        one = self.tenant
        settings = Tenant(one.id, labels="simulator", time_zone=one.time_zone, currency=one.currency)
        return replace(settings, clock=Clock.LOG_END, simulated=True)

    def batches(self) -> Iterator[SourceBatch]:
        root = np.random.SeedSequence(self._seed)
        for begin in range(0, self._leads, self._batch_leads):
            count = min(self._batch_leads, self._leads - begin)
            rows = self._chunk(begin, [child.spawn(2) for child in root.spawn(count)])
            places = tuple(f"simulated event {row[1]}" for row in rows)
            yield SourceBatch(table(rows), places)

    def happenings(self, leads: int) -> tuple[Happenings, list[Lead]]:
        """The chain behind the events of the first `leads` leads, for checking."""
        root = np.random.SeedSequence(self._seed)
        return self._lived([(i, child.spawn(2)) for i, child in enumerate(root.spawn(leads))])

    def _chunk(self, begin: int, seeds: list[list[np.random.SeedSequence]]) -> list[tuple[Any, ...]]:
        lived, leads = self._lived([(begin + i, seed) for i, seed in enumerate(seeds)])
        time = self._clock.instant(lived.tick, lived.fraction).tolist()
        cause, state = lived.cause.tolist(), lived.state.tolist()
        first = np.searchsorted(lived.lead, np.arange(len(leads) + 1)).tolist()
        rows: list[tuple[Any, ...]] = []
        for i, lead in enumerate(leads):
            decoration = draw_stream(np.random.default_rng(seeds[i][1]))
            story = Story(self.world, self.tenant, self._clock, lead, decoration)
            for row in range(first[i], first[i + 1]):
                story.tell(time[row], Cause(cause[row]), state[row])
            rows.extend(story.rows)
        return rows

    def _lived(self, seeds: list[tuple[int, list[np.random.SeedSequence]]]) -> tuple[Happenings, list[Lead]]:
        """Run the chain of some leads. Each draws from its own generator: six numbers about itself, then one a tick."""
        draws = np.empty((len(seeds), self._ticks))
        traits = np.empty((len(seeds), 6))
        for row, (_, seed) in enumerate(seeds):
            generator = np.random.default_rng(seed[0])
            traits[row] = generator.random(6)
            draws[row] = generator.random(self._ticks)
        leads = [self._lead(number, traits[row]) for row, (number, _) in enumerate(seeds)]
        cells = np.array([lead.cell for lead in leads], np.int64)
        begins = self._first + np.searchsorted(self._arrivals, traits[:, 0], side="right")
        nobody = np.full(len(seeds), NOT_YET)
        lived = self._process.run(nobody, cells, begins=begins, fraction=traits[:, 1], first=self._first, draws=draws)
        return lived, leads

    def _lead(self, number: int, traits: NDArray[np.float64]) -> Lead:
        channel = CHANNELS[_chosen(self.tenant.channel_mix, traits[2])]
        band = _chosen(self.tenant.band_mix, traits[3])
        part = 0.02 + 0.96 * traits[4]  # away from the borders, so that rounding never leaves the band
        asked = round(log_between(self.world.bands[band], part) * self.tenant.price_scale, -3)
        agent = int(traits[5] * len(self.tenant.agent_speeds))
        cell = cell_of(self.world.grade(channel, band), self.tenant.agent_speeds[agent])
        return Lead(f"{self.tenant.id}-{number:06d}", channel, band, asked, agent, cell)

    def _arrival_curve(self) -> NDArray[np.float64]:
        """(ticks,) share of all arrivals up to the end of each tick: more in high season and when people are awake."""
        ticks = np.arange(self._first, self._first + self._ticks)
        season = np.array(self.world.season_factors)[season_of(self.world, ticks // TICKS_PER_DAY)]
        weight = np.cumsum(season * np.array(self.world.lead_hours)[ticks % TICKS_PER_DAY])
        return weight / weight[-1]


def _chosen(shares: tuple[float, ...], draw: float) -> int:
    bounds = np.cumsum(shares)
    return int(np.searchsorted(bounds, draw * bounds[-1], side="right"))
