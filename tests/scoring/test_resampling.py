from itertools import islice

import numpy as np
import pytest

from lintel.scoring.metrics import auc, base_rate
from lintel.scoring.resampling import bootstrap_interval, lead_draws


def test_rows_of_a_lead_are_drawn_together_and_as_many_leads_as_there_are() -> None:
    lead = np.array([5, 2, 2, 9, 5, 5], np.int32)
    for count in islice(lead_draws(lead, seed=1), 50):
        by_lead = {int(one): set(count[lead == one].tolist()) for one in (2, 5, 9)}
        assert all(len(times) == 1 for times in by_lead.values())
        assert sum(times.pop() for times in by_lead.values()) == 3


def test_draws_of_no_rows_end() -> None:
    assert list(lead_draws(np.zeros(0, np.int32), seed=1)) == []


def test_the_interval_has_the_width_of_the_leads_not_of_the_rows() -> None:
    random = np.random.default_rng(1)
    leads, rows_a_lead = 400, 9
    outcome = np.repeat(random.random(leads) < 0.3, rows_a_lead)
    lead = np.repeat(np.arange(leads, dtype=np.int32), rows_a_lead)
    ones = np.ones(len(outcome))

    def rate(outcome: np.ndarray, _: np.ndarray, weight: np.ndarray) -> float:
        return base_rate(outcome, weight)

    low, high = bootstrap_interval(rate, outcome, ones, ones, lead, seed=2, draws=400)
    assert low < outcome.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(0.3 * 0.7 / leads), rel=0.2)


def test_draws_without_a_figure_are_left_out() -> None:
    outcome, probability = np.array([True, False]), np.array([0.7, 0.2])
    lead = np.arange(2, dtype=np.int32)
    assert bootstrap_interval(auc, outcome, probability, np.ones(2), lead, seed=1) == (1.0, 1.0)
    assert np.isnan(bootstrap_interval(auc, ~np.zeros(2, bool), probability, np.ones(2), lead, seed=1)).all()
