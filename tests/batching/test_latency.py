"""The latency model learns lines, never goes below zero, and is not upset by one outlier."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.batching.latency import LatencyModel, LatencyModels

seconds = st.floats(1e-6, 10.0)
sizes = st.integers(1, 1_000)


@given(st.lists(st.tuples(sizes, seconds), max_size=40), sizes)
def test_whatever_it_sees_nothing_is_negative_and_more_rows_take_no_less(seen: list, rows: int) -> None:
    model = LatencyModel()
    for observed in seen:
        model.observe(*observed)
    assert model.fixed >= 0.0
    assert model.per_row >= 0.0
    assert 0.0 < model.predict(rows) <= model.predict(rows + 1)
    assert model.upper(rows) >= model.predict(rows)


@given(st.lists(st.tuples(sizes, seconds), max_size=10), st.floats(0.0, 100.0))
def test_rows_within_a_time_are_the_most_that_fit(seen: list, limit: float) -> None:
    model = LatencyModel()
    for observed in seen:
        model.observe(*observed)
    rows = model.rows_within(limit)
    if rows:
        assert model.fixed + model.per_row * rows <= limit * (1 + 1e-6) + 1e-9
    if rows < 1_000_000_000:
        assert model.fixed + model.per_row * (rows + 1) > limit * (1 - 1e-6) - 1e-9


@pytest.mark.parametrize(("fixed", "per_row"), [(0.0014, 0.000016), (0.002, 0.026), (0.05, 0.0), (0.0, 0.001)])
def test_it_learns_a_line_from_noisy_batches_of_many_sizes(fixed: float, per_row: float) -> None:
    rng = np.random.default_rng(3)
    model = LatencyModel()
    for _ in range(300):
        rows = int(200 ** rng.random())
        model.observe(rows, (fixed + per_row * rows) * rng.lognormal(0.0, 0.1))
    for rows in (1, 20, 200):
        assert model.predict(rows) == pytest.approx(fixed + per_row * rows, rel=0.25)


def test_batches_of_one_size_teach_that_size() -> None:
    model = LatencyModel()
    for _ in range(200):
        model.observe(1, 0.009)
    assert model.predict(1) == pytest.approx(0.009, rel=0.05)


def test_it_follows_a_machine_that_becomes_slower() -> None:
    model = LatencyModel()
    for factor, batches in ((1.0, 100), (10.0, 50)):
        for number in range(batches):
            rows = 1 + number % 64
            model.observe(rows, factor * (0.002 + 0.0001 * rows))
    assert model.predict(32) == pytest.approx(10 * 0.0052, rel=0.2)


def test_one_outlier_moves_it_little() -> None:
    model = LatencyModel()
    for number in range(100):
        rows = 1 + number % 64
        model.observe(rows, 0.002 + 0.0001 * rows)
    before = model.predict(1), model.predict(64)
    model.observe(1, 30.0)
    assert model.predict(1) == pytest.approx(before[0], rel=0.25)
    assert model.predict(64) == pytest.approx(before[1], rel=0.25)


def test_most_batches_stay_below_the_upper_estimate() -> None:
    rng = np.random.default_rng(5)
    model, below = LatencyModel(), 0
    for number in range(1_000):
        rows = 1 + number % 64
        observed = (0.002 + 0.0001 * rows) * rng.lognormal(0.0, 0.3)
        below += number >= 200 and observed <= model.upper(rows)
        model.observe(rows, observed)
    assert 0.85 <= below / 800 <= 0.99


def test_efficient_rows_cost_as_much_as_the_fixed_part() -> None:
    assert LatencyModel(fixed=0.0014, per_row=0.0001).efficient_rows == 14
    assert LatencyModel(fixed=0.0, per_row=0.01).efficient_rows == 1
    assert LatencyModel(fixed=0.01, per_row=0.0).efficient_rows >= 1_000_000


def test_a_shape_has_one_model_and_old_shapes_make_room() -> None:
    models = LatencyModels()
    models.of("explained").observe(1, 1.0)
    assert models.of("explained").predict(1) > models.of("plain").predict(1)
    for number in range(1_000):
        models.of(number)
    assert len(models._of) <= 256
