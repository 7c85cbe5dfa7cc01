"""From a synthetic log to an evaluated bundle."""

import json
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from lintel.errors import IncompatibleError
from lintel.features.catalogue import catalogue
from lintel.labels.definition import load_label_set
from lintel.labels.outcomes import Status
from lintel.scoring.dimension import Dimension, Gap, MissingDimension
from lintel.scoring.evaluation import evaluate, fold_rows
from lintel.scoring.examples import Examples
from lintel.scoring.fitting import Fitting
from lintel.scoring.inputs import Inputs
from lintel.scoring.training import _skilled, train
from tests.scoring.small import small_ensemble

METRICS = ("auc", "average_precision", "log_loss", "brier", "ece", "lift_top_decile")


def every(examples: Examples) -> Inputs:
    return examples.inputs(np.arange(len(examples)))


def test_every_dimension_has_a_model_or_a_reason(trained) -> None:
    dimensions = trained.bundle.scorer.dimensions
    assert list(dimensions) == ["intent", "timing", "budget", "conversion", "churn", "engagement"]
    assert dimensions["budget"] == MissingDimension(
        "budget", Gap.NOT_DEFINED, load_label_set("bpic2012").dimensions["budget"].reason
    )
    assert isinstance(dimensions["conversion"], Dimension)
    assert isinstance(dimensions["timing"], Dimension)


def test_learns_what_the_log_holds(trained) -> None:
    figures = trained.bundle.metrics["dimensions"]
    for name in ("conversion", "timing", "intent"):
        assert figures[name]["log_loss"] < figures[name]["baselines"]["base_rate"]["log_loss"]
        assert figures[name]["auc"] > 0.6


def test_metrics_have_the_agreed_shape(trained) -> None:
    metrics = trained.bundle.metrics
    assert (metrics["data"], metrics["simulated"]) == ("acme", True)
    found = metrics["dimensions"]["conversion"]
    for figures in (found, *found["baselines"].values(), found["unseen"], *found["by_origin"].values()):
        assert set(METRICS) <= set(figures)
    assert set(found["by_origin"]) == {"event", "tick"}
    assert set(metrics["dimensions"]["engagement"].get("by_origin", {"touch": {}})) == {"touch"}
    assert found["intervals"]["auc"][0] <= found["auc"] <= found["intervals"]["auc"][1]
    assert metrics["dimensions"]["budget"]["status"] == "not_defined_for_source"
    json.dumps(metrics, allow_nan=False)


def test_what_serves_is_what_was_evaluated(trained) -> None:
    again = evaluate(trained.bundle, trained.examples)["dimensions"]
    first = trained.bundle.metrics["dimensions"]
    assert list(again) == list(first)
    assert {name: again[name] for name in trained.bundle.scorer.ready} == {
        name: first[name] for name in trained.bundle.scorer.ready
    }


def test_no_row_is_trained_on_before_its_label_was_known(trained) -> None:
    """Labels after the first border may say anything: the fitted model does not change."""
    examples, small = trained.examples, small_ensemble(10, patience=3)
    outcome = examples.outcomes["conversion"]
    border = trained.bundle.metrics["dimensions"]["conversion"]["folds"]["calibration_from"]
    instant = int(np.datetime64(border.removesuffix("Z"), "us").astype(np.int64))
    flipped = outcome.status.copy()
    late = (outcome.known_from > instant) & outcome.mature
    flipped[late] = 1 - flipped[late]
    changed = replace(examples, outcomes={**examples.outcomes, "conversion": replace(outcome, status=flipped)})
    entry = load_label_set("bpic2012").defined["conversion"]
    margins = []
    for one in (examples, changed):
        dimension = Fitting(one, catalogue(), 1, small).dimension(entry)
        assert isinstance(dimension, Dimension) or one is changed
        if isinstance(dimension, Dimension):
            margins.append(dimension.margins(every(examples)).tobytes())
    assert len(set(margins)) == 1


def test_timing_learns_nothing_of_decisions_after_its_border(trained) -> None:
    examples, small = trained.examples, small_ensemble(10, patience=3)
    outcome = examples.outcomes["timing"]
    entry = load_label_set("bpic2012").defined["timing"]
    folds = fold_rows(examples, "timing")
    decided_at = examples.points.queries.as_of + outcome.days * 86_400e6
    forgotten = np.where(decided_at > folds.calibration_from, np.nan, outcome.days)
    assert np.isnan(forgotten).sum() > np.isnan(outcome.days).sum()
    changed = replace(examples, outcomes={**examples.outcomes, "timing": replace(outcome, days=forgotten)})
    first, second = (Fitting(one, catalogue(), 1, small).dimension(entry) for one in (examples, changed))
    assert first.margins(every(examples)).tobytes() == second.margins(every(examples)).tobytes()


