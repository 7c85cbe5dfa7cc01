"""The logistic baseline."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lintel.scoring.baselines import fit_logistic
from lintel.scoring.metrics import auc

Float32 = NDArray[np.float32]


def test_learns_a_line(make_features: Callable[..., Float32], make_outcome: Callable[..., NDArray[np.bool_]]) -> None:
    features = make_features()
    model = fit_logistic(features, make_outcome(features), np.ones(len(features)))
    fresh = make_features(seed=50)
    assert auc(make_outcome(fresh, seed=51), model.margin(fresh), np.ones(len(fresh))) > 0.8


def test_a_missing_value_can_be_the_signal(make_features: Callable[..., Float32]) -> None:
    features = make_features()
    missing = np.isnan(features[:, 3])
    model = fit_logistic(features, missing, np.ones(len(features)), strength=1.0)
    margin = model.margin(features)
    assert margin[missing].min() > margin[~missing].max()


def test_a_column_without_any_value_does_no_harm(make_features: Callable[..., Float32]) -> None:
    features = make_features()
    features[:, 1] = np.nan
    model = fit_logistic(features, features[:, 0] > 0, np.ones(len(features)))
    assert np.isfinite(model.margin(features)).all()
