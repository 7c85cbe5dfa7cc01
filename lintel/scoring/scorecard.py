"""Scores as the JSON objects that endpoint, command and nightly run all show."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import starmap
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lintel.events.columns import EventColumns, Queries
from lintel.events.kinds import kind_codes
from lintel.events.moments import time_text
from lintel.events.timezones import UtcOffsets
from lintel.market.context import NO_CONTEXT, ContextColumns
from lintel.scoring.contact import NIGHT, BestContact, QuietHours, best_contact
from lintel.scoring.counterfactual import DIMENSION, Counterfactual, Present, counterfactuals
from lintel.scoring.dimension import LEVEL, Dimension, MissingDimension, basis
from lintel.scoring.explanation import Reason
from lintel.scoring.gaps import beyond_training, missing_facts
from lintel.scoring.history import latest_visible
from lintel.scoring.inputs import Inputs
from lintel.scoring.score_table import score_table
from lintel.scoring.scorer import Scorer, Scores
from lintel.scoring.standing import OutcomeKinds, Standing, standings

Json = dict[str, Any]

_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Asked:
    """What a bundle's answers need to know beside its scorer."""

    outcomes: OutcomeKinds
    horizons_days: tuple[float, ...]  # timing is shown for these
    settled_by: Mapping[str, tuple[str, ...]]  # dimension -> kinds after which it is no longer asked


@dataclass(frozen=True, slots=True)
class Scorecards:
    """One object a lead, and what the scores were made of."""

    cards: list[Json]
    scored: NDArray[np.int32]  # (k,) positions in `cards` of the leads that have scores, ascending
    features: NDArray[np.float32]  # (k, F) their features, in the order of the catalogue


def scorecards(
    scorer: Scorer,
    asked: Asked,
    columns: EventColumns,
    lead_ids: Sequence[str],
    *,
    as_of: int,
    zone: UtcOffsets,
    explain: bool,
    context: ContextColumns = NO_CONTEXT,
    quiet: QuietHours = NIGHT,
) -> Scorecards:
    """One object a lead, in the order of `lead_ids`, whose position is the code in `columns.lead`.

    An open lead has scores; a closed one its outcome; one of which nothing was known at `as_of` (UTC µs) an error.
    """
    found = standings(columns, len(lead_ids), as_of, asked.outcomes)
    cards = [
        _unscored(lead_id, as_of, standing, outcome, closed_at)
        for lead_id, standing, outcome, closed_at in zip(
            lead_ids, found.standing, found.outcome, found.closed_at.tolist(), strict=True
        )
    ]
    leads = np.flatnonzero([standing is Standing.OPEN for standing in found.standing]).astype(np.int32)
    queries = Queries(leads, np.full(len(leads), as_of))
    features = np.empty((0, len(scorer.catalogue.features)), np.float32)
    if len(queries):
        scores = scorer.score(columns, queries, zone, context)
        contact = _best_contact(scorer, scores, columns, queries, zone=zone, quiet=quiet)
        features = scores.inputs.features
        shown = _Shown(scorer, asked, scores, _settled(asked, columns, queries), contact)
        for row, lead in enumerate(leads.tolist()):
            cards[lead] |= shown.card(row)
        if explain:
            explained = _explained(scorer, asked, columns, queries, scores, zone=zone, context=context)
            for lead, why in zip(leads.tolist(), explained, strict=True):
                scored = {name for name, one in cards[lead]["dimensions"].items() if "probability" in one}
                cards[lead] |= why.card(scored)
    return Scorecards(cards, leads, features)


@dataclass(frozen=True, slots=True)
class _Why:
    """What is said of one lead only when it is asked for."""

    reasons: Sequence[Reason]
    counterfactual: Counterfactual | None
    narrowed_by: Sequence[Json]  # facts that would tell more of the budget

    def card(self, scored: Collection[str]) -> Json:
        """Nothing of dimensions that the lead has answered already."""
        told = self.counterfactual if DIMENSION in scored else None
        return {
            "reasons": [one.to_json() for one in self.reasons if one.dimension in scored],
            "counterfactual": told and told.to_json(),
            **({"budget_narrowed_by": self.narrowed_by} if "budget" in scored else {}),
        }


def _explained(
    scorer: Scorer,
    asked: Asked,
    columns: EventColumns,
    queries: Queries,
    scores: Scores,
    *,
    zone: UtcOffsets,
    context: ContextColumns,
) -> list[_Why]:
    reasons, facts = scorer.explain(scores.inputs), _narrowed_by(scorer, scores.inputs)
    if DIMENSION not in scores.dimensions:
        return [_Why(one, None, narrowed) for one, narrowed in zip(reasons, facts, strict=True)]
    now = Present(scores.inputs.features, scores.dimensions[DIMENSION])
    closing = (*asked.outcomes.ends, *asked.settled_by.get(DIMENSION, ()))
    acted = counterfactuals(scorer, columns, queries, now, closing=closing, zone=zone, context=context)
    return list(starmap(_Why, zip(reasons, acted, facts, strict=True)))


