"""Members, their ensemble and the baseline on prefixes made by hand, compared on the same resampled cases."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from benchmarks import predictive_monitoring
from benchmarks.predictive_monitoring import (
    BASELINE,
    BOOTSTRAPS,
    ENSEMBLE,
    PUBLISHED,
    SEEDS,
    TRIALS,
    TUNED,
    Fits,
    Judged,
    Lessons,
    judged,
    leaf_candidates,
    leaves,
    lessons,
    measured,
    resampled_cases,
    scores,
    shown,
    stacked,
    timeless_names,
    tree_candidates,
    varying,
    without,
)
from benchmarks.published_protocol import OUTCOMES, Prefixes, Task, task
from lintel.features.catalogue import catalogue
from lintel.scoring.inputs import Sequences
from lintel.scoring.lightgbm_member import LeafSettings

CASES = 120
LENGTHS = 3
HOUR = 3_600_000_000
NAMES = ("event_count_all", "now_hour", "stage_last", "offer_open")


@pytest.fixture(scope="module")
def data() -> Prefixes:
    """Three prefixes of each of 120 cases, an hour apart; `event_count_all` tells who is accepted, but for noise."""
    random = np.random.default_rng(1)
    case = np.repeat(np.arange(CASES), LENGTHS).astype(np.int32)
    told = random.normal(size=CASES)
    label = np.where(told + random.normal(size=CASES) > 0, "accepted", np.where(told > -0.5, "declined", "cancelled"))
    rows = len(case)
    features = np.stack((told[case], random.random(rows), random.random(rows), np.full(rows, np.nan)), axis=1)
    length = np.tile(np.arange(1, LENGTHS + 1), CASES)
    starts = np.arange(CASES) * HOUR
    return Prefixes(
        features=features.astype(np.float32),
        names=NAMES,
        sequences=no_events(rows),
        case=case,
        length=length,
        ends_at=starts[case] + length,
        starts_at=starts,
        decided_at=starts + LENGTHS,
        events=np.full(CASES, LENGTHS),
        label=label,
    )


def no_events(rows: int) -> Sequences:
    none = np.zeros(0, np.float32)
    return Sequences(np.zeros(rows + 1, np.int64), none.astype(np.int16), none.astype(np.int8), none, none)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small members that differ, on one thread."""
    few = LeafSettings(max_trees=10, min_data_in_leaf=5, threads=1)
    members = {"lightgbm": partial(small, chosen=few), "stumps": partial(small, chosen=replace(few, num_leaves=2))}
    monkeypatch.setattr(predictive_monitoring, "MEMBERS", members)


def small(taught: Lessons, seed: int, chosen: LeafSettings) -> Fits:
    return {outcome: leaves(rows, seed, chosen) for outcome, rows in taught.tasks.items()}


@pytest.fixture(scope="module")
def one(data: Prefixes) -> Task:
    return task(data, "accepted")


def test_clock_season_and_constant_features_are_left_out(data: Prefixes, one: Task) -> None:
    taught = lessons(data, {"accepted": one})
    assert taught.inputs.names == taught.tasks["accepted"].inputs.names == ("event_count_all", "stage_last")


def test_each_outcome_has_its_own_rows_of_those_of_all(data: Prefixes) -> None:
    short = Task(task(data, "declined").train[::2], task(data, "declined").test, data.label == "declined")
    taught = lessons(data, {"accepted": task(data, "accepted"), "declined": short})
    assert len(taught.inputs) == 2 * len(short.train)
    for rows in taught.tasks.values():
        np.testing.assert_array_equal(taught.inputs.features[rows.place], rows.inputs.features)
        np.testing.assert_array_equal(taught.case[rows.place], rows.case)


def test_features_of_time_are_those_of_the_catalogue_that_read_the_clock() -> None:
    left_out = set(catalogue().names) - timeless_names()
    assert {"now_hour", "event_weekday_last", "entry_hour_first", "now_season_sine"} <= left_out
    assert "event_count_7d" not in left_out


