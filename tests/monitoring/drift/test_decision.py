"""An alarm needs both: more than chance, and enough to matter."""

import numpy as np
import pytest
from numpy.typing import NDArray

from lintel.monitoring.drift.binned import BinnedSample, binned, joined
from lintel.monitoring.drift.bins import quantile_bins
from lintel.monitoring.drift.decision import FEATURE_DISTANCE, Drift, Family, judged

NOTHING = judged((), joined([]), joined([]), distance=FEATURE_DISTANCE)
NAMES = tuple("abcdefghij")


def family(moved: int, by: float, rows: int = 2_000, seed: int = 1) -> Family:
    """Ten normal columns, the first of which have moved by so many deviations."""
    random = np.random.default_rng(seed)
    before, now = (random.standard_normal((10, count), np.float32) for count in (max(rows, 5_000), rows))
    now[:moved] += np.float32(by)
    bins = quantile_bins(NAMES, before)
    samples: list[BinnedSample] = [binned(bins, one, np.arange(one.shape[1])) for one in (before, now)]
    return judged(NAMES, *samples, distance=FEATURE_DISTANCE)


def drift(features: Family, importance: NDArray[np.float64]) -> Drift:
    return Drift(features, NOTHING, NOTHING, importance)


def test_a_trifle_is_no_alarm_however_many_rows_tell_it() -> None:
    found = family(10, 0.05, rows=100_000)
    assert found.adjusted.max() < 1e-6
    assert not found.moved.any()


def test_few_rows_raise_no_alarm_however_far_they_lie_by_chance() -> None:
    found = [family(0, 0.0, rows=40, seed=seed) for seed in range(20)]
    assert max(one.compared.distance.max() for one in found) > FEATURE_DISTANCE
    assert not any(one.moved.any() for one in found)


def test_what_has_moved_is_named_the_farthest_first() -> None:
    found = family(2, 0.6)
    assert set(found.strongest) == {0, 1}
    distances = found.compared.distance[found.strongest]
    assert distances[0] >= distances[1] >= FEATURE_DISTANCE


@pytest.mark.parametrize(("used", "alarm"), [(0.2, True), (0.02, False)])
def test_only_what_the_model_uses_makes_its_tenant_an_alarm(used: float, alarm: bool) -> None:
    importance = np.array([used, *[(1 - used) / 9] * 9])
    found = drift(family(1, 0.6), importance)
    assert found.moved == pytest.approx(used)
    assert found.alarm is alarm


def test_forecasts_that_move_are_an_alarm_by_themselves() -> None:
    found = Drift(family(0, 0.0), family(1, 0.6), NOTHING, np.full(10, 0.1))
    assert found.moved == 0.0
    assert found.alarm
