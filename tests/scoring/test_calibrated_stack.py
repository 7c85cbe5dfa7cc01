import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from lintel.errors import InputError
from lintel.scoring.calibrated_stack import CalibratedStack, calibrated, row_quantiles
from lintel.scoring.calibration import SplineCalibrator
from lintel.scoring.stacking import Stack, fit_stack

Float64 = NDArray[np.float64]
Rows = tuple[Float64, NDArray[np.bool_], Float64, NDArray[np.int32]]


def _true_rate(margins: Float64) -> Float64:
    """Bent: members are overconfident below and underconfident above."""
    margin = 0.6 * margins[:, 0] + 0.4 * margins[:, 1]
    return 1 / (1 + np.exp(-np.where(margin < 0, 0.5, 1.3) * margin))


def _rows(seed: int, leads: int = 300, rows_a_lead: int = 4) -> Rows:
    random = np.random.default_rng(seed)
    ability = 2 * random.normal(size=leads)
    margins = np.repeat(ability[:, None] + random.normal(size=(leads, 2)) * 0.5, rows_a_lead, axis=0)
    outcome = np.repeat(random.random(leads), rows_a_lead) < _true_rate(margins)
    lead = np.repeat(np.arange(leads, dtype=np.int32), rows_a_lead)
    return margins, outcome, random.uniform(1, 3, len(lead)), lead


def _climb(knots: Float64, slopes: Float64, value: float) -> float:
    """From the middle knot to `value`, piece by piece."""
    low, high = sorted((float(knots[1]), value))
    stops = np.array([low, *(knot for knot in knots if low < knot < high), high])
    pieces = slopes[np.searchsorted(knots, (stops[1:] + stops[:-1]) / 2)]
    return float(np.sign(value - knots[1]) * np.sum(pieces * np.diff(stops)))


def _calibrated(seed: int, draws: int = 40, leads: int = 300) -> CalibratedStack:
    stack = fit_stack(*_rows(seed, leads), seed=seed, draws=draws)
    return calibrated(stack, *_rows(seed + 10_000, leads), seed=seed)


def test_the_interval_covers_the_true_rate_of_rows_scored_alike() -> None:
    """In tenths of the score, over many histories; a straight line would fail where the truth bends."""
    margins = _rows(999, leads=4_000, rows_a_lead=1)[0]
    truth, held = _true_rate(margins), []
    for seed in range(30):
        one = _calibrated(seed, draws=60)
        score = one.stack.margin(margins)
        tenth = np.searchsorted(np.quantile(score, np.arange(1, 10) / 10), score)
        rate, low, high = (np.bincount(tenth, part) / np.bincount(tenth) for part in (truth, *one.interval(margins)))
        held.append((low <= rate) & (rate <= high))
    assert 0.84 < np.mean(held) < 0.97


def test_the_interval_holds_the_probability_and_widens_with_its_level() -> None:
    one, margins = _calibrated(1), np.random.default_rng(1).normal(size=(50, 2)) * 3
    probability = one.probability(margins)
    low, high = one.interval(margins, 0.9)
    wider_low, wider_high = one.interval(margins, 0.98)
    assert ((low <= probability) & (probability <= high)).all()
    assert ((wider_low <= low) & (high <= wider_high)).all()
    assert (wider_low < low).any()


def test_fewer_leads_give_a_wider_interval() -> None:
    margins = np.zeros((1, 2))
    width = {leads: np.ptp(_calibrated(2, leads=leads).interval(margins)) for leads in (100, 1_600)}
    assert width[100] > 2 * width[1_600]


def test_draws_pair_a_stack_with_a_curve() -> None:
    """The naive way round: each draw's stack, then its curve, then percentiles."""
    one, margins = _calibrated(3, draws=25), np.random.default_rng(3).normal(size=(6, 2))
    knots = one.calibrator.knots
    rows = []
    for draw in range(25):
        margin = one.stack.intercept_draws[draw] + margins @ one.stack.weight_draws[draw]
        level = one.intercept_draws[draw] + knots[1]
        rows.append([level + _climb(knots, one.slope_draws[draw], float(value)) for value in margin])
    low, high = np.quantile(rows, (0.05, 0.95), axis=0)
    centre = one.log_odds(margins)
    found_low, found_high = one.interval(margins, 0.9)
    np.testing.assert_allclose(found_low, 1 / (1 + np.exp(-np.minimum(low, centre))))
    np.testing.assert_allclose(found_high, 1 / (1 + np.exp(-np.maximum(high, centre))))


def test_a_row_is_answered_alone_as_in_a_batch() -> None:
    one, margins = _calibrated(4), np.random.default_rng(4).normal(size=(2_100, 2))
    whole = np.stack((one.probability(margins), *one.interval(margins)))
    for row in (0, 7, 2_047, 2_048, 2_099):
        alone = np.stack((one.probability(margins[[row]]), *one.interval(margins[[row]])))
        assert alone[:, 0].tolist() == whole[:, row].tolist()
    assert [part.shape for part in one.interval(margins[:0])] == [(0,), (0,)]


