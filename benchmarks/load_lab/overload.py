"""Four times as many rows as can be scored, over a thousand connections: who is answered, who is refused, what after.

Three stretches of one run: interactive requests alone, the same with the flood of bulk requests, and alone again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from benchmarks.load_lab import questions
from benchmarks.load_lab.bench import Bench, Measured
from benchmarks.load_lab.computed import computed_rows
from benchmarks.load_lab.generator_process import generate
from benchmarks.load_lab.plan import Plan, Report, Sample, Stream
from benchmarks.load_lab.systems import HOST, System
from benchmarks.load_lab.tally import OK
from benchmarks.load_lab.watch import Watch, slope

TIMES_CAPACITY = 4.0
BATCH = range(50, 201)
INTERACTIVE_SHARE = 0.1  # of the requests
CONNECTIONS = 1_000
SHARE_OF_CEILING = 0.5  # HTTP arrivals against what a route that does nothing takes
RECOVERED = 1.5  # times the p99 of before
WINDOW_SECONDS = 1.0
_LONGEST_RECOVERY_SECONDS = 10.0
_BATCHES = 400
_SATURATING = 8
"""Connections that ask for batches without a pause: more would be refused, and ask again at once."""


@dataclass(frozen=True, slots=True)
class Offer:
    """Requests a second."""

    bulk: float
    interactive: float

    @property
    def requests(self) -> float:
        return self.bulk + self.interactive


def offer(leads_per_second: float, ceiling: float) -> Offer:
    """Four times the capacity in rows, a tenth of the requests interactive, and no more requests than half of what
    the server can read."""
    mean = (BATCH.start + BATCH.stop - 1) / 2
    bulk = TIMES_CAPACITY * leads_per_second / mean
    most = SHARE_OF_CEILING * ceiling * (1 - INTERACTIVE_SHARE)
    bulk = min(bulk, most)
    return Offer(bulk, bulk * INTERACTIVE_SHARE / (1 - INTERACTIVE_SHARE))


def overload(bench: Bench, system: System, *, ceiling: float) -> dict[str, Any]:
    """The figures of the three stretches."""
    asked = questions.batches(bench.lab, BATCH, _BATCHES)
    bench.calm(system)
    leads_per_second = bench.closed("overload: capacity", system, asked, _SATURATING).rows_per_second
    bench.calm(system)
    computed = computed_rows(system)
    offered, before = offer(leads_per_second, ceiling), max(2.0, bench.seconds)
    ends = before + 3 * bench.seconds
    after = ends + min(_LONGEST_RECOVERY_SECONDS, 3 * bench.seconds)
    streams = [
        Stream(
            name=questions.INTERACTIVE,
            questions=questions.singles(bench.lab),
            arrivals="poisson",
            rate=offered.interactive,
            end_s=after,
            keep_samples=True,
        ),
        Stream(
            name=questions.BULK,
            questions=asked,
            arrivals="poisson",
            rate=offered.bulk,
            begin_s=before,
            end_s=ends,
        ),
    ]
    plan = Plan(host=HOST, port=system.port, connections=CONNECTIONS, streams=streams, drain_s=30.0)
    with Watch(system, seconds=0.25) as watch:
        report = generate(plan)
    rows = sum(stream.rows for stream in report.streams)
    computed = None if computed is None else (computed_rows(system) or 0.0) - computed
    for name, seconds in ((questions.INTERACTIVE, after), (questions.BULK, ends - before)):
        bench.noted(Measured(f"overload: {name}", seconds, (report,), name))
    return _figures(report, watch, before, ends) | {
        "computed_share": None if computed is None else round(computed / rows, 3),
        "offered": _offered(offered, leads_per_second, ceiling),
    }


def _offered(offered: Offer, leads_per_second: float, ceiling: float) -> dict[str, float]:
    return {
        "capacity_leads_per_s": round(leads_per_second, 1),
        "leads_per_s": round(offered.bulk * (BATCH.start + BATCH.stop - 1) / 2 + offered.interactive, 1),
        "times_capacity": round(offered.bulk * (BATCH.start + BATCH.stop - 1) / 2 / leads_per_second, 2),
        "requests_per_s": round(offered.requests, 1),
        "share_of_ceiling": round(offered.requests / ceiling, 4),
        "connections": CONNECTIONS,
    }


def _figures(report: Report, watch: Watch, before: float, ends: float) -> dict[str, Any]:
    interactive, bulk = report.stream(questions.INTERACTIVE), report.stream(questions.BULK)
    calm = [one for one in interactive.samples if one.due_s < before]
    flooded = [one for one in interactive.samples if before <= one.due_s < ends]
    calm_p99 = quantile(calm, 0.99)
    readings = watch.between(report.began + before, report.began + ends)
    faults = [fault for one in report.streams for fault in Measured("", 1.0, (report,), one.name).errors.items()]
    return {
        "interactive_p50_ms": _ms(quantile(flooded, 0.5)),
        "interactive_p99_ms": _ms(quantile(flooded, 0.99)),
        "interactive_p99_before_ms": _ms(calm_p99),
        "interactive_n": len(flooded),
        "interactive_refused": sum(one.status in {429, 503} for one in interactive.samples),
        "bulk_refused": {status: count for status, count in bulk.statuses.items() if status != OK},
        "bulk_answered_share": round(bulk.statuses.get(OK, 0) / max(1, bulk.offered), 3),
        "bulk_leads_per_s": round(bulk.whole_in_time / (ends - before), 1),
        "interactive_lesser": interactive.lesser_rows,
        "bulk_lesser_leads": bulk.lesser_rows,
        "without_retry_after": interactive.refused_without_retry_after + bulk.refused_without_retry_after,
        "errors": sum(count for _, count in faults),
        "faults": faults,
        "recovery_s": None if calm_p99 is None else recovery_seconds(interactive.samples, ends, calm_p99),
        "rss_mb": [round(one.rss_mb) for one in readings[:: max(1, len(readings) // 8)]],
        "rss_mb_per_minute": round(slope(readings, "rss_mb") / 60, 1),
        "connects": report.connects,
        "retried": interactive.retried + bulk.retried,
    }


def recovery_seconds(samples: Sequence[Sample], ended: float, calm_p99: float) -> float | None:
    """How long after `ended` the first second begins in which all is as before: every request answered, and their
    p99 within `RECOVERED` times that of before. None if it never came."""
    after = sorted((one for one in samples if one.due_s >= ended), key=lambda one: one.due_s)
    for start in after:
        window = [one for one in after if start.due_s <= one.due_s < start.due_s + WINDOW_SECONDS]
        slowest = quantile(window, 0.99)
        if slowest is not None and slowest <= RECOVERED * calm_p99 and all(one.status == OK for one in window):
            return round(start.due_s - ended, 3)
    return None


def quantile(samples: Sequence[Sample], share: float) -> float | None:
    """Seconds that `share` of the answered ones took at most."""
    took = sorted(one.took_s for one in samples if one.status == OK)
    return took[max(1, ceil(share * len(took) - 1e-9)) - 1] if took else None


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1e3, 2)
