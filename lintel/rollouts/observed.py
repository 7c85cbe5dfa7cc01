"""Evidence on a rollout, from what the service left: its prediction log, its workers' words, and the events."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lintel.events.moments import from_microseconds, to_microseconds
from lintel.home import Home
from lintel.rollouts.arms import COLUMNS, Split, arms
from lintel.rollouts.decision import State
from lintel.rollouts.draw import salt_of
from lintel.rollouts.evidence import Arm, Evidence, Pairs
from lintel.rollouts.maturing import MaturedRows, in_order, matured_rows
from lintel.rollouts.plan import Strategy
from lintel.rollouts.rescoring import Asked, probabilities, questions_again
from lintel.rollouts.rollout import Rollout
from lintel.rollouts.workers import WorkerModels, running_workers
from lintel.scoring.bundle import Bundle
from lintel.store.prediction import SHADOW
from lintel.store.predictions import joined
from lintel.store.tenants import Tenant

SAMPLE = 200
"""Leads whose scores are compared in pairs: those that were answered last."""
LOOK_BACK = timedelta(days=1)
"""Of answers that are judged while no step is under way, which may be for weeks."""
_SAMPLED_FROM = 100 * SAMPLE  # answers
_READ = (*COLUMNS, "decision_id", "as_of", "seq")
_CANARY = "canary"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Observed:
    """Evidence, and the rollout with what was seen of its workers."""

    rollout: Rollout
    evidence: Evidence


def observe(home: Home, rollout: Rollout, now: datetime) -> Observed:
    """What is known of the candidate beside the champion by now.

    Nothing counts from before all workers followed the newest assignment: until then the champion answers leads that
    are the candidate's, and that is no failure.
    """
    words = running_workers(home.settings.worker_models_path, now)
    rollout = _followed(rollout, words)
    candidate, champion = (_checked(home, one.digest) for one in (rollout.candidate, rollout.champion))
    refused = any(_refuses(word, rollout) for word in words)
    evidence = Evidence(
        Arm(),
        Arm(),
        candidate_loads=candidate is not None and not refused,
        workers=len(words),
        workers_on=sum(word.serves(rollout.candidate.digest, (_CANARY, "champion")) for word in words),
    )
    if candidate is None or champion is None or refused:
        return Observed(rollout, evidence)
    return Observed(rollout, _gathered(home, rollout, evidence, candidate, champion, now=now))


def answered_tenants(home: Home, scope: str) -> list[Tenant]:
    """Whose answers a scope's traffic decides: one tenant, or all that have no traffic of their own."""
    tenants, own = home.events.tenants(), set(home.traffic.scopes())
    return [one for one in tenants if one.id == scope] or [one for one in tenants if one.id not in own]


def _gathered(
    home: Home, rollout: Rollout, evidence: Evidence, candidate: Bundle, champion: Bundle, *, now: datetime
) -> Evidence:
    found: list[tuple[Arm, Arm]] = []
    pairs: list[dict[str, Pairs]] = []
    matured: list[dict[str, MaturedRows]] = []
    for tenant in answered_tenants(home, rollout.scope):
        waiting = home.predictions.read_waiting(tenant.id, rollout.progress.began_at, shadow=True)
        answers = _answers(home, tenant, rollout, waiting, now)
        found.append(_arms(tenant, rollout, answers))
        mine, failed = _pairs(home, tenant, answers, candidate, champion)
        pairs.append(mine)
        if rollout.plan.strategy is Strategy.SHADOW and failed:  # the log holds what it scored, not what it failed on
            found.append((Arm(failed, failed), Arm()))
        matured.append(matured_rows(home, tenant, rollout, (candidate, champion), waiting, now=now))
    return replace(
        evidence,
        candidate=_added([one for one, _ in found]),
        champion=_added([one for _, one in found]),
        pairs=_joined(pairs),
        matured=in_order(matured),
    )


def _followed(rollout: Rollout, words: Sequence[WorkerModels]) -> Rollout:
    """The rollout with the time from which all workers follow its traffic, once they do."""
    if rollout.followed_at is not None or not words:
        return rollout
    if any(word.version < rollout.traffic_version or not word.has(rollout.candidate.digest) for word in words):
        return rollout
    newest = from_microseconds(max(word.since for word in words))
    return replace(rollout, followed_at=max(newest, rollout.progress.step_began_at))