def test_a_newer_window_is_followed_with_the_stack_as_it_was() -> None:
    one = _calibrated(5)
    margins, outcome, weight, lead = _rows(6)
    random = np.random.default_rng(1)
    rarer = outcome & np.repeat(random.random(300) < 0.4, 4)
    again = calibrated(one.stack, margins, rarer, weight, lead, seed=5)
    assert again.stack is one.stack
    before, after = (np.average(each.probability(margins), weights=weight) for each in (one, again))
    assert after < before - 0.1
    assert after == pytest.approx(np.average(rarer, weights=weight), abs=0.01)


def test_a_curve_goes_through_the_calibrated_probability_at_the_horizon_and_never_falls() -> None:
    one, random = _calibrated(12), np.random.default_rng(12)
    curves = np.cumsum(random.exponential(0.5, size=(80, 9, 2)), axis=1) - 4.0
    cumulative = one.cumulative(curves, curves[:, 4])
    np.testing.assert_allclose(cumulative[:, 4], one.probability(curves[:, 4]), rtol=1e-9)
    assert (np.diff(cumulative, axis=1) >= 0).all()
    assert one.cumulative(curves[:1], curves[:1, 4]).tolist() == cumulative[:1].tolist()


def test_beyond_the_horizon_hazards_are_those_of_the_members() -> None:
    """P(decided in a later bin | undecided at its start) is what it was, whatever the calibration did before."""
    stack = Stack(np.array([0.5, 0.5]), 0.0, np.full((1, 2), 0.5), np.zeros(1))
    halved = CalibratedStack(stack, SplineCalibrator(np.zeros(0), -1.0, np.ones(1)), np.zeros(1), np.ones((1, 1)))
    curves = np.linspace(-5, 3, 8)[None, :, None] + np.zeros((3, 8, 2))
    undecided = 1 - halved.cumulative(curves, curves[:, 2])
    before = 1 - 1 / (1 + np.exp(-curves[:, :, 0]))
    np.testing.assert_allclose(undecided[:, 3:] / undecided[:, 2:-1], before[:, 3:] / before[:, 2:-1])
    assert (undecided[:, :3] > before[:, :3]).all()


def test_a_curve_that_is_right_at_the_horizon_stays_as_it_is() -> None:
    stack = Stack(np.array([0.5, 0.5]), 0.0, np.full((1, 2), 0.5), np.zeros(1))
    identity = CalibratedStack(stack, SplineCalibrator(np.zeros(0), 0.0, np.ones(1)), np.zeros(1), np.ones((1, 1)))
    curves = np.linspace(-5, 3, 8)[None, :, None] + np.zeros((3, 8, 2))
    expected = 1 / (1 + np.exp(-curves[:, :, 0]))
    np.testing.assert_allclose(identity.cumulative(curves, curves[:, 2]), expected)


def test_members_without_weight_tell_nobody_apart() -> None:
    curve = SplineCalibrator(np.zeros(0), 0.0, np.ones(1))
    stack = Stack(np.zeros(2), 0.0, np.zeros((1, 2)), np.zeros(1))
    assert not CalibratedStack(stack, curve, np.zeros(1), np.ones((1, 1))).increasing
    assert _calibrated(13).increasing


def test_json_brings_back_every_bit() -> None:
    one, margins = _calibrated(7, draws=9), np.random.default_rng(7).normal(size=(40, 2))
    again = CalibratedStack.from_json(json.loads(json.dumps(one.to_json())))
    assert again.to_json() == one.to_json()
    for ours, theirs in zip(one.interval(margins), again.interval(margins), strict=True):
        assert ours.tolist() == theirs.tolist()


def test_without_draws_there_is_no_doubt_shown() -> None:
    stack = fit_stack(*_rows(8), seed=1, draws=0)
    with pytest.raises(InputError, match="no draws"):
        calibrated(stack, *_rows(9), seed=1)


@pytest.mark.parametrize("outcome", [True, False])
def test_one_class_is_refused(outcome: bool) -> None:
    stack = Stack(np.array([0.5, 0.5]), 0.0, np.full((1, 2), 0.5), np.zeros(1))
    margins, _, weight, lead = _rows(10)
    with pytest.raises(InputError, match="both classes"):
        calibrated(stack, margins, np.full(len(lead), outcome), weight, lead, seed=1)


def test_margins_that_are_not_finite_are_refused() -> None:
    stack = Stack(np.array([0.5, 0.5]), 0.0, np.full((1, 2), 0.5), np.zeros(1))
    margins, outcome, weight, lead = _rows(11)
    margins[5, 0] = np.nan
    with pytest.raises(InputError, match="not finite"):
        calibrated(stack, margins, outcome, weight, lead, seed=1)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    drawn=arrays(np.float64, st.tuples(st.integers(0, 4), st.integers(1, 30)), elements=st.floats(-1e9, 1e9)),
    levels=st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0)),
)
def test_quantiles_of_rows_are_numpys_to_the_bit(drawn: Float64, levels: tuple[float, float]) -> None:
    expected = np.quantile(drawn, levels, axis=1)
    np.testing.assert_array_equal(row_quantiles(drawn.copy(), levels), expected)
