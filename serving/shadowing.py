"""What bundles in shadow score: leads that were answered, after the caller was, for the prediction log alone."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace as with_fields

from lintel.events.moments import to_microseconds
from lintel.scoring.decision_id import decision_id
from lintel.store.prediction import Prediction
from serving.batching.micro_batcher import MicroBatcher
from serving.batching.refusals import QueueFull, Refusal
from serving.failures import Failures
from serving.hot.versions import TenantVersion
from serving.model import Models
from serving.prediction_log.log import PredictionLog
from serving.questions import Asked, LeadScore, Question, Rung, Shape
from serving.router import mirrored
from serving.scoring_metrics import ScoringMetrics
from serving.urgency import Urgency

MOST_WAITING = 1_000
"""Rows; what comes on top is dropped and counted: nobody waits for them, and callers must not either."""
MOST_TOGETHER = 64
PATIENCE_SECONDS = 2.0
"""How long a row may wait for a computation: less than rows of the lowest class need to be promoted."""
SCORED, FAILED, DROPPED = "scored", "failed", "dropped"


@dataclass(frozen=True, slots=True)
class _Row:
    shape: Shape
    question: Question


class Shadows:
    """Rows that wait for bundles in shadow. For one event loop.

    They queue in the lowest class of the micro-batcher, a few at a time, so that they take no caller's room there, and
    are given up rather than promoted.
    """

    def __init__(
        self,
        models: Models,
        batcher: MicroBatcher[Shape, Question, LeadScore],
        *,
        log: PredictionLog,
        metrics: ScoringMetrics,
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._models = models
        self._batcher = batcher
        self._log = log
        self._metrics = metrics
        self._now = now
        self._clock = clock
        self._waiting: deque[_Row] = deque()
        self._some = asyncio.Event()
        self._failures = Failures()

    def offer(self, asked: Asked, version: TenantVersion) -> None:
        """Take note of a request that is answered. Never waits."""
        route = self._models.route(asked.tenant)
        if not route.shadows:
            return
        for lead in asked.lead_ids:
            for model in mirrored(route, asked.tenant, lead):
                shape = Shape(asked.tenant, model, asked.as_of, explain=False, withheld=False, rung=Rung.MODEL)
                self._take(_Row(shape, Question(lead, version, asked.trace_id)))

    async def run(self) -> None:
        """Score what waits, until cancelled."""
        while True:
            await self._some.wait()
            rows = self._together()
            if rows:
                await self._scored(rows)
            else:
                self._some.clear()

    def _take(self, row: _Row) -> None:
        if len(self._waiting) >= MOST_WAITING:
            self._count(DROPPED, 1)
            return
        self._waiting.append(row)
        self._some.set()

    def _together(self) -> list[_Row]:
        """The rows at the front that are computed in one call."""
        rows: list[_Row] = []
        while (
            self._waiting and len(rows) < MOST_TOGETHER and self._waiting[0].shape == (rows or self._waiting)[0].shape
        ):
            rows.append(self._waiting.popleft())
        return rows

    async def _scored(self, rows: Sequence[_Row]) -> None:
        try:
            outcomes = await self._batcher.ask(
                [row.question for row in rows],
                key=rows[0].shape,
                urgency=Urgency.BULK,
                deadline=self._clock() + PATIENCE_SECONDS,
            )
        except (QueueFull, Refusal):
            self._count(DROPPED, len(rows))
            return
        self._failures.tell(outcomes)
        scores = [one for one in outcomes if isinstance(one, LeadScore)]
        dropped = sum(isinstance(one, Refusal) for one in outcomes)
        self._count(SCORED, len(scores))
        self._count(DROPPED, dropped)
        self._count(FAILED, len(rows) - len(scores) - dropped)
        traces = {row.question.lead_id: row.question.trace_id for row in rows}
        self._log.put([self._logged(one.prediction, one, traces) for one in scores if one.prediction is not None])

    def _logged(self, prediction: Prediction, score: LeadScore, traces: dict[str, str | None]) -> Prediction:
        """A line of the log that is no answer: under an id of its own, of no caller."""
        now, milliseconds = self._now(), score.compute_seconds * 1e3
        return with_fields(
            prediction,
            decision_id=decision_id(now),
            answered_at=to_microseconds(now),
            urgency=Urgency.BULK.label,
            features=None,
            compute_ms=milliseconds,
            total_ms=milliseconds,
            trace_id=traces.get(prediction.lead_id),
        )

    def _count(self, outcome: str, rows: int) -> None:
        if rows:
            self._metrics.shadow.labels(outcome).inc(rows)
