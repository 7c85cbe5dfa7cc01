"""How a lead's score compares: with the tenant's other open leads, and with its own past."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from lintel.events.moments import time_text, to_microseconds
from lintel.scoring.grading import Ranking, ranking
from lintel.scoring.trend import NO_PAST, WINDOW_DAYS, PastScores, Trend, trend
from lintel.store.scores import ScoreStore
from lintel.store.tenants import Tenant

Json = dict[str, Any]

MAX_RANKING_DAYS = 7
"""A list older than this says nothing of today."""
_DIMENSION = "conversion"
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a score is compared with; `ranked_at` is when the ranking was made, `unranked` says why there is none."""

    ranking: Ranking | None
    ranked_at: int | None  # UTC µs
    past: Mapping[str, PastScores]  # by lead
    unranked: str = ""

    def of(self, answer: Json) -> Json:
        """Percentile, grade, band and trend of an answer with scores, or why not."""
        return self._rank(answer) | {"trend": self._trend(answer).value}

    def _rank(self, answer: Json) -> Json:
        priority, chance = answer["overall"].get("priority"), _chance(answer)
        if priority is None or chance is None:
            return {}
        if self.ranking is None or self.ranked_at is None:
            return {"not_ranked": self.unranked}
        grade = self.ranking.grade(priority, chance)
        return {
            "grade": grade.value,
            "band": grade.band,
            "percentile": self.ranking.percentile(priority),
            "ranked_among": {"open_leads": self.ranking.leads, "as_of": time_text(self.ranked_at)},
        }

    def _trend(self, answer: Json) -> Trend:
        chance = _chance(answer)
        if chance is None:
            return Trend.UNKNOWN
        as_of = to_microseconds(datetime.fromisoformat(answer["as_of"]))
        low, high = answer["dimensions"][_DIMENSION]["interval"]
        return trend(self.past.get(answer["lead_id"], NO_PAST), as_of, chance, (low, high))


def nightly_comparison(
    answers: Sequence[Json], tenant: Tenant, as_of: datetime, past: Mapping[str, PastScores]
) -> Comparison:
    """Compare the answers of one nightly run with each other and with the past."""
    ranked = [one for one in answers if "priority" in one["overall"] and _chance(one) is not None]
    if not ranked:
        return Comparison(None, None, past, "no lead of the nightly run has a priority")
    found = ranking(
        np.array([one["overall"]["priority"] for one in ranked]),
        np.array([_chance(one) for one in ranked]),
        likely=ranked[0]["dimensions"][_DIMENSION]["base_rate"],
        capacity_per_day=tenant.capacity_per_day,
    )
    return Comparison(found, to_microseconds(as_of), past)


def stored_comparison(
    scores: ScoreStore | None, tenant: Tenant, bundle: str, as_of: datetime, lead_ids: Sequence[str]
) -> Comparison:
    """Compare a request's answers with the newest nightly run of the same bundle that was there at `as_of`.

    Two reads by key. Later runs are not looked at, so that an answer as of the past is what it was then.
    """
    if scores is None:
        return Comparison(None, None, {}, "no store of scores was given")
    past = past_scores(scores, tenant.id, bundle, as_of, lead_ids)
    found = scores.ranking(tenant.id, bundle, until=as_of)
    return compared_with(None if found is None else (found[0], Ranking.from_json(found[1])), as_of, past)


def compared_with(
    found: tuple[datetime, Ranking] | None, as_of: datetime, past: Mapping[str, PastScores]
) -> Comparison:
    """The comparison with the newest ranking by the same bundle that was there at `as_of`, if any, and its time."""
    if found is None:
        return Comparison(None, None, past, "no nightly run has scored the open leads with this model by then")
    ranked_at, ranked = found
    if as_of - ranked_at > timedelta(days=MAX_RANKING_DAYS):
        return Comparison(None, None, past, f"the nightly run before is more than {MAX_RANKING_DAYS} days older")
    return Comparison(ranked, to_microseconds(ranked_at), past)


def past_scores(
    scores: ScoreStore, tenant: str, bundle: str, as_of: datetime, lead_ids: Sequence[str] | None = None
) -> dict[str, PastScores]:
    """What the bundle said of each lead in the window before `as_of`; of all leads by default."""
    since = as_of - timedelta(days=WINDOW_DAYS)
    return _by_lead(scores.past(tenant, _DIMENSION, bundle=bundle, since=since, until=as_of, lead_ids=lead_ids))


def past_scores_since(
    scores: ScoreStore, tenant: str, bundle: str, since: datetime, lead_ids: Sequence[str]
) -> dict[str, PastScores]:
    """All that the bundle said of some leads from `since` on."""
    found = scores.past(tenant, _DIMENSION, bundle=bundle, since=since, until=_END_OF_TIME, lead_ids=lead_ids)
    return _by_lead(found)


def _by_lead(found: Mapping[str, list[tuple[int, float]]]) -> dict[str, PastScores]:
    return {lead: PastScores(*map(np.array, zip(*scored, strict=True))) for lead, scored in found.items()}


def _chance(answer: Json) -> float | None:
    """P(win), if the answer has one."""
    chance: float | None = answer["dimensions"].get(_DIMENSION, {}).get("probability")
    return chance
