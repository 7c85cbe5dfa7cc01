"""What an answer cannot build on: facts that nobody asked the lead for, and values beyond all that training saw."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lintel.features.catalogue import Catalogue
from lintel.features.feature import Feature
from lintel.features.measures import RHYTHMS, SEASONS
from lintel.scoring.feature_profile import FeatureProfile
from lintel.scoring.wording import describe, describe_value

Float32 = NDArray[np.float32]

MAX_NAMED = 10
KNOWN_TO_SOURCE = 0.02
"""Share of training rows that must have a fact: what a source never records cannot be asked for."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something an agent can ask for; `feature` holds it, and `text` says that it is not known."""

    name: str
    feature: str
    text: str


FACTS = (
    Fact("stated_budget", "budget_last", "the lead has not named a budget"),
    Fact("stated_timeline", "timeline_last", "the lead has not said when it wants to move"),
    Fact("financing", "preapproved_last", "no lender's pre-approval was shown"),
    Fact("amount_asked", "asked_amount_last", "the lead has not said for what amount it asks"),
)


def missing_facts(features: Float32, profile: FeatureProfile, catalogue: Catalogue) -> list[list[dict[str, str]]]:
    """Of each row of features (n, F) the facts that an agent could ask for, as name and text."""
    columns = [(catalogue.position[one.feature], one) for one in FACTS]
    known = [(column, one) for column, one in columns if profile.present[column] >= KNOWN_TO_SOURCE]
    absent = np.isnan(features)
    return [[{"name": one.name, "text": one.text} for column, one in known if row[column]] for row in absent]


def beyond_training(features: Float32, profile: FeatureProfile, catalogue: Catalogue) -> list[list[dict[str, str]]]:
    """Of each row of features (n, F) at most MAX_NAMED values outside all that training saw, as name and text.

    What rounds to the same words as the bound is not told: nobody could see that it is outside.
    """
    found: list[list[dict[str, str]]] = [[] for _ in range(len(features))]
    rows, columns = np.nonzero(profile.out_of_range(features))
    bounds = {column: _bounds(profile, catalogue, column) for column in set(columns.tolist())}
    for row, column, value in zip(rows.tolist(), columns.tolist(), features[rows, columns].tolist(), strict=True):
        feature = catalogue.features[column]
        if len(found[row]) < MAX_NAMED and describe_value(feature, value) not in bounds[column]:
            found[row].append({"name": feature.name, "text": _text(feature, value, bounds[column])})
    return found


def _bounds(profile: FeatureProfile, catalogue: Catalogue, column: int) -> tuple[str, str]:
    """The least and the greatest value that training saw, in words."""
    least, greatest = (
        describe_value(catalogue.features[column], float(profile.quantiles[end, column])) for end in (0, -1)
    )
    return least, greatest


def _text(feature: Feature, value: float, bounds: tuple[str, str]) -> str:
    if feature.measure in SEASONS:
        return "a time of the year that training did not see"
    if feature.measure in RHYTHMS:
        return "hours or weekdays that training did not see"
    low, high = bounds
    return f"{describe(feature, value, float('nan'))} (training saw {low} to {high})"
