import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lintel.errors import InputError
from lintel.scoring.stacking import MemberEvidence, Stack, choose_members, fit_stack

Float64 = NDArray[np.float64]
Rows = tuple[Float64, NDArray[np.bool_], Float64, NDArray[np.int32]]

steady = settings(deadline=None, derandomize=True, max_examples=25)


def _rows(seed: int, weights: tuple[float, ...] = (0.7, 0.4, 0.0), leads: int = 600, rows_a_lead: int = 3) -> Rows:
    """Margins of members, of which each sees its own part of the truth as `weights` say, and outcomes."""
    random = np.random.default_rng(seed)
    margins = np.repeat(random.normal(size=(leads, len(weights))) * 1.5, rows_a_lead, axis=0)
    fate = np.repeat(random.random(leads), rows_a_lead)
    outcome = fate < 1 / (1 + np.exp(0.3 - margins @ np.array(weights)))
    lead = np.repeat(np.arange(leads, dtype=np.int32), rows_a_lead)
    return margins, outcome, random.uniform(1, 3, len(lead)), lead


def test_the_weights_are_found() -> None:
    stack = fit_stack(*_rows(2, leads=4_000), seed=1, draws=0)
    np.testing.assert_allclose(stack.weights, (0.7, 0.4, 0.0), atol=0.08)
    assert stack.intercept == pytest.approx(-0.3, abs=0.1)


@steady
@given(seed=st.integers(0, 1_000), members=st.integers(1, 4))
def test_no_weight_is_negative_in_the_fit_or_any_draw(seed: int, members: int) -> None:
    weights = tuple(np.random.default_rng(seed).normal(size=members))
    stack = fit_stack(*_rows(seed, weights, leads=60), seed=seed, draws=5)
    assert (stack.weights >= 0).all()
    assert (stack.weight_draws >= 0).all()
    assert stack.weight_draws.shape == (5, members)
    assert stack.intercept_draws.shape == (5,)


def test_members_that_are_the_same_share_their_weight_equally() -> None:
    margins, outcome, weight, lead = _rows(2, (1.0,))
    stack = fit_stack(np.repeat(margins, 3, axis=1), outcome, weight, lead, seed=1, draws=0)
    assert np.ptp(stack.weights) < 1e-6


def test_a_few_rows_leave_the_plain_mean() -> None:
    margins, outcome = np.array([[0.1, 0.2], [0.0, -0.1]]), np.array([True, False])
    stack = fit_stack(margins, outcome, np.ones(2), np.arange(2, dtype=np.int32), seed=1, draws=0)
    np.testing.assert_allclose(stack.weights, 0.5, atol=0.02)


def test_a_row_has_the_same_margin_alone_as_in_a_batch() -> None:
    stack = fit_stack(*_rows(3), seed=1, draws=0)
    margins = np.random.default_rng(1).normal(size=(500, 3))
    whole = stack.margin(margins)
    assert [stack.margin(row[None])[0] for row in margins] == whole.tolist()
    np.testing.assert_allclose(whole, stack.intercept + margins @ stack.weights)
    assert stack.margin(margins[:0]).shape == (0,)


def test_the_spread_of_the_draws_is_that_of_fits_on_other_leads() -> None:
    """Rows of a lead are one piece of evidence: drawing rows instead of leads would spread far less."""
    spread = np.std([fit_stack(*_rows(seed), seed=0, draws=0).weights for seed in range(60)], axis=0)
    drawn = np.mean([fit_stack(*_rows(seed), seed=0, draws=60).weight_draws.std(axis=0) for seed in range(5)], axis=0)
    np.testing.assert_allclose(drawn, spread, rtol=0.35)


def test_the_same_seed_gives_the_same_draws() -> None:
    rows = _rows(4, leads=80)
    first, again, other = (fit_stack(*rows, seed=seed, draws=9).to_json() for seed in (1, 1, 2))
    assert first == again
    assert first["weights"] == other["weights"]
    assert first["weight_draws"] != other["weight_draws"]


def test_json_brings_back_every_bit() -> None:
    stack = fit_stack(*_rows(5, leads=80), seed=1, draws=7)
    written = json.loads(json.dumps(stack.to_json()))
    assert Stack.from_json(written).to_json() == stack.to_json()


@pytest.mark.parametrize("outcome", [True, False])
def test_one_class_is_refused(outcome: bool) -> None:
    margins, _, weight, lead = _rows(6, leads=10)
    with pytest.raises(InputError, match="both classes"):
        fit_stack(margins, np.full(30, outcome), weight, lead, seed=1)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_margins_that_are_not_finite_are_refused(wrong: float) -> None:
    margins, outcome, weight, lead = _rows(7, leads=10)
    margins[3, 1] = wrong
    with pytest.raises(InputError, match="not finite"):
        fit_stack(margins, outcome, weight, lead, seed=1)
    with pytest.raises(InputError, match="not finite"):
        choose_members(("a", "b", "c"), margins, outcome, weight, lead, seed=1)


def test_a_member_that_brings_nothing_is_dropped_and_those_that_help_stay() -> None:
    evidence = choose_members(("strong", "helpful", "noise"), *_rows(8), seed=1)
    assert [one.kept for one in evidence] == [True, True, False]
    strong, helpful, noise = evidence
    assert noise.weight_low < 0.05
    assert noise.gain <= 0.0
    assert strong.weight > helpful.weight > noise.weight
    assert min(one.gain_low for one in (strong, helpful)) > 0.0
    assert strong.log_loss_alone < helpful.log_loss_alone < noise.log_loss_alone
    assert all(one.weight_low <= one.weight <= one.weight_high for one in (strong, helpful))


def test_noise_is_dropped_nearly_always() -> None:
    """It stays where chance gives it a gain, which no data of this size can tell from a small one."""
    kept = [choose_members(("good", "noise"), *_rows(seed, (0.8, 0.0)), seed=1)[1].kept for seed in range(25)]
    assert np.mean(kept) <= 0.3


def test_a_member_that_harms_beyond_noise_is_dropped_whatever_its_weight() -> None:
    harmful = MemberEvidence("harmful", 0.7, 0.5, 0.4, 0.6, -0.02, -0.03, -0.01, kept=True)
    assert harmful.idle
    assert not replace(harmful, gain_high=0.01).idle
    assert replace(harmful, gain_high=0.01, weight_low=0.0).idle
    assert not replace(harmful, gain=0.001, gain_high=0.01, weight_low=0.0).idle


def test_two_views_of_one_thing_stay_together() -> None:
    """Each alone seems needless beside the other, and their mean is better than either."""
    random = np.random.default_rng(1)
    truth = 1.5 * random.normal(size=3_000)
    margins = truth[:, None] + 0.8 * random.normal(size=(3_000, 2))
    outcome, lead = random.random(3_000) < 1 / (1 + np.exp(-truth)), np.arange(3_000, dtype=np.int32)
    evidence = choose_members(("first", "second"), margins, outcome, np.ones(3_000), lead, seed=1)
    assert all(one.kept for one in evidence)


def test_one_member_stays_and_is_judged_against_the_rate() -> None:
    (evidence,) = choose_members(("only",), *_rows(10, (1.0,)), seed=1)
    assert evidence.kept
    assert evidence.gain > 0.05
    assert MemberEvidence.from_json(json.loads(json.dumps(evidence.to_json()))) == evidence
