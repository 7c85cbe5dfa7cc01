"""Typed factories of small, seeded examples."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
NAMES = ("calls", "replies", "days_idle", "amount", "noise")


@pytest.fixture
def make_features() -> Callable[..., Float32]:
    """(n, 5) features with missing values in "amount"."""

    def make(count: int = 600, seed: int = 3) -> Float32:
        random = np.random.default_rng(seed)
        features = random.normal(size=(count, len(NAMES))).astype(np.float32)
        features[random.random(count) < 0.3, 3] = np.nan
        return features

    return make


@pytest.fixture
def make_outcome() -> Callable[..., NDArray[np.bool_]]:
    """Outcomes whose log-odds are 1.5 calls - idle."""

    def make(features: Float32, seed: int = 4) -> NDArray[np.bool_]:
        random = np.random.default_rng(seed)
        log_odds = 1.5 * features[:, 0] - features[:, 2] - 0.5
        return random.random(len(features)) < 1 / (1 + np.exp(-log_odds))

    return make
