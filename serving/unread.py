"""Answers about leads whose events cannot be read now: what was last stored of them, else how often leads do it."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from anyio import CapacityLimiter, to_thread

from lintel.scoring.lesser_answers import last_score_answer, prior_answer
from lintel.store.last_scores import LastScores
from lintel.store.prediction import Prediction, prediction_of
from lintel.store.tenants import Tenant
from serving.hot.versions import TenantVersion
from serving.questions import Asked, LeadScore
from serving.router import Router

Json = dict[str, Any]


class Unread:
    """The two lowest rungs, from the copy of the newest scores outside the store and from the bundle itself.

    Parameters
    ----------
    threads: for reading the copies' files off the event loop.
    """

    def __init__(
        self, router: Router, last_scores: LastScores, threads: CapacityLimiter, *, now: Callable[[], datetime]
    ) -> None:
        self._router = router
        self._last_scores = last_scores
        self._threads = threads
        self._now = now

    async def scores(self, asked: Asked, leads: Sequence[str], version: TenantVersion | None) -> list[LeadScore]:
        """One answer a lead; `version` is what is known of the tenant, None while the store is away."""
        return await to_thread.run_sync(self._scores, asked, leads, version, limiter=self._threads)

    def _scores(self, asked: Asked, leads: Sequence[str], version: TenantVersion | None) -> list[LeadScore]:
        return [self._score(asked, lead, version) for lead in leads]

    def _score(self, asked: Asked, lead_id: str, version: TenantVersion | None) -> LeadScore:
        now = self._now()
        stored = self._last_scores.read(asked.tenant, lead_id)
        if stored is not None and (asked.as_of is None or stored.scored_at <= asked.as_of):
            return _lead_score(last_score_answer(stored, lead_id, now), asked)
        return _lead_score(self._prior(asked, lead_id, version, now), asked)

    def _prior(self, asked: Asked, lead_id: str, version: TenantVersion | None, now: datetime) -> Json:
        model = self._router.assigned(asked.tenant, lead_id)
        if version is None:
            unknown = Tenant(asked.tenant, labels="")
            told = prior_answer(model.bundle, unknown, lead_id, asked.as_of, model_version=model.version, now=now)
            return {name: value for name, value in told.items() if name != "clock"}  # nobody knows which it has
        moment = asked.as_of or version.state.time(now)
        return prior_answer(model.bundle, version.state.tenant, lead_id, moment, model_version=model.version, now=now)


def _lead_score(answer: Json, asked: Asked) -> LeadScore:
    told = {name: value for name, value in answer.items() if name != "decision_id"}
    return LeadScore(msgspec.json.encode(told)[1:], "scored", answer["served_by"], _prediction(answer, asked))


def _prediction(answer: Json, asked: Asked) -> Prediction:
    whole = {"as_of": "1970-01-01T00:00:00Z", "seq": 0} | answer
    return prediction_of(whole, asked.tenant, answered_at=0, urgency="", features=None, feature_rate=0.0)
