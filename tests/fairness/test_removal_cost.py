"""What dropping features costs, against models whose loss is known."""

import numpy as np
import pytest

from lintel.fairness.removal_cost import removal_cost


def test_dropping_what_the_outcome_hangs_on_costs_and_dropping_noise_does_not() -> None:
    random = np.random.default_rng(1)
    features = random.normal(size=(2000, 3))
    outcome = random.random(2000) < 1 / (1 + np.exp(-2 * features[:, 1]))
    asked = []

    def fit(columns):
        asked.append(columns.tolist())
        known = 2 * features[:, 1] if 1 in columns else 0.1 * features[:, 0]
        return 1 / (1 + np.exp(-known))

    of_rows = {"outcome": outcome, "weight": np.ones(2000), "lead": np.arange(2000, dtype=np.int32) // 2}
    costly = removal_cost(fit, 3, np.array([1]), **of_rows, seed=1, draws=50)
    free = removal_cost(fit, 3, np.array([0, 2]), **of_rows, seed=1, draws=50)
    assert asked == [[0, 1, 2], [0, 2], [0, 1, 2], [1]]
    assert costly.auc_loss == pytest.approx(costly.auc - costly.auc_without)
    assert costly.auc_loss_interval[0] > 0.2
    assert costly.log_loss_without > costly.log_loss
    assert free.auc_loss == 0
    assert free.auc_loss_interval == (0, 0)


def test_one_outcome_only_has_no_cost_that_could_be_told() -> None:
    rows = {"outcome": np.zeros(9, bool), "weight": np.ones(9), "lead": np.arange(9, dtype=np.int32)}
    cost = removal_cost(lambda columns: np.full(9, 0.1), 2, np.array([0]), **rows, seed=1, draws=10)
    assert np.isnan(cost.auc_loss)
    assert np.isnan(cost.auc_loss_interval).all()