def test_missing_is_a_value_of_its_own() -> None:
    features = np.array([[1, np.nan, np.nan, 2], [1, np.nan, 3, 2], [1, np.nan, 3, 4]], np.float32)
    assert varying(features, np.array([True, True, True, True])).tolist() == [2, 3]
    assert varying(features, np.array([True, True, True, False])).tolist() == [2]


@pytest.mark.usefixtures("quick")
def test_everything_that_is_compared_is_scored(data: Prefixes, one: Task) -> None:
    found = scores(data, {"accepted": one}, seed=1)["accepted"]
    members = predictive_monitoring.MEMBERS
    assert set(found) == {ENSEMBLE, *members, *map(without, members)}
    assert {len(own) for own in found.values()} == {len(one.test)}


def test_a_member_that_knows_nothing_hardly_counts(data: Prefixes, one: Task) -> None:
    rows, random = lessons(data, {"accepted": one}).tasks["accepted"], np.random.default_rng(3)
    later = rows.slices.later
    knows = np.where(rows.positive[later], 2.0, -2.0) + random.normal(size=later.sum())
    early = {"knows": knows, "guesses": random.normal(scale=4.0, size=len(knows))}
    final = {"knows": np.linspace(-1, 1, 5), "guesses": np.array([0.5, -0.5, 0.5, -0.5, 0.5])}
    assert np.argsort(stacked(rows, early, final, ["knows", "guesses"])).tolist() == [0, 1, 2, 3, 4]


def test_samples_are_of_test_cases_and_the_same_at_each_call(data: Prefixes, one: Task) -> None:
    first = resampled_cases(data, one)
    tested = np.unique(data.case[one.test])
    assert first.shape == (BOOTSTRAPS, CASES)
    assert (first.sum(axis=1) == len(tested)).all()
    assert not first[:, np.setdiff1d(np.arange(CASES), tested)].any()
    np.testing.assert_array_equal(resampled_cases(data, one), first)


def test_models_are_compared_on_the_same_samples(data: Prefixes, one: Task) -> None:
    cases, random = resampled_cases(data, one), np.random.default_rng(2)
    good = one.positive[data.case[one.test]] + random.normal(size=len(one.test))
    scored, same, other = (
        judged(data, one, [own], cases) for own in (good, 2 * good + 1, random.normal(size=len(good)))
    )
    assert scored.against(same) | {"auc_weighted": 0} == {
        "auc_weighted": 0,
        "gain": 0,
        "gain_sd": 0,
        "gain_interval": [0, 0],
        "better_share": 0,
    }
    found = scored.against(other)
    assert found["gain"] == pytest.approx(scored.area - other.area, abs=1e-4)
    assert 0.5 < found["better_share"] <= 1


def test_the_mean_of_seeds_is_given() -> None:
    found = Judged(0.7, np.array([0.6, 0.8]), [0.7])
    assert found.json() == {"auc_weighted": 0.7, "sd": 0.1414}


@pytest.mark.usefixtures("quick")
def test_what_is_measured_has_all_keys_and_can_be_shown(data: Prefixes) -> None:
    found, members = measured(data)["accepted"], predictive_monitoring.MEMBERS
    assert len(found["by_seed"]) == len(SEEDS)
    assert found["auc_weighted"] == pytest.approx(np.mean(found["by_seed"]), abs=1e-4)
    assert list(found["members"]) == list(members)
    assert list(found["paired"]) == [BASELINE, *map(without, members)]
    assert found["published"] == PUBLISHED["accepted"]
    assert list(found["by_prefix"]) == ["1", "2", "3"]
    titles = set(shown({"accepted": found}).columns[0].cells)
    assert {"published", "stumps alone", "gain over tuned LightGBM", "at prefix 1"} <= titles


def test_trials_are_the_same_at_each_call_and_each_outcome_has_one() -> None:
    for candidates in (leaf_candidates, tree_candidates):
        assert candidates() == candidates()
        assert len(set(candidates())) == len(candidates()) == TRIALS
    assert list(TUNED) == list(OUTCOMES) == list(PUBLISHED)
    for chosen in TUNED.values():
        assert chosen.trees in tree_candidates()
        assert chosen.leaves in leaf_candidates()
