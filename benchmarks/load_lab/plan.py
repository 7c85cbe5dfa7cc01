"""What a generator is told to send, and what it tells of it: the messages between it and who started it."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from benchmarks.load_lab.histogram import Histogram

Arrivals = Literal["closed", "constant", "poisson"]


class Question(msgspec.Struct, frozen=True):
    """A request as its bytes, and what a right answer to it holds."""

    request: bytes
    expected: list[bytes] = []  # found in the body one after the other
    whole: bytes = b""  # what each lead's answer holds unless it is a lesser one
    rows: int = 1


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """Requests of one class. Each draws one of `questions` at random.

    `closed`: every connection has one request in flight (a plan has one such stream and no other). Otherwise
    `rate` requests a second are due between `begin_s` and `end_s`, whatever became of the earlier ones.
    """

    name: str
    questions: list[Question]
    arrivals: Arrivals = "constant"
    rate: float = 0.0
    begin_s: float = 0.0
    end_s: float
    cut_share: float = 0.0  # of the requests, whose connection is cut while they are on their way
    keep_samples: bool = False


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One run against one address. After the last request is due, answers are waited for `drain_s` seconds."""

    host: str
    port: int
    connections: int
    streams: list[Stream]
    seed: int = 7
    drain_s: float = 10.0
    decisions: str | None = None  # file that gets a line for each answered lead

    @property
    def end_s(self) -> float:
        return max(stream.end_s for stream in self.streams)


class Counts(msgspec.Struct):
    """A histogram on its way between processes."""

    counts: dict[int, int]
    longest: int

    @classmethod
    def of(cls, histogram: Histogram) -> "Counts":
        return cls(histogram.counts, histogram.longest)

    @property
    def histogram(self) -> Histogram:
        return Histogram(self.counts, self.longest)


class Sample(msgspec.Struct, array_like=True):
    """One answered request: when it was due and how long it took, in seconds from the start, and its status."""

    due_s: float
    took_s: float
    status: int


class StreamReport(msgspec.Struct, kw_only=True):
    """What became of the requests of a stream. Latencies in µs, from when a request was due."""

    name: str
    offered: int = 0
    completed: int = 0
    in_time: int = 0  # completed before the stream's end
    rows: int = 0  # in right answers
    whole_in_time: int = 0  # rows, before the stream's end, of what was asked for in full
    lesser_rows: int = 0  # of `rows`: right, and less than was asked for
    lesser_rungs: dict[str, int] = {}  # who gave the answers among which there are lesser ones
    statuses: dict[int, int] = {}
    wrong: int = 0  # status 200 and not the answer to this request
    refused_without_retry_after: int = 0
    retried: int = 0  # sent again because the server had closed the idle connection
    cut: int = 0
    errors: dict[str, int] = {}
    unanswered_due_s: list[float] = []  # when those were due that were sent and never answered
    answered: Counts = msgspec.field(default_factory=lambda: Counts({}, 0))
    refused: Counts = msgspec.field(default_factory=lambda: Counts({}, 0))
    samples: list[Sample] = []


class Report(msgspec.Struct, kw_only=True):
    """One run. Lateness: how much later than due a request was handed to a free connection or to the queue for one."""

    began: float  # time.monotonic
    seconds: float
    cpu_s: float
    lateness: Counts
    waited: Counts  # for a free connection
    waited_requests: int
    connects: int
    failed_connects: int
    unsolicited: int  # bytes that nobody asked for
    streams: list[StreamReport]

    def stream(self, name: str) -> StreamReport:
        return next(one for one in self.streams if one.name == name)

    @property
    def cpu_share(self) -> float:
        """Of one core."""
        return self.cpu_s / self.seconds


def total(histograms: Sequence[Counts]) -> Histogram:
    """Several runs' histograms as one."""
    summed = Histogram()
    for one in histograms:
        summed.add(one.histogram)
    return summed