def _narrowed_by(scorer: Scorer, inputs: Inputs) -> list[list[Json]]:
    """The facts that each lead lacks, and what share of the band of its amount they would take off."""
    budget = scorer.ready.get("budget")
    if budget is None:
        return [[] for _ in range(len(inputs))]
    label = {one.name: one.label for one in scorer.catalogue.features}
    return [
        [{"name": one.feature, "text": label[one.feature], "share": round(one.share, 3)} for one in own]
        for own in budget.narrowings(inputs)
    ]


def _unscored(lead_id: str, as_of: int, standing: Standing, outcome: str | None, closed_at: int) -> Json:
    card: Json = {"lead_id": lead_id, "as_of": time_text(as_of)}
    if standing is Standing.CLOSED:
        return card | {"status": "closed", "outcome": outcome, "closed_at": time_text(closed_at)}
    if standing is Standing.UNKNOWN:
        detail = f"Nothing was known of lead {lead_id} at {card['as_of']}. Ask for a later as_of."
        return {"lead_id": lead_id, "error": {"type": "not-enough-history", "detail": detail}}
    return card | {"status": "open"}


def _settled(asked: Asked, columns: EventColumns, queries: Queries) -> Mapping[str, list[bool]]:
    """By dimension, whether each query's lead has already answered its question."""
    found = {}
    for name, kinds in asked.settled_by.items():
        rows = np.flatnonzero(np.isin(columns.kind, [kind_codes()[kind] for kind in kinds]))
        found[name] = (latest_visible(columns, rows, queries) >= 0).tolist()
    return found


class _Shown:
    """The scores of one batch, ready to be shown row by row."""

    def __init__(
        self,
        scorer: Scorer,
        asked: Asked,
        scores: Scores,
        settled: Mapping[str, list[bool]],
        contact: BestContact | None,
    ) -> None:
        self._scorer = scorer
        self._contact = contact
        self._settled = settled
        self._priority = scores.priority
        self._common = {name: _common(one) for name, one in scorer.ready.items()}
        self._tables = {name: score_table(scores.dimensions[name], asked.horizons_days) for name in scorer.ready}
        self._missing = missing_facts(scores.inputs.features, scorer.profile, scorer.catalogue)
        self._out_of_range = beyond_training(scores.inputs.features, scorer.profile, scorer.catalogue)

    def card(self, row: int) -> Json:
        dimensions = {name: self._dimension(name, one, row) for name, one in self._scorer.dimensions.items()}
        return {
            "overall": self._overall(row),
            "dimensions": dimensions,
            "missing": self._missing[row],
            "out_of_range": self._out_of_range[row],
        }

    def _overall(self, row: int) -> Json:
        formula = self._priority.formula[row]
        if formula is None:
            return {"status": "not_enough_data", "needs": "the dimension conversion"}
        return {"priority": round(float(self._priority.value[row]), _DIGITS), "formula": formula}

    def _dimension(self, name: str, dimension: Dimension | MissingDimension, row: int) -> Json:
        if isinstance(dimension, MissingDimension):
            return dimension.to_json()
        if self._settled.get(name, ())[row : row + 1] == [True]:
            return {"status": "already_answered", "definition": dimension.definition}
        return self._tables[name][row] | self._best(name, row) | self._common[name]

    def _best(self, name: str, row: int) -> Json:
        """When and how to reach the lead, said with the timing; null if it may not be reached or nobody can tell."""
        if name != "timing":
            return {}
        return {"best_contact": None if self._contact is None else self._contact.to_json(row)}


def _common(dimension: Dimension) -> Json:
    """What the answers of all leads have in common."""
    return {
        "level": LEVEL,
        "base_rate": round(dimension.base_rate, _DIGITS),
        "definition": dimension.definition,
        "calibration_n": dimension.calibration_n,
        **basis(dimension),
    }


def _best_contact(
    scorer: Scorer, scores: Scores, columns: EventColumns, queries: Queries, *, zone: UtcOffsets, quiet: QuietHours
) -> BestContact | None:
    """When and how to reach each lead; None where the source does not tell how leads answer."""
    if scorer.contact is None:
        return None
    answers = scores.dimensions.get("engagement")
    chance = None if answers is None else answers.probability
    return best_contact(scorer.contact, columns, queries, zone, quiet, engagement=chance)
