"""Prometheus metrics of the voice service, beside those of any service."""

from prometheus_client import Counter

from serving.http_metrics import HttpMetrics


class VoiceMetrics(HttpMetrics):
    """Labels are doors, outcomes and reasons: never a tenant, a call, a person or a word."""

    def __init__(self) -> None:
        super().__init__()
        self.live = self.worker_gauge("lintel_voice_live_calls", "Calls that are heard now.", ("door",))
        self.calls = Counter(
            "lintel_voice_calls_total", "Live calls that ended.", ("door", "reason"), registry=self.registry
        )
        self.messages = Counter(
            "lintel_voice_messages_total",
            "Messages of media streams: taken, late (a piece that was there, or whose successors were), unreadable, "
            "ahead (audio from the future) or unknown.",
            ("outcome",),
            registry=self.registry,
        )
        self.transcribed = Counter(
            "lintel_voice_transcribed_seconds_total",
            "Seconds of audio in files that were transcribed, by the route that took them.",
            ("route",),
            registry=self.registry,
        )
        self.recordings = Counter(
            "lintel_voice_recordings_total", "Recorded calls that were analysed.", ("outcome",), registry=self.registry
        )
