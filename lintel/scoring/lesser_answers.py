"""Answers of the lower rungs of the fallback ladder: each says which it is, and what it does not tell.

light-model   the light model, on the lead's events: no reasons, no curve of days, no amount, no rank
last-score    what was last stored about the lead, as of then, with its age
prior         how often leads do it, on no knowledge of this one
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from lintel.errors import UnavailableError
from lintel.events.moments import time_text, to_microseconds
from lintel.scoring.answers import Answered, Histories, answer_leads, envelope
from lintel.scoring.bundle import Bundle
from lintel.scoring.comparison import Comparison
from lintel.scoring.decision_id import decision_id
from lintel.scoring.dimension import Dimension, MissingDimension, basis
from lintel.store.last_scores import LastScore
from lintel.store.tenants import Tenant

Json = dict[str, Any]

LIGHT_MODEL, LAST_SCORE, PRIOR = "light-model", "last-score", "prior"
UNREAD = "unread"
BASE_RATE_ONLY = "base_rate_only"

_LIGHT_UNTOLD = (
    "reasons",
    "counterfactual",
    "budget_narrowed_by",
    "overall.grade",
    "overall.trend",
    "dimensions.timing.median_days",
    "dimensions.timing.p_within",
    "dimensions.budget.amount",
)
_LAST_SCORE_UNTOLD = ("reasons", "counterfactual", "budget_narrowed_by")
_PRIOR_UNTOLD = ("overall.priority", "dimensions.interval", "missing", "out_of_range", *_LIGHT_UNTOLD)
_UNRANKED = Comparison(None, None, {}, "the light model answers, and nightly runs rank by the full one")


def light_answers(
    bundle: Bundle,
    tenant: Tenant,
    histories: Histories,
    lead_ids: Sequence[str],
    moment: datetime,
    *,
    model_version: int | None,
    now: datetime,
) -> Answered:
    """Answers for `lead_ids` by the bundle's light model; parameters as in `answer_leads`.

    Raises UnavailableError if the bundle has none (it was trained before there were any).
    """
    if bundle.lighter is None:
        raise UnavailableError("The bundle has no light model.", mend="Train one: `lintel nightly` makes it.")
    answered = answer_leads(
        bundle.lighter,
        tenant,
        histories,
        lead_ids,
        moment,
        explain=False,
        model_version=model_version,
        served_by=LIGHT_MODEL,
        comparison=_UNRANKED,
        now=now,
    )
    for one in answered.answers:
        one.get("overall", {}).pop("trend", None)  # scores of the past are the full model's
    return replace(answered, answers=[_with_untold(one, _LIGHT_UNTOLD) for one in answered.answers])


def last_score_answer(stored: LastScore, lead_id: str, now: datetime) -> Json:
    """The stored answer of a lead, under the id that was asked for, and how long ago it was given.

    Its as-of time, model, evidence and `seq` are those of then; the decision is a new one.
    """
    told = {
        **stored.answer,
        "lead_id": lead_id,
        "decision_id": decision_id(now),
        "served_by": LAST_SCORE,
        "age_seconds": max(round((now - stored.scored_at).total_seconds()), 0),
    }
    return _with_untold(told, _LAST_SCORE_UNTOLD)


def prior_answer(
    bundle: Bundle,
    tenant: Tenant,
    lead_id: str,
    moment: datetime | None,
    *,
    model_version: int | None,
    now: datetime,
) -> Json:
    """What can be said of a lead of which nothing was read: how often leads do each thing, without an interval.

    `moment` is None if not even the end of the log is known. Whether there is such a lead, it does not know either.
    """
    head: Json = {"lead_id": lead_id}
    if moment is not None:
        head["as_of"] = time_text(to_microseconds(moment))
    shared = envelope(bundle, tenant, seq=None, model_version=model_version, served_by=PRIOR)
    told = {
        **head,
        "decision_id": decision_id(now),
        **shared,
        "status": UNREAD,
        "overall": {"status": BASE_RATE_ONLY},
        "dimensions": {name: _base_rate(one) for name, one in bundle.scorer.dimensions.items()},
    }
    return _with_untold(told, _PRIOR_UNTOLD)


def _base_rate(dimension: Dimension | MissingDimension) -> Json:
    if isinstance(dimension, MissingDimension):
        return dimension.to_json()
    rate = round(dimension.base_rate, 6)
    return {
        "status": BASE_RATE_ONLY,
        "probability": rate,
        "base_rate": rate,
        "definition": dimension.definition,
        **basis(dimension),
    }


def _with_untold(answer: Json, untold: Sequence[str]) -> Json:
    """The answer, if it has scores, with the names of what a full one would tell beside."""
    return answer | {"not_told": list(untold)} if "dimensions" in answer else answer
