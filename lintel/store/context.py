"""Market series in the store: append-only, a revision is another vintage of the same observation."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from lintel.events.moments import to_microseconds
from lintel.events.validation import Rejection
from lintel.market.context import ContextColumns
from lintel.market.metrics import METRIC_CODES, NATIONAL
from lintel.market.observations import Observation, check_observations
from lintel.store.append import unknown_tenant
from lintel.store.engine import YIELD_SECONDS, Database
from lintel.store.tables import context, tenants
from lintel.store.tenants import Tenant

_CHUNK = 500  # observations a transaction, which takes some 10 ms
_OF_TENANT = context.c.tenant == sa.bindparam("number")
_VINTAGES = (
    sa.select(context.c.observed_at, context.c.published_at, context.c.value)
    .where(_OF_TENANT, context.c.area == sa.bindparam("area"), context.c.metric == sa.bindparam("metric"))
    .where(context.c.observed_at.in_(sa.bindparam("dates", expanding=True)))
    .order_by(context.c.observed_at, context.c.published_at)
)
_READ = sa.select(
    context.c.metric, context.c.area, context.c.observed_at, context.c.published_at, context.c.value
).where(_OF_TENANT, context.c.area.in_(sa.bindparam("areas", expanding=True)))
_SUMMARY = (
    sa.select(
        context.c.area,
        context.c.metric,
        sa.func.count(context.c.observed_at.distinct()),
        sa.func.count(),
        sa.func.min(context.c.observed_at),
        sa.func.max(context.c.observed_at),
        sa.func.max(context.c.published_at),
    )
    .where(_OF_TENANT)
    .group_by(context.c.area, context.c.metric)
    .order_by(context.c.area, context.c.metric)
)
_TENANT = sa.select(tenants.c.number, tenants.c.settings, tenants.c.context_changes).where(
    tenants.c.id == sa.bindparam("tenant")
)


@dataclass(frozen=True, slots=True)
class ContextReport:
    """What an append did: observations that are new, later vintages of old ones, those held already, and bad ones."""

    appended: int
    revised: int
    duplicates: int
    rejected: tuple[Rejection, ...]


@dataclass(frozen=True, slots=True)
class SeriesSummary:
    """One series of a tenant. Times are UTC µs."""

    area: str
    metric: str
    observations: int
    vintages: int
    first_observed: int
    last_observed: int
    last_published: int


class ContextStore:
    """The market series of all tenants, in the events database. Every method raises NotFoundError for a tenant that
    was never put."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[int, tuple[tuple[int, str | None], ContextColumns]] = {}

    def append(
        self, tenant: str, observations: Sequence[Observation], *, now: datetime, places: Sequence[str] | None = None
    ) -> ContextReport:
        """Check and write observations; the same ones twice are a no-op.

        Of an observation whose time of publication is `assumed` and that is here already, another value is a revision
        that became known `now`. One that states its own time of publication and contradicts the value held for that
        time is refused. `places` are the source's own names of the observations.
        """
        number = self._tenant(tenant)[0]
        checked = check_observations(observations, now=now, places=places)
        rejected = list(checked.rejected)
        counts = [0, 0, 0]
        for start in range(0, len(checked.good), _CHUNK):
            with self._database.write() as connection:
                written = self._write(connection, number, checked.good[start : start + _CHUNK], to_microseconds(now))
            counts = [done + more for done, more in zip(counts, written.counts, strict=True)]
            rejected += written.rejected
            if start + _CHUNK < len(checked.good):
                time.sleep(YIELD_SECONDS)
        appended, revised, duplicates = counts
        return ContextReport(appended, revised, duplicates, tuple(rejected))

    def columns(self, tenant: str) -> ContextColumns:
        """The series that features of the tenant's leads read: those of its area, and the national ones.

        Read again only when the series or the tenant's area have changed.
        """
        number, area, changes = self._tenant(tenant)
        known = self._known.get(number)
        if known is None or known[0] != (changes, area):
            rows = self._rows(_READ, number=number, areas=[NATIONAL] if area is None else [NATIONAL, area])
            known = self._known[number] = ((changes, area), _columns(rows))
        return known[1]

    def series(self, tenant: str) -> list[SeriesSummary]:
        """What the tenant has, by area and metric."""
        return [SeriesSummary(*row) for row in self._rows(_SUMMARY, number=self._tenant(tenant)[0])]

    def _write(
        self, connection: sa.Connection, number: int, some: Sequence[tuple[str, Observation]], now: int
    ) -> "_Written":
        """One transaction. The tenant's row is locked first, so that its writers take turns."""
        change = sa.update(tenants).where(tenants.c.number == number)
        connection.execute(change.values(context_changes=tenants.c.context_changes + 1))
        written = _Written(number, now)
        for (area, metric), group in _by_series(some):
            dates = list({to_microseconds(one.observed_at) for _, one in group})
            asked = {"number": number, "area": area, "metric": metric, "dates": dates}
            written.hold(connection.execute(_VINTAGES, asked).all())
            for place, one in group:
                written.take(place, one)
        if written.rows:
            connection.execute(sa.insert(context), written.rows)
        return written

    def _tenant(self, tenant: str) -> tuple[int, str | None, int]:
        """Number, area, and how often the series have changed."""
        rows = self._rows(_TENANT, tenant=tenant)
        if not rows:
            raise unknown_tenant(tenant)
        number, settings, changes = rows[0]
        return number, Tenant.from_json(settings).area, changes

    def _rows(self, query: sa.Select[Any], **parameters: object) -> list[Any]:
        with self._database.read() as connection:
            return list(connection.execute(query, parameters).all())


