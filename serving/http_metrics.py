"""Prometheus metrics of any of our services: rate, errors and duration by route.

No label holds a tenant, a lead or anything else without a bound. With several workers a scrape answers for all of
them: BentoML gives every worker one shared folder (prometheus_client's multiprocess mode), from which any of them
adds up the whole. In a single process without that folder the numbers are that process's own.
"""

import os
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

MEDIA_TYPE = CONTENT_TYPE_PLAIN_0_0_4
DURATION_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class HttpMetrics:
    """What every application counts, in a registry of its own that it adds to."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "lintel_http_requests_total",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.duration = Histogram(
            "lintel_http_request_duration_seconds",
            "Time from a request's head to the end of its answer.",
            ("method", "route"),
            buckets=DURATION_BUCKETS,
            registry=self.registry,
        )
        self.in_progress = self.worker_gauge("lintel_http_requests_in_progress", "Requests being answered now.")

    def worker_gauge(self, name: str, meaning: str, labels: tuple[str, ...] = ()) -> Gauge:
        """A gauge of this worker, which all living workers add up to the service's."""
        return Gauge(name, meaning, labels, registry=self.registry, multiprocess_mode="livesum")

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        self.requests.labels(method, route, str(status)).inc()
        self.duration.labels(method, route).observe(seconds)

    def exposition(self) -> bytes:
        """The text format, over all workers where there are several."""
        if not is_multiprocess():
            return generate_latest(self.registry)
        registry = CollectorRegistry()
        collector = MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        _forget_dead_workers(Path(collector._path))
        return generate_latest(registry)

    def close(self) -> None:
        """Take this worker's live gauges out of the sum."""
        if is_multiprocess():
            mark_process_dead(os.getpid())  # type: ignore[no-untyped-call]


def is_multiprocess() -> bool:
    """Whether prometheus_client was imported with a folder shared between workers; it decides so only once."""
    return values.ValueClass is not values.MutexValue


def _forget_dead_workers(folder: Path) -> None:
    """A worker that was killed cannot take itself out of the sum."""
    for path in folder.glob("gauge_live*_*.db"):
        pid = int(path.stem.rpartition("_")[2])
        if not Path(f"/proc/{pid}").exists():
            mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]
