"""Answers kept until something that they rest on changes."""

import threading
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar

from lintel.events.columns import NEVER
from lintel.events.moments import to_microseconds
from lintel.store.tenants import Clock
from serving.hot.bounded import Bounded
from serving.hot.leads import HotLeads
from serving.hot.versions import TenantVersion

Answer = TypeVar("Answer")

MAX_BYTES = 256_000_000
_OVERHEAD = 800  # bytes of the objects around an answer
_SEQ = b'"seq":'


class ScoreKey(NamedTuple):
    """What was asked, and what was to answer it."""

    tenant: str
    lead_id: str  # as asked, which may be a lead that was merged into another
    model: str  # digest
    model_version: int | None
    served_by: str
    rung: str
    explain: bool
    as_of: datetime | None


class _Kept(NamedTuple, Generic[Answer]):
    answer: Answer
    version: TenantVersion
    survivor: str
    valid_until: int


class ScoreCache(Generic[Answer]):
    """Answers by what was asked; those used longest ago go first. Safe to share between threads.

    An answer is given again while a fresh one would say the same: while neither the lead nor any that it is one with
    has a new event, nor the tenant new merges, market series, settings or nightly scores. Without an as-of time it
    must also be as of the same end of the log, or else, on a live clock, not older than `valid_until`.

    Parameters
    ----------
    max_entries: 0 keeps nothing.
    """

    def __init__(self, leads: HotLeads, max_entries: int, max_bytes: int = MAX_BYTES) -> None:
        self._leads = leads
        self._lock = threading.Lock()
        self._kept: Bounded[ScoreKey, _Kept[Answer]] = Bounded(max_bytes, max_entries)

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def nbytes(self) -> int:
        return self._kept.nbytes

    def get(self, key: ScoreKey, version: TenantVersion, now: datetime) -> Answer | None:
        """The answer as it was put, if it still holds by what `version` says; it was read after the question came."""
        with self._lock:
            kept = self._kept.get(key)
        if kept is None:
            return None
        if self._holds(key, kept, version, now):
            return kept.answer
        with self._lock:
            if self._kept.get(key) is kept:
                self._kept.discard(key)
        return None

    def put(
        self,
        key: ScoreKey,
        answer: Answer,
        size: int,
        *,
        version: TenantVersion,
        survivor: str,
        valid_until: int = NEVER,
    ) -> None:
        """Keep an answer with scores.

        Parameters
        ----------
        size: bytes of the answer. version: read before the answer's histories and comparison were.
        survivor: the lead that the asked one lives on as. valid_until: UTC µs, for no as-of time on a live clock.
        """
        with self._lock:
            self._kept.put(key, _Kept(answer, version, survivor, valid_until), size + _OVERHEAD)

    def _holds(self, key: ScoreKey, kept: _Kept[Answer], version: TenantVersion, now: datetime) -> bool:
        then, state = kept.version.state, version.state
        if kept.version.epoch != version.epoch or kept.version.score_version != version.score_version:
            return False
        if then.context_changes != state.context_changes or then.tenant != state.tenant:
            return False
        if key.as_of is None and state.tenant.clock is Clock.LOG_END and then.newest_known_at != state.newest_known_at:
            return False
        if key.as_of is None and state.tenant.clock is Clock.LIVE and to_microseconds(now) >= kept.valid_until:
            return False
        return self._leads.unchanged(key.tenant, kept.survivor, kept.version.epoch, then.last_seq)


def with_seq(body: bytes, seq: int) -> bytes:
    """An answer as JSON that says it saw the log as far as `seq`: what a fresh one says that is otherwise the same."""
    head, found, tail = body.partition(_SEQ)  # a quote inside a text is escaped, so that this is the name
    return head + found + str(seq).encode() + tail.lstrip(b"0123456789") if found else body
