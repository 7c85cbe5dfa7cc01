"""The simulation in short: the same each time, the judge asked where it matters, and candidates told apart."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.rollout_baselines import fixed_thresholds, quality_tests, repeated_z_test
from benchmarks.rollouts import SCENARIOS, measured
from benchmarks.simulated_rollout import LEADS_AN_HOUR, LEVELS, PLAN, Candidate, SimulatedRollout, world
from lintel.rollouts.decision import State

SHORT = replace(PLAN, longest_seconds=5 * 86_400.0, watch_seconds=8 * 86_400.0)


def test_it_is_the_same_each_time() -> None:
    assert measured(SCENARIOS["worse"], 2) == measured(SCENARIOS["worse"], 2)


@pytest.mark.parametrize("name", ["equal", "much worse", "far off", "fails always", "twice as slow"])
@pytest.mark.parametrize("seed", [1, 2])
def test_asking_only_where_it_matters_decides_as_asking_at_every_look(name: str, seed: int) -> None:
    drawn = world(SCENARIOS[name], SHORT, seed)
    sparse, full = (SimulatedRollout(SHORT, drawn, every_look=every).run() for every in (False, True))
    assert (sparse.state, sparse.hours, sparse.gates) == (full.state, full.hours, full.gates)
    assert np.array_equal(sparse.by_candidate, full.by_candidate)


def test_equal_candidates_are_let_through_but_for_one_in_twenty_at_most() -> None:
    found = measured(SCENARIOS["equal"], 40)
    assert found["ended"]["completed"] >= 38
    assert found["excess"] == pytest.approx(0.0, abs=1.0)


def test_an_outage_of_both_is_not_the_candidates_while_a_fixed_threshold_says_so() -> None:
    found = measured(SCENARIOS["equal, while both fail for 6 hours"], 12)
    assert found["rolled_back"]["rate"] == 0.0
    assert found["beside"]["fixed_thresholds"]["rate"] > 0.9


@pytest.mark.parametrize(
    ("name", "gate", "hours"),
    [
        ("much worse", "quality", 300.0),
        ("far off", "score_shift", 30.0),
        ("fails always", "failures", 24.0),
        ("twice as slow", "latency", 168.0),
    ],
)
def test_bad_candidates_go_back_by_the_gate_that_is_theirs(name: str, gate: str, hours: float) -> None:
    found = measured(SCENARIOS[name], 10)
    assert found["gates"].get(gate, 0) >= 9
    assert found["hours"] <= hours


def test_arrivals_are_in_order_and_as_many_as_the_rate_says() -> None:
    arrived = world(Candidate(), SHORT, 3).arrived
    assert (np.diff(arrived) >= 0).all()
    assert len(arrived) == pytest.approx(LEADS_AN_HOUR * 24.0 * 14, rel=0.1)
    night, noon = (((arrived % 24.0 >= hour) & (arrived % 24.0 < hour + 2)).sum() for hour in (23.0, 11.0))
    assert noon > 5 * night


def test_outcomes_come_true_as_often_as_the_truth_says() -> None:
    drawn = world(Candidate(drift=-1.0), PLAN, 4)
    for name in LEVELS:
        gap = drawn.outcome[name] - drawn.truth[name]
        assert abs(gap.mean()) < 4.0 * gap.std() / np.sqrt(len(gap))
        early, late = drawn.truth[name][:2_000].mean(), drawn.truth[name][-2_000:].mean()
        assert late < early


def test_baselines_find_what_they_are_made_for_and_nothing_in_a_perfect_twin() -> None:
    bad = world(Candidate(fails=0.5, noise=1.5), PLAN, 5)
    assert fixed_thresholds(bad) < np.inf
    assert repeated_z_test(bad) < np.inf
    assert max(quality_tests(bad).values()) < np.inf
    twin = replace(bad, ours=bad.theirs, we_fail=np.zeros_like(bad.we_fail), our_ms=bad.their_ms * 0.1)
    assert min(fixed_thresholds(twin), repeated_z_test(twin), *quality_tests(twin).values()) == np.inf


def test_a_rollout_without_leads_asks_a_person() -> None:
    drawn = world(Candidate(), SHORT, 6)
    none = replace(drawn, place=np.ones_like(drawn.place))
    assert SimulatedRollout(SHORT, none).run().state is State.INCONCLUSIVE