def _refuses(word: WorkerModels, rollout: Rollout) -> bool:
    return word.version >= rollout.traffic_version and rollout.candidate.digest in word.missing


def _checked(home: Home, digest: str) -> Bundle | None:
    """The bundle, if it loads and answers its golden request; None if it does not."""
    try:
        return _loaded(home.settings.bundles_path / digest.removeprefix("sha256:"))
    except Exception as error:
        # whatever a library raises on models of another version: that is what is to be found out
        logger.warning("bundle %s does not serve: %s", digest[:19], type(error).__name__)
        return None


@lru_cache(maxsize=4)
def _loaded(path: Path) -> Bundle:
    bundle = Bundle.load(path)
    bundle.check_golden()
    return bundle


def _answers(home: Home, tenant: Tenant, rollout: Rollout, waiting: pa.Table, now: datetime) -> pa.Table:
    """Answers since the step began to be followed, none before that; with scores in shadow, oldest first."""
    since = rollout.followed_at or now
    if rollout.progress.state is not State.RUNNING:
        since = max(since, now - LOOK_BACK)
    kept = home.predictions.read(tenant.id, since, columns=_READ, shadow=True)
    return joined(kept, _since(waiting, since)).sort_by([("answered_at", "ascending")])


def _arms(tenant: Tenant, rollout: Rollout, answers: pa.Table) -> tuple[Arm, Arm]:
    """Of the step."""
    if rollout.followed_at is None or not rollout.share:
        return Arm(), Arm()
    split = Split(
        rollout.plan.strategy,
        rollout.candidate.digest,
        rollout.champion.digest,
        rollout.share,
        salt_of(rollout.scope, (rollout.candidate.digest,)),
    )
    return arms(answers, tenant.id, split)


def _pairs(
    home: Home, tenant: Tenant, answers: pa.Table, candidate: Bundle, champion: Bundle
) -> tuple[dict[str, Pairs], int]:
    """Probabilities of both for the leads answered last, and for how many of them the candidate has none."""
    asked = _newest_asked(answers, SAMPLE)
    again = questions_again(home.events, tenant, asked)
    if again is None:
        return {}, 0
    theirs = probabilities(champion, tenant, again)
    try:
        ours = probabilities(candidate, tenant, again)
    except Exception as error:
        # whatever a model raises: that it does is the finding
        logger.warning("candidate %s fails on leads: %s", candidate.digest[:19], type(error).__name__)
        return {}, len(again)
    return {name: Pairs(ours[name], theirs[name]) for name in sorted(ours.keys() & theirs.keys())}, 0


def _joined(parts: Sequence[dict[str, Pairs]]) -> dict[str, Pairs]:
    """The pairs of all tenants by dimension."""
    found: dict[str, Pairs] = {}
    for name, one in ((name, one) for part in parts for name, one in part.items()):
        before = found.get(name, Pairs(np.empty(0), np.empty(0)))
        found[name] = Pairs(
            *(np.concatenate(both) for both in ((before.candidate, one.candidate), (before.champion, one.champion)))
        )
    return found


def _newest_asked(answers: pa.Table, most: int) -> Asked:
    """The newest answer of each of the leads answered last, where features were read for it."""
    answers = answers.slice(max(len(answers) - _SAMPLED_FROM, 0))
    answers = answers.filter(pc.is_valid(answers.column("features_digest")))
    answers = answers.filter(pc.not_equal(answers.column("served_by").cast(pa.string()), SHADOW))
    leads = answers.column("lead_id").to_pylist()
    newest = {lead: row for row, lead in enumerate(leads)}  # the last one wins, and keeps no order but its own
    rows = sorted(newest.values(), reverse=True)[:most]
    taken = answers.take(pa.array(rows, pa.int64()))
    return Asked(
        taken.column("lead_id").to_pylist(),
        taken.column("as_of").cast(pa.int64()).to_numpy(),
        taken.column("seq").to_numpy(),
    )


def _since(answers: pa.Table, moment: datetime) -> pa.Table:
    return answers.filter(pc.greater_equal(answers.column("answered_at").cast(pa.int64()), to_microseconds(moment)))


def _added(parts: Sequence[Arm]) -> Arm:
    times = [one.compute_ms for one in parts]
    return Arm(
        sum(one.asked for one in parts),
        sum(one.failed for one in parts),
        np.concatenate(times) if times else np.empty(0),
    )
