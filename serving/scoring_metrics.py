"""Prometheus metrics of what lies behind `POST /v1/score`: queue, batches, ladder, breakers, caches and the log."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from serving.urgency import Urgency

WAIT_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
DURATION_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
ROW_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class ScoringMetrics:
    """Labels are classes, rungs, reasons and names of our own parts: never a tenant, a key or a lead."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self.leads = self._counter(
            "lintel_scored_leads_total",
            "Leads answered by the scoring endpoint: scored, or with an error in their place.",
            ("urgency", "served_by", "outcome"),
        )
        self.duration = self._histogram(
            "lintel_score_duration_seconds",
            "Time from a scoring request's head to its answer.",
            DURATION_BUCKETS,
            ("urgency", "served_by"),
        )
        self.queue_wait = self._histogram(
            "lintel_queue_wait_seconds", "Time that a row waited before it was computed.", WAIT_BUCKETS, ("urgency",)
        )
        self.batch_rows = self._histogram("lintel_batch_rows", "Rows computed together.", ROW_BUCKETS, ("shape",))
        self.batch_seconds = self._histogram(
            "lintel_batch_duration_seconds", "Time to compute one batch.", DURATION_BUCKETS, ("shape",)
        )
        self.refused = self._counter(
            "lintel_refused_rows_total",
            "Rows that were refused, expired or left by their caller.",
            ("urgency", "reason"),
        )
        self.quota_fallbacks = self._counter(
            "lintel_quota_fallbacks_total", "Quotas checked by the worker alone, because Redis was away."
        )
        self.shed = self._counter(
            "lintel_shed_requests_total",
            "Scoring requests answered with 429 or 503; `undeclared` where only the body would have told the class.",
            ("urgency", "reason"),
        )
        self.cache = self._counter("lintel_score_cache_total", "Leads looked up in the score cache.", ("outcome",))
        self.shadow = self._counter(
            "lintel_shadow_rows_total",
            "Leads for bundles in shadow, whose answers no caller gets: scored, failed, or dropped as it was busy.",
            ("outcome",),
        )
        self.queued = self._gauge("lintel_queued_rows", "Rows that wait now.", ("urgency",))
        self.breakers = self._gauge(
            "lintel_breaker_open_workers", "Workers in which this breaker is not closed.", ("name",)
        )
        self.brown_out = self._gauge(
            "lintel_brown_out_workers", "Workers that save on answers now, by what they have left out.", ("level",)
        )
        self.swaps = self._counter("lintel_model_swaps_total", "Bundles that were to be put in service.", ("outcome",))
        self.log_rows = self._counter(
            "lintel_prediction_log_rows_total",
            "Answers for the prediction log: written, or lost and why.",
            ("outcome",),
        )
        self.log_lag = self._gauge("lintel_prediction_log_pending_rows", "Answers that are not yet in a segment.")

    def show_queue(self, depth: Sequence[int]) -> None:
        """Rows that wait, by class."""
        for urgency in Urgency:
            self.queued.labels(urgency.label).set(depth[urgency])

    def _counter(self, name: str, meaning: str, labels: tuple[str, ...] = ()) -> Counter:
        return Counter(name, meaning, labels, registry=self._registry)

    def _gauge(self, name: str, meaning: str, labels: tuple[str, ...] = ()) -> Gauge:
        return Gauge(name, meaning, labels, registry=self._registry, multiprocess_mode="livesum")

    def _histogram(self, name: str, meaning: str, buckets: tuple[float, ...], labels: tuple[str, ...]) -> Histogram:
        return Histogram(name, meaning, labels, buckets=buckets, registry=self._registry)