class _Written:
    """Decides what becomes of each observation of one transaction, beside the vintages that are held."""

    def __init__(self, number: int, now: int) -> None:
        self.rows: list[dict[str, object]] = []
        self.rejected: list[Rejection] = []
        self.counts = [0, 0, 0]  # appended, revised, duplicates
        self._number = number
        self._now = now
        self._held: dict[int, dict[int, float]] = {}  # of one series: date -> time of publication -> value

    def hold(self, vintages: Iterable[Any]) -> None:
        """Begin a series of which these vintages are held, by time of publication."""
        self._held = {}
        for observed_at, published_at, value in vintages:
            self._held.setdefault(observed_at, {})[published_at] = value

    def take(self, place: str, one: Observation) -> None:
        observed_at, published_at = to_microseconds(one.observed_at), to_microseconds(one.published_at)
        vintages = self._held.setdefault(observed_at, {})
        # without a time of its own a value can only be compared with the newest: back to an old one is a revision too
        compared = max(vintages, default=published_at) if one.assumed else published_at
        if vintages.get(compared) == one.value:
            self.counts[2] += 1
            return
        if one.assumed and vintages:
            published_at = max(self._now, max(vintages) + 1)
        elif published_at in vintages:
            reason = "is another than the one held for this time of publication"
            self.rejected.append(Rejection(place, "value", reason))
            return
        self.counts[1 if vintages else 0] += 1
        vintages[published_at] = one.value
        self.rows.append(
            {
                "tenant": self._number,
                "area": one.area,
                "metric": one.metric,
                "observed_at": observed_at,
                "published_at": published_at,
                "value": float(one.value),
            }
        )


def _by_series(
    some: Sequence[tuple[str, Observation]],
) -> Iterable[tuple[tuple[str, str], list[tuple[str, Observation]]]]:
    """Observations by (area, metric), each series in the order given."""

    def series(named: tuple[str, Observation]) -> tuple[str, str]:
        return named[1].area, named[1].metric

    return [(key, list(group)) for key, group in groupby(sorted(some, key=series), key=series)]


def _columns(rows: Iterable[Any]) -> ContextColumns:
    """Metrics that this version does not know are left out."""
    return ContextColumns.of(
        [
            (METRIC_CODES[metric], area == NATIONAL, observed_at, published_at, value)
            for metric, area, observed_at, published_at, value in rows
            if metric in METRIC_CODES
        ]
    )
