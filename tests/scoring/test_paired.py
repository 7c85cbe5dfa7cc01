import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.scoring.metrics import log_loss
from lintel.scoring.paired import PairedLosses, paired_comparison, row_log_loss

Paired = dict[str, PairedLosses]


def losses(seed: int, rows: int, *, shift: float = 0.0, leads: int = 200) -> PairedLosses:
    """Rows of leads whose difference is `shift` plus noise that a lead's rows share."""
    random = np.random.default_rng(seed)
    lead = random.integers(0, leads, rows).astype(np.int32)
    theirs = random.gamma(2.0, 0.3, rows)
    noise = random.normal(0.0, 0.1, leads)[lead]
    return PairedLosses(theirs + shift + noise, theirs, random.uniform(0.5, 2.0, rows), lead)


def naive(paired: Paired, *, seed: int, draws: int) -> list[list[float]]:
    """Row by row: every draw repeats the rows of the leads it drew. One list of differences a draw."""
    leads = sorted({int(one) for part in paired.values() for one in part.lead})
    random = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        chosen = [leads[at] for at in random.integers(0, len(leads), len(leads))]
        values = []
        for part in paired.values():
            rows = [row for lead in chosen for row in range(len(part.lead)) if part.lead[row] == lead]
            total = sum(float(part.weight[row]) for row in rows)
            gap = sum(float(part.weight[row] * (part.ours[row] - part.theirs[row])) for row in rows)
            values.append(gap / total if total else math.nan)
        found.append(values)
    return found


@given(seed=st.integers(0, 1_000), first=st.integers(1, 12), second=st.integers(1, 12), leads=st.integers(1, 5))
def test_intervals_are_those_of_resampled_rows(seed: int, first: int, second: int, leads: int) -> None:
    paired = {"a": losses(seed, first, leads=leads), "b": losses(seed + 1, second, leads=leads)}
    found = paired_comparison(paired, seed=seed, draws=20)
    drawn = np.array(naive(paired, seed=seed, draws=20))
    for position, name in enumerate(paired):
        column = drawn[:, position]
        expected = np.nanquantile(column, (0.025, 0.975)) if not np.isnan(column).all() else (np.nan, np.nan)
        np.testing.assert_allclose((found.tasks[name].low, found.tasks[name].high), expected, atol=1e-12)
    both = drawn.mean(axis=1)
    expected = np.nanquantile(both, (0.025, 0.975)) if not np.isnan(both).all() else (np.nan, np.nan)
    np.testing.assert_allclose((found.mean.low, found.mean.high), expected, atol=1e-12)


def test_a_difference_beyond_noise_is_told_from_none() -> None:
    better = paired_comparison({"a": losses(1, 900, shift=-0.05)}, seed=3).mean
    assert better.better
    assert not better.worse
    assert better.low < -0.05 < better.high
    worse = paired_comparison({"a": losses(1, 900, shift=0.05)}, seed=3).mean
    assert worse.worse
    same = paired_comparison({"a": losses(1, 900)}, seed=3).mean
    assert not same.better
    assert not same.worse


def test_the_interval_covers_nothing_19_times_in_20() -> None:
    covered = [
        not (found.better or found.worse)
        for seed in range(200)
        for found in [paired_comparison({"a": losses(seed, 300)}, seed=seed, draws=200).mean]
    ]
    assert 0.89 <= np.mean(covered) <= 0.99


def test_one_lead_with_many_rows_is_no_evidence() -> None:
    lead = np.zeros(500, np.int32)
    lead[:2] = 1, 2
    ours = np.where(lead == 0, 0.4, 0.6)
    found = paired_comparison({"a": PairedLosses(ours, np.full(500, 0.5), np.ones(500), lead)}, seed=1).mean
    assert found.mean < -0.09
    assert not found.better


def test_losses_of_rows_average_to_the_log_loss() -> None:
    random = np.random.default_rng(2)
    outcome, probability, weight = random.random(50) < 0.3, random.random(50), random.random(50)
    probability[:2] = 0.0, 1.0
    rows = row_log_loss(outcome, probability)
    assert float(weight @ rows / weight.sum()) == pytest.approx(log_loss(outcome, probability, weight))


def test_a_comparison_without_rows_is_an_error() -> None:
    with pytest.raises(ValueError, match="rows in every task"):
        paired_comparison({}, seed=1)
    with pytest.raises(ValueError, match="rows in every task"):
        paired_comparison({"a": losses(1, 0)}, seed=1)
