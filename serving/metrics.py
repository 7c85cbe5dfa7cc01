"""Prometheus metrics of the scoring service: those of any service, and what was scored and appended."""

from prometheus_client import Counter

from serving.http_metrics import HttpMetrics
from serving.scoring_metrics import ScoringMetrics

MODEL_LABELS = ("digest", "version", "served_by")


class Metrics(HttpMetrics):
    """All metrics of the scoring service."""

    def __init__(self) -> None:
        super().__init__()
        self.scoring = ScoringMetrics(self.registry)
        self.events = Counter(
            "lintel_events_total",
            "Events sent to the append endpoint: appended, duplicate or rejected.",
            ("outcome",),
            registry=self.registry,
        )
        self.model = self.worker_gauge(
            "lintel_model_workers",
            "Workers that serve this model now; more than one model here means that a change is under way.",
            MODEL_LABELS,
        )
