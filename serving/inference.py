"""Everything behind `POST /v1/score` in one worker, opened in order and closed so that nothing accepted is lost."""

import asyncio
import gc
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime

from anyio import CapacityLimiter, to_thread

from lintel.home import Home
from lintel.settings import Settings
from serving.admission.admission import Admission, admission_of, buckets_of
from serving.admission.classification import Bounds, Timeouts, bounds_of, timeouts_of
from serving.autoscaling.report import report_load
from serving.batch_metrics import BatchMetrics
from serving.batching.micro_batcher import MicroBatcher
from serving.batching.policy import BatchingPolicy, ByClass
from serving.breaker import BreakerPolicy, Breakers
from serving.brown_out import BrownOut, policy_of
from serving.computation import Computation
from serving.engine import Engine, Memory
from serving.hot.comparisons import HotComparisons
from serving.hot.leads import HotLeads
from serving.hot.score_cache import ScoreCache
from serving.hot.versions import Versions, stored_version
from serving.model import Models
from serving.model_report import ModelReport
from serving.prediction_log.log import PredictionLog
from serving.questions import LeadScore, Question, Shape
from serving.router import Router
from serving.scoring_metrics import ScoringMetrics
from serving.shadowing import Shadows
from serving.unread import Unread
from serving.urgency import Urgency
from serving.vital_signs import VitalSigns

SWITCH_SECONDS = 0.0005
"""How long the compute thread may keep the interpreter from the event loop; Python's own 5 ms would be felt."""
WATCH_SECONDS = 0.25
UNREAD_THREADS = 2
"""For answers without the store; of their own, since a store that hangs holds all others."""


@dataclass(frozen=True, slots=True)
class Inference:
    """What the scoring route and the health routes use."""

    engine: Engine
    admission: Admission
    batcher: MicroBatcher[Shape, Question, LeadScore]
    brown_out: BrownOut
    breakers: Breakers
    leads: HotLeads
    log: PredictionLog
    bounds: Bounds
    timeouts: Timeouts


@asynccontextmanager
async def open_inference(
    home: Home, models: Models, metrics: ScoringMetrics, now: Callable[[], datetime]
) -> AsyncIterator[Inference]:
    """Open the parts of one worker; at the end finish what was accepted, then write the prediction log out."""
    settings = home.settings
    sys.setswitchinterval(SWITCH_SECONDS)
    async with AsyncExitStack() as stack:
        log = await to_thread.run_sync(PredictionLog.open, settings)
        stack.push_async_callback(_in_thread, log.close)
        leads = HotLeads(home.events, settings.hot_state_mb * 1_000_000)
        versions = Versions(stored_version(leads, home.scores))
        stack.push_async_callback(_in_thread, versions.close)
        breakers = Breakers(BreakerPolicy(longest_backoff_seconds=10.0), seed=os.getpid())
        brown_out = BrownOut(policy_of(settings))
        observer = BatchMetrics(metrics, brown_out)
        computation = Computation(leads, HotComparisons(home.scores), breakers, now=now)
        policy = _policy(settings)
        batcher = await stack.enter_async_context(_batcher(computation, policy, observer))
        admission = _admission(settings, policy, breakers, brown_out, batcher, metrics=metrics)
        stack.push_async_callback(admission.close)
        unread = Unread(Router(models), home.last_scores, CapacityLimiter(UNREAD_THREADS), now=now)
        memory = Memory(versions, ScoreCache(leads, settings.score_cache_entries), unread)
        shadows = Shadows(models, batcher, log=log, metrics=metrics, now=now)
        engine = Engine(
            models,
            memory,
            batcher,
            breakers=breakers,
            brown_out=brown_out,
            log=log,
            shadows=shadows,
            metrics=metrics,
            feature_rate=settings.prediction_log_feature_rate,
            now=now,
        )
        found = Inference(
            engine, admission, batcher, brown_out, breakers, leads, log, bounds_of(settings), timeouts_of(settings)
        )
        signs = VitalSigns(found, models, metrics, observer)
        for task in (
            signs.watch(WATCH_SECONDS),
            report_load(signs.load, settings.supervisor, WATCH_SECONDS),
            shadows.run(),
            ModelReport(settings.worker_models_path, models, now).keep(),
        ):
            stack.push_async_callback(_cancelled, asyncio.create_task(task))
        _settle_memory()
        yield found


def _policy(settings: Settings) -> BatchingPolicy:
    """Bounds within which any one request fits, however many leads the settings allow it."""
    plain = BatchingPolicy()
    return replace(plain, bound_rows=ByClass(*(max(rows, settings.max_leads) for rows in plain.bound_rows)))


def _batcher(
    computation: Computation, policy: BatchingPolicy, observer: BatchMetrics
) -> MicroBatcher[Shape, Question, LeadScore]:
    return MicroBatcher(
        computation, policy, shape_of=lambda shape: shape.label, party_of=lambda shape: shape.tenant, observer=observer
    )


def _admission(
    settings: Settings,
    policy: BatchingPolicy,
    breakers: Breakers,
    brown_out: BrownOut,
    batcher: MicroBatcher[Shape, Question, LeadScore],
    *,
    metrics: ScoringMetrics,
) -> Admission:
    return admission_of(
        settings,
        buckets_of(settings, breakers["redis"], on_fallback=metrics.quota_fallbacks.inc),
        {urgency: int(policy.bound_rows[urgency]) for urgency in Urgency},
        sheds=brown_out.sheds,
        drain_seconds=lambda urgency: batcher.retry_after(urgency, 1),
    )


async def _in_thread(close: Callable[[], object]) -> None:
    await to_thread.run_sync(close)


async def _cancelled(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _settle_memory() -> None:
    """What was loaded at the start stays: the garbage collector need not go through it again and again, for
    hundreds of milliseconds in the midst of requests."""
    gc.collect()
    gc.freeze()
