"""The gate of the event log: which events are at fault, and what the tenant's rhythm says of the newest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa

from expectations import events
from expectations.evaluation import evaluate
from expectations.rule import Consequence
from expectations.verdict import Verdict, pardoned, verdict
from lintel.events.moments import to_microseconds
from lintel.events.timezones import utc_offsets
from lintel.monitoring.freshness import Freshness, freshness
from lintel.monitoring.volume import DayVolume, daily_counts, judge_days
from lintel.store.set_aside import RowFault
from lintel.store.tenants import Clock, Tenant

DAYS_JUDGED = 3
"""Newest whole days whose volume is judged each night: a night that was missed is made up for."""


@dataclass(frozen=True, slots=True)
class JudgedLog:
    """The verdict on a log, and the events to be set aside with the rules that they break."""

    verdict: Verdict
    faults: tuple[RowFault, ...]


def judge_log(recorded: pa.Table, released: Mapping[str, Sequence[int]], now: datetime, limit: float) -> JudgedLog:
    """Judge a log as recorded, with the events that are set aside already; `released`: rule -> events let off it."""
    result = evaluate(events.frame(recorded, now), events.NAME, events.rules())
    seq = recorded.column("seq").to_numpy()
    found = verdict(pardoned(result, {rule: np.isin(seq, seqs) for rule, seqs in released.items()}), limit)
    return JudgedLog(found, () if found.blocked else tuple(_faults(found, seq)))


def _faults(found: Verdict, seq: np.ndarray) -> list[RowFault]:
    return [
        RowFault(int(seq[row]), one.rule.name, one.column, one.rule.meaning)
        for one in found.result.broken(Consequence.SET_ASIDE)
        if one.faulty is not None
        for row in np.flatnonzero(one.faulty)
    ]


def rhythm(times: pa.Table, tenant: Tenant, now: datetime) -> tuple[Freshness | None, list[DayVolume]]:
    """How fresh the log is and how full its last days are, from `known_at` and `ingested_at` of all events.

    Nothing is said of a log whose clock is its own end: it has no pace to keep any more, and is never stale.
    """
    known, ingested = (times.column(name).cast(pa.int64()).to_numpy() for name in ("known_at", "ingested_at"))
    if not len(known) or tenant.clock is Clock.LOG_END:
        return None, []
    clock = to_microseconds(now)
    counted = daily_counts(known, utc_offsets(tenant.time_zone), clock)
    days = [] if counted is None else judge_days(*counted, days=DAYS_JUDGED)
    return freshness(known, ingested, clock), days
