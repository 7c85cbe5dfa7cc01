"""What scores are compared with, kept in memory: rankings and earlier scores, while the tenant's have not changed."""

import threading
from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from lintel.events.moments import from_microseconds, to_microseconds
from lintel.events.timezones import MICROSECONDS_PER_DAY
from lintel.scoring.comparison import Comparison, compared_with, past_scores_since
from lintel.scoring.grading import Ranking
from lintel.scoring.trend import NO_PAST, WINDOW_DAYS, PastScores
from lintel.store.scores import ScoreStore
from lintel.store.tenants import Tenant
from serving.hot.bounded import Bounded

MAX_BYTES = 32_000_000
_WINDOW = timedelta(days=WINDOW_DAYS)
_WINDOW_MICROSECONDS = WINDOW_DAYS * MICROSECONDS_PER_DAY
_OVERHEAD = 500  # bytes of the objects around a lead's scores


class _Scope(NamedTuple):
    """All that is kept is of one version of a tenant's scores, and is never asked for again after the next change."""

    tenant: str
    version: int
    bundle: str


class _Past(NamedTuple):
    """All scores of a lead by one bundle from `since` (UTC µs) on."""

    since: int
    scores: PastScores


class HotComparisons:
    """What `stored_comparison` says, without its reads where nothing has changed. Safe to share between threads."""

    def __init__(self, scores: ScoreStore, max_bytes: int = MAX_BYTES) -> None:
        self._scores = scores
        self._lock = threading.Lock()
        self._held: Bounded[tuple[Any, ...], Any] = Bounded(max_bytes)

    def comparison(
        self, tenant: Tenant, bundle: str, moment: datetime, lead_ids: Sequence[str], *, version: int
    ) -> Comparison:
        """What the scores of some leads by the bundle with this digest are compared with. Blocking on what is not held.

        Parameters
        ----------
        version: as `ScoreStore.version` said after whatever must be seen was acknowledged.
        """
        scope = _Scope(tenant.id, version, bundle)
        past = self._past(scope, moment, lead_ids)
        return compared_with(self._ranking(scope, moment), moment, past)

    def _ranking(self, scope: _Scope, moment: datetime) -> tuple[datetime, Ranking] | None:
        times = self._get((scope,))
        if times is None:
            times = self._scores.ranking_times(scope.tenant, scope.bundle)
            self._put((scope,), times, 40 * len(times) + _OVERHEAD)
        newest = bisect_right(times, to_microseconds(moment)) - 1
        return None if newest < 0 else self._ranking_of(scope, times[newest])

    def _ranking_of(self, scope: _Scope, as_of: int) -> tuple[datetime, Ranking] | None:
        """The ranking made at `as_of`: the newest one up to then."""
        ranked: tuple[datetime, Ranking] | None = self._get((scope, as_of))
        if ranked is not None:
            return ranked
        found = self._scores.ranking(scope.tenant, scope.bundle, until=from_microseconds(as_of))
        if found is None:  # removed since the times were read
            return None
        ranked = found[0], Ranking.from_json(found[1])
        self._put((scope, as_of), ranked, ranked[1].priorities.nbytes + _OVERHEAD)
        return ranked

    def _past(self, scope: _Scope, moment: datetime, lead_ids: Sequence[str]) -> dict[str, PastScores]:
        until = to_microseconds(moment)
        since = until - _WINDOW_MICROSECONDS
        held = self._held_past(scope, since, lead_ids)
        if missing := [lead for lead in lead_ids if lead not in held]:
            held |= self._read_past(scope, moment - _WINDOW, missing)
        inside = {lead: _between(past.scores, since, until) for lead, past in held.items()}
        return {lead: past for lead, past in inside.items() if len(past.as_of)}

    def _held_past(self, scope: _Scope, since: int, lead_ids: Sequence[str]) -> dict[str, _Past]:
        """Those that are held and go back far enough."""
        with self._lock:
            held = {lead: self._held.get((scope, lead)) for lead in lead_ids}
        return {lead: past for lead, past in held.items() if past is not None and past.since <= since}

    def _read_past(self, scope: _Scope, since: datetime, lead_ids: Sequence[str]) -> dict[str, _Past]:
        """In one query. Leads that have no scores are remembered too."""
        found = past_scores_since(self._scores, scope.tenant, scope.bundle, since, lead_ids)
        read = {lead: _Past(to_microseconds(since), found.get(lead, NO_PAST)) for lead in lead_ids}
        with self._lock:
            for lead, past in read.items():
                self._held.put((scope, lead), past, 2 * past.scores.as_of.nbytes + _OVERHEAD)
        return read

    def _get(self, key: tuple[Any, ...]) -> Any:
        with self._lock:
            return self._held.get(key)

    def _put(self, key: tuple[Any, ...], value: Any, size: int) -> None:
        with self._lock:
            self._held.put(key, value, size)


def _between(past: PastScores, since: int, until: int) -> PastScores:
    """Those with since <= as_of < until."""
    if not len(past.as_of) or (past.as_of[0] >= since and past.as_of[-1] < until):
        return past
    first, last = past.as_of.searchsorted((since, until)).tolist()
    return PastScores(past.as_of[first:last], past.probability[first:last])