def test_timing_learns_nothing_of_what_came_after_the_end_of_a_log(trained) -> None:
    """In a pool one tenant's log may end before another's calibration begins: silence after it is no survival."""
    examples, small = trained.examples, small_ensemble(10, patience=3)
    outcome, as_of = examples.outcomes["timing"], examples.points.queries.as_of
    entry, until = load_label_set("bpic2012").defined["timing"], fold_rows(examples, "timing").calibration_from
    ended = (examples.points.queries.lead % 2 == 0) & (as_of < until)
    left = np.where(ended, np.minimum(10.0, outcome.censored_after), outcome.censored_after)
    cut = replace(outcome, censored_after=left)
    assert ((outcome.days > left) & (as_of + outcome.days * 86_400e6 < until)).sum() > 20
    forgotten = replace(cut, days=np.where(outcome.days > left, np.nan, outcome.days))
    logs = (replace(examples, outcomes={**examples.outcomes, "timing": one}) for one in (cut, forgotten))
    first, second = (Fitting(one, catalogue(), 1, small).dimension(entry) for one in logs)
    assert first.margins(every(examples)).tobytes() == second.margins(every(examples)).tobytes()


def test_what_is_typical_and_out_of_range_is_told_by_the_train_folds(trained) -> None:
    """Features of rows after every border may be anything: the profile and the models do not change."""
    examples, bundle = trained.examples, trained.bundle
    late = np.ones(len(examples), bool)
    for name in bundle.scorer.ready:
        folds = fold_rows(examples, name)
        late &= examples.points.queries.as_of >= folds.test_from
    assert late.any()
    features = np.where(late[:, None], 1e6 * np.arange(len(examples))[:, None], examples.features).astype(np.float32)
    labels, small = load_label_set("bpic2012"), small_ensemble(5, patience=3)
    first, second = (
        train(one, labels, catalogue(), seed=1, hyperparameters=small).scorer
        for one in (examples, replace(examples, features=features))
    )
    np.testing.assert_array_equal(first.profile.quantiles, second.profile.quantiles)
    assert second.profile.out_of_range(features[late]).any(axis=1).all()
    member, other = (scorer.dimensions["intent"] for scorer in (first, second))
    assert isinstance(member, Dimension)
    if isinstance(other, Dimension):
        assert member.margins(every(examples)).tobytes() == other.margins(every(examples)).tobytes()


def test_too_few_outcomes_are_said(trained) -> None:
    outcome = trained.examples.outcomes["conversion"]
    status: NDArray[np.int8] = np.where(outcome.status == Status.YES, Status.CENSORED, outcome.status).astype(np.int8)
    few = replace(
        trained.examples, outcomes={**trained.examples.outcomes, "conversion": replace(outcome, status=status)}
    )
    fitting = Fitting(few, catalogue(), 1)
    found = fitting.dimension(load_label_set("bpic2012").defined["conversion"])
    assert found == MissingDimension("conversion", Gap.NOT_ENOUGH_DATA, "40 more mature outcomes")


def test_examples_of_other_features_are_refused(trained) -> None:
    stale = replace(trained.examples, feature_digest="sha256:other")
    with pytest.raises(IncompatibleError, match="other features or labels"):
        train(stale, load_label_set("bpic2012"), catalogue(), seed=1)


def test_the_card_says_what_matters(trained) -> None:
    card = trained.bundle.model_card
    assert "Simulated data" in card
    assert "accepted within 30 days" in card
    assert "Accuracy is not shown, because it misleads" in card
    assert "| logistic regression |" in card
    assert "not_defined_for_source" in card


def test_a_dimension_that_is_no_better_than_its_base_rate_is_not_scored(
    trained,
) -> None:
    bundle = trained.bundle
    name, model = next(iter(bundle.scorer.ready.items()))
    figures = {"log_loss": 0.7, "baselines": {"base_rate": {"log_loss": 0.69}}}
    metrics = {"dimensions": {one: {"status": "other"} for one in bundle.scorer.ready} | {name: figures}}
    scorer = _skilled(bundle.scorer, metrics)
    assert model.name not in scorer.ready
    assert set(scorer.ready) == set(bundle.scorer.ready) - {name}
    assert metrics["dimensions"][name]["status"] == "no_better_than_base_rate"
    assert "0.7000" in scorer.dimensions[name].to_json()["reason"]
