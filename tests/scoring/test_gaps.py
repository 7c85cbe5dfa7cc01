"""What is missing or beyond training is named, in words."""

import numpy as np

from lintel.features.catalogue import catalogue
from lintel.scoring.feature_profile import FeatureProfile, feature_profile
from lintel.scoring.gaps import FACTS, MAX_NAMED, beyond_training, missing_facts

POSITION = catalogue().position


def rows(count: int, **values: float) -> np.ndarray:
    """Rows that have nothing but these values."""
    found = np.full((count, len(catalogue())), np.nan, np.float32)
    for name, value in values.items():
        found[:, POSITION[name]] = value
    return found


def trained_on(*parts: np.ndarray) -> FeatureProfile:
    return feature_profile(np.concatenate(parts))


def test_facts_that_the_source_knows_and_the_lead_has_not_told() -> None:
    profile = trained_on(rows(60, asked_amount_last=9.0), rows(40, budget_last=1.0), rows(1, timeline_last=1.0))
    told = missing_facts(np.concatenate((rows(1), rows(1, budget_last=5.0))), profile, catalogue())
    assert [[one["name"] for one in row] for row in told] == [["stated_budget", "amount_asked"], ["amount_asked"]]
    assert told[0][0]["text"] == "the lead has not named a budget"


def test_facts_are_features() -> None:
    assert {one.feature for one in FACTS} <= set(catalogue().names)


def test_values_beyond_training_are_told_with_what_it_saw() -> None:
    profile = trained_on(rows(5, event_count_7d=0.0, asked_amount_last=1000), rows(5, event_count_7d=30.0))
    (none, found) = beyond_training(
        np.concatenate((rows(1, event_count_7d=30.0), rows(1, event_count_7d=412.0))), profile, catalogue()
    )
    assert none == []
    assert found == [{"name": "event_count_7d", "text": "412 events in the last 7 days (training saw 0 to 30)"}]


def test_what_reads_like_the_bound_is_not_told() -> None:
    profile = trained_on(rows(5, call_wait_last=0.5, inbound_gap_mean=1.0))
    (found,) = beyond_training(rows(1, call_wait_last=0.5001, inbound_gap_mean=3.0), profile, catalogue())
    assert [one["name"] for one in found] == ["inbound_gap_mean"]
    assert found[0]["text"] == "average gap between messages from the lead: 3 days (training saw 24 hours to 24 hours)"


def test_angles_are_told_as_times() -> None:
    profile = trained_on(rows(5, now_season_sine=0.1, now_hour=9.0))
    (found,) = beyond_training(rows(1, now_season_sine=0.9, now_hour=22.0), profile, catalogue())
    assert [one["text"] for one in found] == [
        "hours or weekdays that training did not see",
        "a time of the year that training did not see",
    ]


def test_at_most_ten_are_named() -> None:
    profile = trained_on(np.zeros((5, len(catalogue())), np.float32))
    (found,) = beyond_training(np.ones((1, len(catalogue())), np.float32), profile, catalogue())
    assert len(found) == MAX_NAMED
