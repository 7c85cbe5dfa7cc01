"""What became of the requests of one stream, counted as it happens."""

import re
from typing import TextIO

import msgspec

from benchmarks.load_lab.connection import Flight
from benchmarks.load_lab.histogram import Histogram
from benchmarks.load_lab.plan import Counts, Sample, Stream, StreamReport
from benchmarks.load_lab.response import Response

OK = 200
"""An answer; what is only partly taken (202) is none that a stream here asks for."""
REFUSALS = frozenset({429, 503})


class _Model(msgspec.Struct):
    digest: str


class _Score(msgspec.Struct):
    lead_id: str
    decision_id: str = ""
    served_by: str = ""
    model: _Model | None = None


class _Scores(msgspec.Struct):
    scores: list[_Score]


_RUNG = re.compile(rb'"served_by":"([^"]*)"')
_SCORES = msgspec.json.Decoder(_Scores)


class Tally:
    """Counts of one stream; `decisions` gets a line for each answered lead."""

    def __init__(self, stream: Stream, decisions: TextIO | None) -> None:
        self.report = StreamReport(
            name=stream.name, statuses={}, errors={}, samples=[], lesser_rungs={}, unanswered_due_s=[]
        )
        self._stream = stream
        self._decisions = decisions
        self._answered, self._refused = Histogram(), Histogram()

    def answer(self, flight: Flight, response: Response, *, now: float, began: float) -> None:
        report, took = self.report, now - flight.due
        in_time = now - began <= self._stream.end_s
        report.completed += 1
        report.in_time += in_time
        report.statuses[response.status] = report.statuses.get(response.status, 0) + 1
        if response.status == OK:
            self._answered.record(int(took * 1e6))
            self._check(flight, response.body, in_time=in_time)
        elif response.status in REFUSALS:
            self._refused.record(int(took * 1e6))
            report.refused_without_retry_after += not response.retry_after
        if self._stream.keep_samples:
            report.samples.append(Sample(flight.due - began, took, response.status))

    def error(self, fault: str, count: int = 1) -> None:
        self.report.errors[fault] = self.report.errors.get(fault, 0) + count

    def finished(self) -> StreamReport:
        self.report.answered, self.report.refused = Counts.of(self._answered), Counts.of(self._refused)
        return self.report

    def _check(self, flight: Flight, body: bytes, *, in_time: bool) -> None:
        """Whether it is the answer to this request: it holds what is expected, in order."""
        at = 0
        for piece in flight.question.expected:
            at = body.find(piece, at)
            if at < 0:
                self.report.wrong += 1
                return
            at += len(piece)
        rows, whole = flight.question.rows, flight.question.whole
        self.report.rows += rows
        lesser = rows - body.count(whole) if whole else 0
        self.report.whole_in_time += (rows - lesser) * in_time
        if lesser:
            self._lesser(lesser, body)
        if self._decisions is not None and rows:
            self._note(self._decisions, body)

    def _lesser(self, count: int, body: bytes) -> None:
        self.report.lesser_rows += count
        rungs = self.report.lesser_rungs
        for rung in _RUNG.findall(body):
            rungs[rung.decode()] = rungs.get(rung.decode(), 0) + 1

    def _note(self, decisions: TextIO, body: bytes) -> None:
        for score in _SCORES.decode(body).scores:
            model = score.model.digest if score.model else ""
            decisions.write(f"{score.decision_id}\t{score.lead_id}\t{score.served_by}\t{model}\n")
