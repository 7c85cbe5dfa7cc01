"""Quantiles of an amount whose true distribution is known, and the facts that would narrow them."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.errors import IncompatibleError, InputError
from lintel.scoring.amount import LEVELS, AmountModel, best_anchor, fit_amount, pinball
from lintel.scoring.amount_facts import AmountFacts, find_facts
from lintel.scoring.conformal import ConformalBand
from lintel.scoring.inputs import Inputs
from lintel.scoring.model_file import write_model
from lintel.scoring.stopping import StoppingSlices
from lintel.scoring.xgboost_member import TreeSettings

NAMES = ("asked", "asked_days_ago", "viewed", "noise")
SMALL = TreeSettings(max_trees=80, patience=10, learning_rate=0.1, colsample_bytree=1.0, threads=1)
Z = np.array([-1.2815515655446004, 0.0, 1.2815515655446004])
COUNT = 4000


def world(count: int, seed: int = 1) -> tuple[Inputs, np.ndarray, np.ndarray]:
    """Features, amounts and their true quantiles: ln(amount) is normal about ln(asked) with deviation .1.

    Three leads in ten do not say what they ask for; views, of listings that cost .8 of it, tell it less well.
    """
    random = np.random.default_rng(seed)
    asked = np.exp(random.normal(12.5, 0.6, count))
    viewed = 0.8 * asked * np.exp(random.normal(0, 0.2, count))
    told = random.random(count) < 0.7
    columns = (np.where(told, asked, np.nan), np.where(told, random.random(count), np.nan), viewed)
    features = np.column_stack((*columns, random.normal(size=count))).astype(np.float32)
    quantiles = asked[:, None] * np.exp(0.1 * Z)
    return Inputs(features, NAMES), asked * np.exp(random.normal(0, 0.1, count)), quantiles


def slices(count: int) -> StoppingSlices:
    later = np.arange(count) >= 0.8 * count
    return StoppingSlices(~later, later)


@pytest.fixture(scope="module")
def model() -> AmountModel:
    inputs, amount, _ = world(COUNT)
    money = ("asked", "viewed", "not_there")
    return fit_amount(inputs, amount, np.ones(COUNT), slices(COUNT), seed=1, money=money, settings=SMALL)


def test_quantiles_are_near_the_truth_where_the_amount_is_told(model: AmountModel) -> None:
    inputs, _, true = world(2000, seed=2)
    told = ~np.isnan(inputs.features[:, 0])
    error = np.abs(np.log(model.quantiles(inputs) / true))[told].mean(axis=0)
    assert (error < 0.04).all()


def test_the_loss_is_near_the_oracles_and_far_below_that_of_all_amounts(model: AmountModel) -> None:
    inputs, amount, true = world(2000, seed=2)
    told, weight = np.flatnonzero(~np.isnan(inputs.features[:, 0])), np.ones(2000)
    marginal = np.tile(np.quantile(world(COUNT)[1], LEVELS), (2000, 1))
    ours, best, worst = (
        pinball(amount[told], one[told], weight[told]) for one in (model.quantiles(inputs), true, marginal)
    )
    assert best <= ours < 1.1 * best < worst / 3


def test_the_band_is_wider_without_the_fact(model: AmountModel) -> None:
    inputs, _, _ = world(2000, seed=2)
    width = np.log(model.quantiles(inputs))[:, 2] - np.log(model.quantiles(inputs))[:, 0]
    told = ~np.isnan(inputs.features[:, 0])
    assert width[~told].mean() > 1.5 * width[told].mean()


def test_quantiles_never_cross(model: AmountModel) -> None:
    inputs, _, _ = world(2000, seed=3)
    narrowed = replace(model, conformal=ConformalBand(shift=-0.3, level=0.8, leads=100))
    for one in (model, narrowed):
        assert (np.diff(one.quantiles(inputs), axis=1) >= 0).all()


def test_a_band_of_too_few_leads_is_refused(model: AmountModel) -> None:
    """It would reach from nothing to infinity, which is neither an answer nor JSON."""
    inputs, amount, _ = world(12, seed=4)
    with pytest.raises(InputError, match="3 leads are too few"):
        model.conformed(inputs, amount, np.ones(12), (np.arange(12) % 3).astype(np.int32))
    enough = model.conformed(inputs, amount, np.ones(12), (np.arange(12) % 4).astype(np.int32))
    assert np.isfinite(enough.quantiles(inputs)).all()


def test_the_conformal_band_holds_its_level(model: AmountModel) -> None:
    """On a fold whose amounts scatter more than those learnt from."""
    inputs, amount, _ = world(4000, seed=4)
    amount = amount * np.exp(np.random.default_rng(5).normal(0, 0.2, 4000))
    amount[::3] = np.nan
    half = np.arange(4000) < 2000
    first, second = np.flatnonzero(half), np.flatnonzero(~half & ~np.isnan(amount))
    lead = np.arange(4000, dtype=np.int32)
    plain, conformed = (
        one.quantiles(inputs.take(second))
        for one in (model, model.conformed(inputs.take(first), amount[first], np.ones(2000), lead[first]))
    )
    inside = [np.mean((one[:, 0] <= amount[second]) & (amount[second] <= one[:, 2])) for one in (plain, conformed)]
    assert inside[0] < 0.6
    assert inside[1] == pytest.approx(0.8, abs=0.035)
    np.testing.assert_array_equal(plain[:, 1], conformed[:, 1])


def test_a_saved_model_is_the_same(model: AmountModel, tmp_path: Path) -> None:
    inputs, amount, _ = world(300, seed=6)
    conformed = model.conformed(inputs, amount, np.ones(300), np.arange(300, dtype=np.int32))
    for number, one in enumerate((model, conformed)):
        path = tmp_path / f"amount{number}.ubj"
        one.save(path)
        np.testing.assert_array_equal(AmountModel.load(path).quantiles(inputs), one.quantiles(inputs))


def test_a_row_does_not_depend_on_the_others(model: AmountModel) -> None:
    inputs, _, _ = world(50, seed=7)
    alone = model.quantiles(inputs.take(np.array([9])))
    np.testing.assert_array_equal(alone, model.quantiles(inputs)[9:10])
    assert model.quantiles(inputs.take(np.zeros(0, np.intp))).shape == (0, 3)


def test_trees_start_from_what_tells_most() -> None:
    inputs, amount, _ = world(2000)
    anchor = best_anchor(inputs, np.log(amount), ("viewed", "asked"))
    assert [feature for feature, _ in anchor.steps] == ["asked", "viewed"]
    assert dict(anchor.steps)["viewed"] == pytest.approx(-np.log(0.8), abs=0.03)
    assert best_anchor(inputs, np.log(amount), ()).steps == ()


@pytest.mark.parametrize("known", [0, 99])
def test_too_few_amounts_are_refused(known: int) -> None:
    inputs, amount, _ = world(COUNT)
    amount[known:] = np.nan
    with pytest.raises(InputError, match=f"{known} rows .* have an amount"):
        fit_amount(inputs, amount, np.ones(COUNT), slices(COUNT), seed=1)


def test_infinities_are_refused(model: AmountModel) -> None:
    inputs, _, _ = world(5)
    inputs.features[2, 3] = np.inf
    with pytest.raises(InputError, match="'noise' is infinite"):
        model.quantiles(inputs)


def test_another_model_is_refused(model: AmountModel, tmp_path: Path) -> None:
    path = tmp_path / "amount.ubj"
    write_model(path, bytes(model.booster.save_raw("ubj")))
    with pytest.raises(IncompatibleError, match="no model of amounts"):
        AmountModel.load(path)
    write_model(path, b"{}")
    with pytest.raises(IncompatibleError, match="not an XGBoost model"):
        AmountModel.load(path)


@given(st.lists(st.tuples(*[st.floats(1, 100)] * 4), min_size=1, max_size=9))
def test_pinball_is_its_definition(rows: list[tuple[float, ...]]) -> None:
    amount, quantiles = np.array([row[0] for row in rows]), np.array([row[1:] for row in rows])
    total = 0.0
    for value, *guesses in rows:
        for level, guess in zip(LEVELS, guesses, strict=True):
            total += level * (value - guess) if value >= guess else (1 - level) * (guess - value)
    assert pinball(amount, quantiles, np.ones(len(rows))) == pytest.approx(total / len(rows) / 3)


def test_the_fact_that_narrows_the_band_is_named(model: AmountModel) -> None:
    facts = find_facts(model, world(COUNT)[0], ("asked", "viewed", "noise"))
    assert [(fact.feature, fact.columns) for fact in facts.facts] == [("asked", ("asked", "asked_days_ago"))]
    inputs, _, _ = world(400, seed=8)
    untold = np.isnan(inputs.features[:, 0])
    quantiles = np.log(model.quantiles(inputs))
    width = quantiles[:, 2] - quantiles[:, 0]
    found = facts.narrowings(model, inputs)
    assert not any(bool(one) and not lacking for one, lacking in zip(found, untold, strict=True))
    assert np.mean([bool(one) for one, lacking in zip(found, untold, strict=True) if lacking]) > 0.95
    shares = [one[0].share for one in found if one]
    assert np.mean(shares) == pytest.approx(1 - width[~untold].mean() / width[untold].mean(), abs=0.1)


def test_a_fact_that_says_nothing_is_not_named() -> None:
    inputs, amount, _ = world(COUNT)
    inputs.features[np.random.default_rng(9).random(COUNT) < 0.5, 3] = np.nan
    fitted = fit_amount(
        inputs, amount, np.ones(COUNT), slices(COUNT), seed=1, money=("asked", "viewed"), settings=SMALL
    )
    assert find_facts(fitted, inputs, ("noise",)).facts == ()


def test_facts_survive_json(model: AmountModel) -> None:
    facts = find_facts(model, world(COUNT)[0], ("asked",))
    again = AmountFacts.from_json(json.loads(json.dumps(facts.to_json())))
    inputs, _, _ = world(100, seed=10)
    assert again.narrowings(model, inputs) == facts.narrowings(model, inputs)
