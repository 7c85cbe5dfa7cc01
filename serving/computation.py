"""What the compute thread does with the rows of one batch: histories, scores, and answers ready to be sent."""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec

from lintel.errors import UnavailableError
from lintel.events.columns import NEVER
from lintel.scoring.answers import Answered, Histories, answer_leads
from lintel.scoring.lesser_answers import LIGHT_MODEL, light_answers
from lintel.store.prediction import Prediction, prediction_of
from lintel.store.tenants import Clock, Tenant
from serving.breaker import Breakers
from serving.hot.comparisons import HotComparisons
from serving.hot.feature_boundary import feature_boundaries
from serving.hot.leads import HotLeads
from serving.hot.versions import TenantVersion
from serving.model import ServedModel
from serving.questions import LeadScore, ModelAwayError, Question, Rung, Shape

Json = dict[str, Any]

WITHHELD = ["reasons", "counterfactual", "budget_narrowed_by"]
"""What a loaded worker leaves out first, as an answer names it."""
OF_MODEL = "model "
"""What the names of models' breakers begin with."""
_MOST_POISONED = 1_000


@dataclass(frozen=True, slots=True)
class _Batch:
    """Rows of one shape with all that they are answered from."""

    shape: Shape
    lead_ids: list[str]
    version: TenantVersion  # the newest that any row's request has seen
    histories: Histories
    moment: datetime
    now: datetime

    @property
    def tenant(self) -> Tenant:
        return self.version.state.tenant


class Computation:
    """Scores batches from hot histories. Used by one thread.

    Parameters
    ----------
    breakers: one a model; a model that keeps failing is not asked for a while.
    now: the wall clock. clock: the monotonic clock of the breakers.
    """

    def __init__(
        self,
        leads: HotLeads,
        comparisons: HotComparisons,
        breakers: Breakers,
        *,
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._leads = leads
        self._comparisons = comparisons
        self._breakers = breakers
        self._now = now
        self._clock = clock
        self._poisoned: OrderedDict[tuple[str, str, str], None] = OrderedDict()  # digest, tenant, lead

    def __call__(self, shape: Shape, questions: Sequence[Question]) -> list[LeadScore]:
        """One answer a question. Raises ModelAwayError, UnavailableError of the store, or whatever a model raises."""
        began = self._clock()
        batch = self._batch(shape, questions)
        answered = self._light(batch) if shape.rung is Rung.LIGHT else self._guarded(batch)
        until = _valid_until(batch)
        scores = [_lead_score(batch, answered, i, until) for i in range(len(batch.lead_ids))]
        seconds = self._clock() - began
        return [replace(one, computed_at=began, compute_seconds=seconds) for one in scores]

    def _batch(self, shape: Shape, questions: Sequence[Question]) -> _Batch:
        now, version = self._now(), max((one.version for one in questions), key=_age)
        moment = shape.as_of or version.state.time(now)
        lead_ids = [one.lead_id for one in questions]
        histories = self._leads.histories(version.state.tenant, lead_ids, moment)
        return _Batch(shape, lead_ids, version, histories, moment, now)

    def _guarded(self, batch: _Batch) -> Answered:
        """The model's answers, behind its breaker: only a row that fails alone counts against the model, and only the
        first time, so that one lead that is asked for again and again does not take the model from all others."""
        permit = self._breakers[breaker_of(batch.shape.model)].allow(self._clock())
        if permit is None:
            raise ModelAwayError("The model has failed and is left alone for a while.")
        try:
            answered = self._full(batch)
        except UnavailableError:
            permit.cancelled()  # the store's fault, which says nothing of the model
            raise
        except Exception:
            permit.failed(self._clock()) if self._is_news(batch) else permit.cancelled()
            raise
        permit.succeeded(self._clock())
        return answered

    def _is_news(self, batch: _Batch) -> bool:
        """Whether a failed batch is one lead of which it was not known that it fails."""
        if len(batch.lead_ids) > 1:
            return False
        lead = batch.shape.model.digest, batch.shape.tenant, batch.lead_ids[0]
        known = lead in self._poisoned
        self._poisoned[lead] = None
        self._poisoned.move_to_end(lead)
        if len(self._poisoned) > _MOST_POISONED:
            self._poisoned.popitem(last=False)
        return not known

    def _full(self, batch: _Batch) -> Answered:
        model, histories = batch.shape.model, batch.histories
        comparison = self._comparisons.comparison(
            batch.tenant, model.digest, batch.moment, histories.lead_ids, version=batch.version.score_version
        )
        return answer_leads(
            model.bundle,
            batch.tenant,
            histories,
            batch.lead_ids,
            batch.moment,
            explain=batch.shape.explain,
            model_version=model.version,
            served_by=model.served_by,
            comparison=comparison,
            now=batch.now,
        )

    def _light(self, batch: _Batch) -> Answered:
        model = batch.shape.model
        return light_answers(
            model.bundle,
            batch.tenant,
            batch.histories,
            batch.lead_ids,
            batch.moment,
            model_version=model.version,
            now=batch.now,
        )


def breaker_of(model: ServedModel) -> str:
    """The name of a model's breaker."""
    return OF_MODEL + model.digest.removeprefix("sha256:")[:12]


def _valid_until(batch: _Batch) -> Mapping[str, int]:
    """UTC µs up to which an answer without an as-of time holds, by lead; on a live clock only."""
    if batch.shape.as_of is not None or batch.tenant.clock is not Clock.LIVE:
        return {}
    histories = batch.histories
    found = feature_boundaries(histories.columns, len(histories.lead_ids), histories.context, batch.moment)
    return dict(zip(histories.lead_ids, found.tolist(), strict=True))


def _lead_score(batch: _Batch, answered: Answered, i: int, until: Mapping[str, int]) -> LeadScore:
    answer, survivor = answered.answers[i], batch.histories.survivors[batch.lead_ids[i]]
    told = {name: value for name, value in answer.items() if name != "decision_id"}
    if batch.shape.withheld and "dimensions" in answer:
        told["not_told"] = sorted({*told.get("not_told", ()), *WITHHELD})
    outcome = "error" if "error" in answer else "scored" if "dimensions" in answer else answer["status"]
    return LeadScore(
        body=msgspec.json.encode(told)[1:],
        outcome=outcome,
        served_by=answer.get(
            "served_by", LIGHT_MODEL if batch.shape.rung is Rung.LIGHT else batch.shape.model.served_by
        ),
        prediction=_prediction(batch, answered, answer, survivor),
        survivor=survivor,
        valid_until=until.get(survivor, NEVER),
    )


def _prediction(batch: _Batch, answered: Answered, answer: Json, survivor: str) -> Prediction | None:
    """What the log keeps of the answer, with all of its features: whether they are kept is drawn at each delivery."""
    if "error" in answer:
        return None
    row = answered.rows.get(survivor)
    features = None if row is None else answered.features[row]
    return prediction_of(answer, batch.tenant.id, answered_at=0, urgency="", features=features, feature_rate=1.0)


def _age(version: TenantVersion) -> tuple[int, int, int]:
    return version.epoch, version.state.last_seq, version.score_version
