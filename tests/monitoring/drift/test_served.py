"""Scores that callers got, held against those that the model was judged on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lintel.events.timezones import MICROSECONDS_PER_DAY
from lintel.labels.definition import DIMENSIONS
from lintel.monitoring.answered import MODEL, Answered, cohort_name
from lintel.monitoring.drift.binned import BinnedSample, binned
from lintel.monitoring.drift.bins import Bins, quantile_bins
from lintel.monitoring.drift.decision import FEATURE_DISTANCE, judged
from lintel.monitoring.drift.reference import Profile
from lintel.monitoring.drift.served import served_drift, served_sentences

MONDAY = 4 * MICROSECONDS_PER_DAY
WEEK = 7 * MICROSECONDS_PER_DAY
NAMES = ("churn", "conversion")


def profile(random: np.random.Generator, leads: int = 2_000) -> Profile:
    values = [random.beta(2, 4, leads).astype(np.float32) for _ in NAMES]
    bins = quantile_bins(NAMES, values)
    return Profile(bins, binned(bins, values, np.arange(leads)))


def answered(weeks: list[int], told: dict[str, np.ndarray]) -> Answered:
    count = len(weeks)
    nothing = np.full(count, np.nan)
    return Answered(
        np.array([f"l{one}" for one in range(count)], np.str_),
        MONDAY + np.array(weeks, np.int64) * WEEK + 5,
        np.ones(count, np.int64),
        np.full(count, "sha256:a"),
        np.full(count, MODEL),
        np.ones(count, np.bool_),
        {name: told.get(name, nothing) for name in DIMENSIONS},
    )


def test_a_week_in_which_other_scores_were_told_is_named() -> None:
    random = np.random.default_rng(1)
    before, weeks = profile(random), [3] * 400 + [4] * 400
    told = {"churn": random.beta(2, 4, 800), "conversion": np.r_[random.beta(2, 4, 400), random.beta(4, 2, 400)]}
    found = served_drift(before, answered(weeks, told))
    moved = {(name, week) for name, one in found.items() for week, cell in one.items() if cell["moved"]}
    newest = cohort_name(4, 7)
    assert moved == {("conversion", newest)}
    assert found["conversion"][newest]["higher"] > 0.7
    (sentence,) = served_sentences(found)
    assert f"conversion in the week of {newest}" in sentence


@given(st.integers(0, 1_000), st.integers(1, 4), st.integers(2, 60))
@settings(max_examples=30)
def test_it_judges_dimensions_and_weeks_as_columns_of_one_family(seed: int, weeks: int, leads: int) -> None:
    random = np.random.default_rng(seed)
    before = profile(random, 300)
    numbers = sorted(list(range(weeks)) * leads)
    told = {name: random.beta(2, 3, len(numbers)) for name in NAMES}
    found = served_drift(before, answered(numbers, told))
    adjusted = [cell["p_adjusted"] for one in found.values() for cell in one.values()]
    plain = [
        judged([name], before.sample.take([column]), _sample(before, column, told[name], numbers, week), distance=0.0)
        for column, name in enumerate(NAMES)
        for week in range(weeks)
    ]
    alone = np.array([one.compared.p_value[0] for one in plain])
    count = len(alone)
    bound = min(1.0, alone.min() * count * (1.0 / np.arange(1, count + 1)).sum())
    assert min(adjusted) <= bound + 1e-9
    assert all(one >= p - 1e-12 for one, p in zip(adjusted, alone, strict=True))


def _sample(before: Profile, column: int, told: np.ndarray, numbers: list[int], week: int) -> BinnedSample:
    values = told[np.array(numbers) == week].astype(np.float32)
    bins = Bins((before.bins.names[column],), (before.bins.cuts[column],))
    return binned(bins, [values], np.arange(len(values)))


def test_scores_like_the_reference_seldom_move() -> None:
    random = np.random.default_rng(7)
    before = profile(random)
    alarms = 0
    for _ in range(200):
        told = {name: random.beta(2, 4, 120) for name in NAMES}
        found = served_drift(before, answered([1] * 60 + [2] * 60, told))
        alarms += any(cell["moved"] for one in found.values() for cell in one.values())
    assert alarms <= 2


@pytest.mark.parametrize("leads", [0, 1])
def test_of_too_few_answers_nothing_is_said(leads: int) -> None:
    found = served_drift(profile(np.random.default_rng(2)), answered([0] * leads, {"conversion": np.full(leads, 0.5)}))
    assert found == {}
    assert served_sentences(found) == []


def test_the_distance_asked_for_is_that_of_forecasts() -> None:
    """A trifle on many leads is beyond chance and no move."""
    random = np.random.default_rng(3)
    before = profile(random, 20_000)
    trifle = np.clip(random.beta(2, 4, 20_000) + 0.01, 0.0, 1.0)
    (cell,) = served_drift(before, answered([0] * 20_000, {"conversion": trifle}))["conversion"].values()
    assert cell["p_adjusted"] < 0.001
    assert cell["distance"] < FEATURE_DISTANCE
    assert not cell["moved"]
