"""P-values where nothing has moved, distances where something has."""

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency

from lintel.monitoring.drift.binned import BinnedSample, binned
from lintel.monitoring.drift.bins import Bins, quantile_bins
from lintel.monitoring.drift.comparison import Comparison, compare, js_distance

Float32 = NDArray[np.float32]


def judge(before: Float32, now: Float32, lead: NDArray[np.intp] | None = None) -> Comparison:
    """Columns (n, C) of independent rows before, and of rows of `lead` now."""
    bins = quantile_bins([str(one) for one in range(before.shape[1])], before.T)
    reference = binned(bins, before.T, np.arange(len(before)))
    return compare(reference, binned(bins, now.T, np.arange(len(now)) if lead is None else lead))


def normal(random: np.random.Generator, rows: int, columns: int = 40) -> Float32:
    return random.standard_normal((rows, columns), np.float32)


@pytest.mark.parametrize("rows", [150, 3_000])
def test_p_values_are_at_most_uniform_where_nothing_has_moved(rows: int) -> None:
    random = np.random.default_rng(rows)
    found = np.concatenate([judge(normal(random, 2_000), normal(random, rows)).p_value for _ in range(15)])
    for level, slack in ((0.5, 0.05), (0.1, 0.03), (0.01, 0.008)):
        assert level * 0.5 - slack <= (found <= level).mean() <= level + slack


def test_rare_values_make_no_alarm_by_themselves() -> None:
    """Of columns of which nearly all values are 0, and few rows: where approximations are at their worst."""
    random = np.random.default_rng(13)
    found = []
    for _ in range(30):
        before, now, least = normal(random, 5_000, 60), normal(random, 200, 60), random.uniform(1.5, 2.4, 60)
        for one in (before, now):
            one[np.abs(one) < least] = 0.0
        found.append(judge(before, now).p_value)
    p_values = np.concatenate(found)
    assert (p_values <= 0.01).mean() <= 0.015
    assert (p_values <= 0.0005).mean() <= 0.002
    assert p_values.min() > 1e-6


def test_a_shift_is_found_with_few_rows() -> None:
    random = np.random.default_rng(14)
    found = judge(normal(random, 5_000), normal(random, 200) + np.float32(0.5))
    assert (found.p_value < 1e-5).mean() > 0.9


def test_rows_of_one_lead_do_not_make_an_alarm() -> None:
    random, lead = np.random.default_rng(3), np.repeat(np.arange(200), 10)
    p_values, naive = [], []
    for _ in range(10):
        now = normal(random, 200)[lead] * 0.95**0.5 + normal(random, 2_000) * 0.05**0.5
        before = normal(random, 2_000)
        p_values.append(judge(before, now, lead).p_value)
        naive.append(judge(before, now).p_value)
    assert (np.concatenate(p_values) <= 0.01).mean() <= 0.01
    assert (np.concatenate(naive) <= 0.01).mean() > 0.5  # what asking no leads would say


def test_of_independent_rows_it_is_the_likelihood_ratio_test() -> None:
    counts = np.array([[400, 300, 300], [140, 60, 100]])
    bins = Bins(("x",), (np.array([1, 2], np.float32),))
    samples = [binned(bins, [np.repeat([0, 1, 2], one).astype(np.float32)], np.arange(one.sum())) for one in counts]
    expected = chi2_contingency(counts, lambda_="log-likelihood", correction=False).pvalue
    assert compare(*samples).p_value[0] == pytest.approx(2 * expected, rel=0.2)  # F, not chi-square


def test_a_sample_does_not_differ_from_itself() -> None:
    values = normal(np.random.default_rng(4), 500, 3)
    found = judge(values, values)
    assert found.p_value == pytest.approx(1.0)
    assert found.distance == pytest.approx(0.0)
    assert found.higher == pytest.approx(0.5)


def test_the_distance_is_free_of_what_chance_gives() -> None:
    random = np.random.default_rng(5)
    shifted = [judge(normal(random, 20_000, 30), normal(random, rows, 30) + np.float32(0.4)) for rows in (300, 20_000)]
    small, large = (float((one.distance**2).mean()) for one in shifted)
    assert small == pytest.approx(large, rel=0.15)
    still = judge(normal(random, 20_000, 30), normal(random, 300, 30)).distance
    assert np.median(still) < 0.06


def test_missing_values_that_appear_are_found() -> None:
    random = np.random.default_rng(6)
    now = normal(random, 400, 1)
    now[random.random(400) < 0.2] = np.nan
    found = judge(normal(random, 2_000, 1), now)
    assert found.p_value[0] < 1e-6
    assert found.distance[0] > 0.2
    assert (found.missing_before[0], found.missing_now[0]) == (0.0, pytest.approx(0.2, abs=0.05))


def test_one_rare_row_is_no_news() -> None:
    before, now = np.zeros((100_000, 1), np.float32), np.zeros((100, 1), np.float32)
    before[:10], now[:1] = 1.0, 1.0
    assert judge(before, now).p_value[0] == 1.0


def test_how_often_a_value_is_higher() -> None:
    random = np.random.default_rng(7)
    up = judge(normal(random, 5_000, 1), normal(random, 5_000, 1) + np.float32(1.0)).higher[0]
    assert up == pytest.approx(0.76, abs=0.02)  # Phi(1 / sqrt(2))


def pairs() -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    random = np.random.default_rng(8)
    for _ in range(20):
        first, second = random.dirichlet(np.ones(5), 2)
        first[0] = 0.0
        yield first / first.sum(), second


def test_the_distance_is_that_of_scipy() -> None:
    for first, second in pairs():
        assert js_distance(first, second) == pytest.approx(jensenshannon(first, second, base=2))
    assert js_distance(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == 1.0


def test_no_columns_at_all() -> None:
    nothing = BinnedSample(np.zeros((0, 2)), np.zeros((0, 2, 2)), np.zeros(0), np.zeros(0))
    assert len(compare(nothing, nothing).p_value) == 0


def test_no_p_value_is_undefined() -> None:
    """Shares that are equal but for rounding once gave one that was not a number."""
    bins = Bins(("x",), (np.array([1], np.float32),))
    for rows in range(10, 400, 13):
        before, now = (np.zeros(count, np.float32) for count in (rows * 25, rows))
        before[: rows * 5], now[: rows // 5] = 1.0, 1.0
        samples = [binned(bins, [one], np.arange(len(one))) for one in (before, now)]
        assert 0.0 <= compare(*samples).p_value[0] <= 1.0
