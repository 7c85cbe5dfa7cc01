"""From an admitted request to answers: versions, cache, batches, and the rungs below when something fails.

The ladder is: the model that the traffic table assigns; the champion, where a canary fails; the champion's light
model, where the full one fails or the load is too much for it; the last stored score, from a copy outside the store,
where the store is away or the deadline has come; the base rates. Every answer names its rung.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from anyio import to_thread
from msgspec.structs import replace as with_fields

from lintel.errors import LintelError, UnavailableError
from lintel.events.moments import to_microseconds
from lintel.scoring.decision_id import decision_id
from lintel.scoring.lesser_answers import LAST_SCORE, LIGHT_MODEL, PRIOR
from lintel.store.prediction import is_sampled
from serving.admission.refusals import overloaded
from serving.batching.micro_batcher import MicroBatcher
from serving.batching.refusals import DeadlinePassed, QueueFull, Refusal
from serving.breaker import Breakers
from serving.brown_out import BrownOut
from serving.failures import Failures
from serving.hot.score_cache import ScoreCache, ScoreKey, with_seq
from serving.hot.versions import TenantVersion, Versions
from serving.model import BAKED, CANARY, CHAMPION, PREVIOUS, Models, ServedModel
from serving.prediction_log.log import PredictionLog
from serving.questions import Asked, LeadScore, ModelAwayError, Question, Rung, Shape
from serving.router import Router
from serving.scoring_metrics import ScoringMetrics
from serving.shadowing import Shadows
from serving.unread import Unread
from serving.urgency import Urgency

STORE = "store"
STORE_SECONDS = 0.25
"""How long the version check of a tenant may take before the store counts as away."""

Outcome = LeadScore | Exception
_LADDER = (CHAMPION, CANARY, PREVIOUS, BAKED, LIGHT_MODEL, LAST_SCORE, PRIOR)  # from the top


@dataclass(frozen=True, slots=True)
class Memory:
    """What a worker has at hand before anything is computed."""

    versions: Versions
    cache: ScoreCache[LeadScore]
    unread: Unread


class Engine:
    """Answers the scoring requests of one worker. For one event loop."""

    def __init__(
        self,
        models: Models,
        memory: Memory,
        batcher: MicroBatcher[Shape, Question, LeadScore],
        *,
        breakers: Breakers,
        brown_out: BrownOut,
        log: PredictionLog,
        shadows: Shadows,
        metrics: ScoringMetrics,
        feature_rate: float,
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._models = models
        self._router = Router(models)
        self._memory = memory
        self._batcher = batcher
        self._breakers = breakers
        self._brown_out = brown_out
        self._log = log
        self._shadows = shadows
        self._metrics = metrics
        self._feature_rate = feature_rate
        self._now = now
        self._clock = clock
        self._failures = Failures()

    async def answers(self, asked: Asked) -> list[bytes]:
        """One JSON object a lead, in the order asked.

        Raises RequestError: 503 `overloaded` if the queue has no room, `deadline-passed` if nothing could be answered
        in time; NotFoundError if a log that is the tenant's clock is empty.
        """
        version = await self._version(asked)
        if version is None:
            if asked.urgency is Urgency.BULK and self._clock() >= asked.deadline:
                raise self._too_late(asked, len(asked.lead_ids))
            scores = await self._memory.unread.scores(asked, asked.lead_ids, None)
            return self._delivered(asked, scores, fresh=())
        scores, fresh = await self._scores(asked, version)
        bodies = self._delivered(asked, scores, fresh)
        self._shadows.offer(asked, version)
        return bodies

    async def _version(self, asked: Asked) -> TenantVersion | None:
        """The tenant's version, read after the request came; None if the store did not say it in time."""
        permit = self._breakers[STORE].allow(self._clock())
        if permit is None:
            return None
        patience = max(asked.deadline - self._clock(), 0.0)
        try:
            async with asyncio.timeout(min(STORE_SECONDS, patience)):
                version = await self._memory.versions.read(asked.tenant)
        except TimeoutError:
            # a caller in a hurry says nothing of the store
            permit.cancelled() if patience < STORE_SECONDS else permit.failed(self._clock())
            return None
        except UnavailableError:
            permit.failed(self._clock())
            return None
        except LintelError:
            permit.succeeded(self._clock())  # it answered: there is no such tenant
            raise
        except BaseException:
            permit.cancelled()
            raise
        permit.succeeded(self._clock())
        return version

    async def _scores(self, asked: Asked, version: TenantVersion) -> tuple[list[LeadScore], set[int]]:
        """The answers, and which of them were computed for this request."""
        if asked.as_of is None:
            version.state.time(self._now())  # an empty log has no end to score at
        parts = await self._parts(asked)
        found: dict[int, LeadScore] = {}
        waiting: list[tuple[Shape, list[int]]] = []
        for shape, positions in parts:
            kept = self._kept(asked, shape, positions, version)
            found |= kept
            if len(kept) < len(positions):
                waiting.append((shape, [position for position in positions if position not in kept]))
        self._count_cache(len(found), len(asked.lead_ids))
        fresh = {position for _, positions in waiting for position in positions}
        for computed in await _all([self._computed(asked, *part, version) for part in waiting]):
            found |= computed
        return [found[position] for position in range(len(asked.lead_ids))], fresh

    async def _parts(self, asked: Asked) -> list[tuple[Shape, list[int]]]:
        """Positions in the request by what is to answer them."""
        if self._models.route(asked.tenant).champion is None:
            await to_thread.run_sync(self._models.serving, asked.tenant)  # looks whether one was promoted just now
        spare = asked.urgency is Urgency.INTERACTIVE and self._brown_out.takes_light_model(self._clock())
        explain = asked.explain and not spare and self._brown_out.explains(self._clock())
        withheld = asked.explain and not explain
        return [
            (Shape(asked.tenant, model, asked.as_of, explain, withheld, _rung(model, spare)), positions)
            for model, positions in self._router.split(asked.tenant, asked.lead_ids)
        ]

    async def _computed(
        self, asked: Asked, shape: Shape, positions: Sequence[int], version: TenantVersion
    ) -> dict[int, LeadScore]:
        """Answers of one shape, by position in the request; by lower rungs where the model gives none."""
        leads = [asked.lead_ids[position] for position in positions]
        outcomes = await self._asked(asked, shape, leads, version)
        self._keep(shape, leads, outcomes, version)
        for lower in self._below(shape):
            failed = [i for i, one in enumerate(outcomes) if _is_the_models(one)]
            if failed:
                again = await self._asked(asked, lower, [leads[i] for i in failed], version)
                for i, outcome in zip(failed, again, strict=True):
                    outcomes[i] = outcome
        scores = await self._without_gaps(asked, leads, outcomes, version)
        return dict(zip(positions, scores, strict=True))

    def _below(self, shape: Shape) -> list[Shape]:
        """What computes, in turn, where the model of a shape fails."""
        if shape.rung is Rung.LIGHT:
            return []
        champion = self._models.route(shape.tenant).champion or shape.model
        light = replace(shape, model=champion, rung=Rung.LIGHT, explain=False)
        return [light] if champion is shape.model else [replace(shape, model=champion), light]

    async def _asked(self, asked: Asked, shape: Shape, leads: Sequence[str], version: TenantVersion) -> list[Outcome]:
        state = version.state
        seen = (state.last_seq, version.epoch, version.score_version, state.context_changes, id(state.tenant))
        try:
            outcomes = await self._batcher.ask(
                [Question(lead, version, asked.trace_id) for lead in leads],
                key=shape,
                urgency=asked.urgency,
                deadline=asked.deadline,
                flights=[(lead, seen) for lead in leads],
            )
        except QueueFull as full:
            raise overloaded(asked.urgency, full.retry_after_seconds) from None
        except Refusal as refusal:
            return [refusal] * len(leads)
        self._failures.tell(outcomes)
        return outcomes

    async def _without_gaps(
        self, asked: Asked, leads: Sequence[str], outcomes: Sequence[Outcome], version: TenantVersion
    ) -> list[LeadScore]:
        """The last score or the base rates where nothing was computed; what came too late is said to bulk callers,
        who can ask again."""
        gaps = [i for i, one in enumerate(outcomes) if not isinstance(one, LeadScore)]
        if not gaps:
            return [one for one in outcomes if isinstance(one, LeadScore)]
        late = all(isinstance(outcomes[i], DeadlinePassed) for i in gaps)
        if late and asked.urgency is Urgency.BULK and len(gaps) == len(outcomes):
            raise self._too_late(asked, len(gaps))
        filled = await self._memory.unread.scores(asked, [leads[i] for i in gaps], version)
        by_position = dict(zip(gaps, filled, strict=True))
        return [by_position.get(i) or one for i, one in enumerate(outcomes)]  # type: ignore[misc]  # no gap is left

    def _too_late(self, asked: Asked, rows: int) -> LintelError:
        return overloaded(asked.urgency, self._batcher.retry_after(asked.urgency, rows))

    def _kept(
        self, asked: Asked, shape: Shape, positions: Sequence[int], version: TenantVersion
    ) -> dict[int, LeadScore]:
        """Answers that still hold, by position in the request."""
        now, seq, found = self._now(), version.state.last_seq, {}
        for position in positions:
            kept = self._memory.cache.get(_key(shape, asked.lead_ids[position]), version, now)
            if kept is not None:
                prediction = kept.prediction and with_fields(kept.prediction, seq=seq, cached=True)
                found[position] = replace(kept, body=with_seq(kept.body, seq), prediction=prediction)
        return found

    def _keep(
        self,
        shape: Shape,
        leads: Sequence[str],
        outcomes: Sequence[Outcome],
        version: TenantVersion,
    ) -> None:
        if shape.rung is not Rung.MODEL or shape.withheld:
            return
        for lead_id, one in zip(leads, outcomes, strict=True):
            if isinstance(one, LeadScore) and one.prediction is not None:
                kept = replace(one, prediction=with_fields(one.prediction, features=None))
                self._memory.cache.put(
                    _key(shape, lead_id),
                    kept,
                    len(one.body),
                    version=version,
                    survivor=one.survivor,
                    valid_until=one.valid_until,
                )

    def _count_cache(self, hits: int, leads: int) -> None:
        if hits:
            self._metrics.cache.labels("hit").inc(hits)
        if leads > hits:
            self._metrics.cache.labels("miss").inc(leads - hits)

    def _delivered(self, asked: Asked, scores: Sequence[LeadScore], fresh: "set[int] | tuple[()]") -> list[bytes]:
        """The answers under ids of their own, logged and counted."""
        now, ended = self._now(), self._clock()
        answered_at, total = to_microseconds(now), (ended - asked.began) * 1e3
        bodies, log = [], []
        for position, score in enumerate(scores):
            decision = decision_id(now)
            bodies.append(score.with_decision(decision))
            if score.prediction is None:
                continue
            began = max(score.computed_at, asked.began)  # of a computation that another request had begun
            done = score.computed_at + score.compute_seconds
            computed = position in fresh and score.compute_seconds > 0.0
            sampled = score.prediction.features is not None and is_sampled(decision, self._feature_rate)
            log.append(
                with_fields(
                    score.prediction,
                    decision_id=decision,
                    answered_at=answered_at,
                    urgency=asked.urgency.label,
                    features=score.prediction.features if sampled else None,
                    queue_ms=(began - asked.began) * 1e3 if computed else 0.0,
                    compute_ms=(done - began) * 1e3 if computed else 0.0,
                    total_ms=total,
                    principal=asked.principal.name,
                    trace_id=asked.trace_id,
                )
            )
        self._log.put(log)
        self._count(asked, scores, ended)
        return bodies

    def _count(self, asked: Asked, scores: Sequence[LeadScore], ended: float) -> None:
        seconds = ended - asked.began
        counts: dict[tuple[str, str], int] = defaultdict(int)
        for score in scores:
            counts[score.served_by, score.outcome] += 1
        for (served_by, outcome), rows in counts.items():
            self._metrics.leads.labels(asked.urgency.label, served_by, outcome).inc(rows)
        lowest = max((score.served_by for score in scores), key=_LADDER.index)
        self._metrics.duration.labels(asked.urgency.label, lowest).observe(seconds)
        if asked.urgency is Urgency.INTERACTIVE and not asked.explain:
            self._brown_out.observe(seconds, ended)


async def _all(work: Sequence[Coroutine[Any, Any, dict[int, LeadScore]]]) -> list[dict[int, LeadScore]]:
    """All results; nothing goes on once one has raised or the caller has left."""
    if len(work) == 1:
        return [await work[0]]
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


def _rung(model: ServedModel, spare: bool) -> Rung:
    return Rung.LIGHT if spare and model.bundle.lighter is not None else Rung.MODEL


def _key(shape: Shape, lead_id: str) -> ScoreKey:
    """Under which a full answer is kept: where it still holds, a loaded worker gives it, too."""
    model = shape.model
    return ScoreKey(
        shape.tenant,
        lead_id,
        model.digest,
        model.version,
        model.served_by,
        Rung.MODEL.value,
        shape.explain or shape.withheld,
        shape.as_of,
    )


def _is_the_models(outcome: Outcome) -> bool:
    """Whether a lower rung that computes may do better: neither the store's fault nor the time's."""
    if isinstance(outcome, ModelAwayError):
        return True
    return isinstance(outcome, Exception) and not isinstance(outcome, Refusal | UnavailableError)
