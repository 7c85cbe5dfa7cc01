"""The sequential test of matured outcomes: an oracle, its run length, and what it notices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lintel.monitoring.drift.concept import _BETS, Matured, matured_leads, watch

Float64 = NDArray[np.float64]


def forecasts(random: np.random.Generator, count: int, truth: Float64 | None = None) -> tuple[Matured, Float64]:
    probability = random.beta(2, 4, count)
    outcome = random.random(count) < (probability if truth is None else truth)
    order = np.arange(count)
    exact = probability, probability
    return matured_leads(outcome, probability, np.ones(count), order, order, interval=exact), probability


def naive(matured: Matured) -> list[float]:
    """The mean over bets of sums that begin anew at every lead."""
    sums = dict.fromkeys([(bet, kind, sign) for bet in _BETS for kind in (0, 1) for sign in (1.0, -1.0)], 0.0)
    course = []
    for lead in range(len(matured)):
        for bet, kind, sign in sums:
            gain = sign * matured.error[kind, lead] - matured.slack[kind, int(sign < 0), lead]
            sums[bet, kind, sign] = (sums[bet, kind, sign] + 1.0) * (1.0 + bet * gain)
        course.append(sum(sums.values()) / len(sums))
    return course


@given(st.integers(0, 10_000), st.integers(1, 40), st.floats(0.0, 1.0))
@settings(max_examples=50)
def test_it_is_the_detector_written_step_by_step(seed: int, count: int, truth: float) -> None:
    matured, _ = forecasts(np.random.default_rng(seed), count, np.full(count, truth))
    course = naive(matured)
    threshold = float(np.median(course))
    found = watch(matured, run_length=threshold)
    first = next((lead for lead, value in enumerate(course) if value >= threshold * (1 + 1e-9)), None)
    assert found.evidence == pytest.approx(np.log(max(course) / threshold)) or found.alarm is not None
    if first is not None:
        assert found.alarm is not None
        assert found.alarm <= first
        assert course[found.alarm] >= threshold * (1 - 1e-9)


def test_forecasts_that_are_right_raise_fewer_alarms_than_promised() -> None:
    length, promised = 400, 500.0
    alarms = sum(
        watch(forecasts(np.random.default_rng(seed), length)[0], run_length=promised).alarm is not None
        for seed in range(200)
    )
    assert alarms / 200 <= length / promised / 2  # run lengths are at least what is promised; in truth far longer


def test_rows_of_a_lead_count_once() -> None:
    """Twenty copies of each outcome would be twenty surprises to a test that does not know of leads."""
    alarms = {"leads": 0, "rows": 0}
    for seed in range(30):
        random = np.random.default_rng(seed)
        probability = random.beta(2, 4, 300)
        outcome = random.random(300) < probability
        lead, told = np.repeat(np.arange(300), 20), np.repeat(outcome, 20)
        forecast, rows = np.repeat(probability, 20), np.arange(6_000)
        for unit, of in (("leads", lead), ("rows", rows)):
            matured = matured_leads(told, forecast, np.ones(6_000), of, of, interval=(forecast, forecast))
            alarms[unit] += watch(matured, run_length=10_000).alarm is not None
    assert alarms["leads"] == 0
    assert alarms["rows"] > 10


@pytest.mark.parametrize(
    ("change", "direction"),
    [
        (lambda p: np.minimum(p + 0.2, 1.0), "level up"),
        (lambda p: np.maximum(p - 0.2, 0.0), "level down"),
        (lambda p: np.full(len(p), p.mean()), "surer than it should be"),
    ],
)
def test_it_says_since_when_and_how(change, direction: str) -> None:
    random, count, at = np.random.default_rng(9), 6_000, 3_000
    probability = np.random.default_rng(9).beta(2, 4, count)
    truth = np.where(np.arange(count) < at, probability, change(probability))
    matured, same = forecasts(random, count, truth)
    assert same == pytest.approx(probability)
    found = watch(matured)
    assert found.alarm is not None
    assert at < found.alarm < at + 2_000
    assert found.since == pytest.approx(at, abs=400)
    assert found.direction == direction


def test_a_lead_counts_when_its_last_row_is_known() -> None:
    outcome, probability = np.array([True, False, True]), np.array([0.5, 0.5, 0.2])
    lead, known, exact = np.array([7, 7, 3]), np.array([5, 9, 6]), (probability, probability)
    matured = matured_leads(outcome, probability, np.array([1.0, 3.0, 1.0]), lead, known, interval=exact)
    assert matured.at.tolist() == [6, 9]
    assert matured.error[0].tolist() == pytest.approx([0.8, (0.5 - 1.5) / 4])


def test_without_outcomes_nothing_is_said() -> None:
    nothing = np.zeros(0)
    told = nothing.astype(bool), nothing, nothing, nothing.astype(int), nothing.astype(np.int64)
    matured = matured_leads(*told, interval=(nothing, nothing))
    assert watch(matured).alarm is None


@given(
    st.lists(
        st.tuples(st.floats(1e-4, 1 - 1e-4), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=20
    )
)
def test_wherever_in_its_interval_the_rate_lies_no_bet_gains_in_the_mean(rows: list[tuple[float, ...]]) -> None:
    probability, below, above, place = np.array(rows).T
    low, high = probability * (1 - below), probability + (1 - probability) * above
    rate, order = low + place * (high - low), np.arange(len(rows))
    happens, fails = (
        matured_leads(np.full(len(rows), one), probability, np.ones(len(rows)), order, order, interval=(low, high))
        for one in (True, False)
    )
    for kind in (0, 1):
        for side, sign in enumerate((1.0, -1.0)):
            gain, loss = (sign * one.error[kind] - one.slack[kind, side] for one in (happens, fails))
            assert (rate * gain + (1 - rate) * loss <= 1e-12).all()
            assert min(gain.min(), loss.min()) > -1.0 / max(_BETS)  # no lead can break a bet


@given(st.integers(0, 10_000), st.floats(0.0, 0.3))
@settings(max_examples=30)
def test_the_more_doubt_the_less_evidence(seed: int, doubt: float) -> None:
    random, count = np.random.default_rng(seed), 200
    probability, order = random.beta(2, 4, count), np.arange(count)
    told = random.random(count) < 0.5, probability, np.ones(count), order, order
    low, high = np.maximum(probability - doubt, 0.0), np.minimum(probability + doubt, 1.0)
    exact, doubtful = (matured_leads(*told, interval=one) for one in ((probability, probability), (low, high)))
    assert watch(doubtful).evidence <= watch(exact).evidence + 1e-9
    assert np.array_equal(doubtful.error, exact.error)
