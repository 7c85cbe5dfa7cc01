"""The histogram against exact percentiles."""

from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.load_lab.histogram import Histogram

VALUES = st.lists(st.integers(0, 10**9) | st.integers(0, 5_000), min_size=1, max_size=200)
SHARES = st.sampled_from([0.0, 0.01, 0.5, 0.9, 0.99, 0.999, 1.0])


def filled(values: list[int]) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    return histogram


def exact(values: list[int], share: float) -> int:
    return sorted(values)[max(1, ceil(share * len(values) - 1e-9)) - 1]


@given(VALUES, SHARES)
def test_a_quantile_is_the_exact_one_to_three_digits_and_never_below_it(values: list[int], share: float) -> None:
    found, right = filled(values).quantile(share), exact(values, share)
    assert found is not None
    assert right <= found <= right * (1 + 1 / 1024)


@given(VALUES, VALUES)
def test_two_histograms_added_are_the_histogram_of_all(one: list[int], other: list[int]) -> None:
    summed = filled(one)
    summed.add(filled(other))
    together = filled(one + other)
    assert (summed.counts, summed.longest, len(summed)) == (together.counts, together.longest, len(one) + len(other))


@given(st.lists(st.integers(0, 2_047), min_size=1))
def test_small_values_are_exact(values: list[int]) -> None:
    assert filled(values).quantile(0.5) == exact(values, 0.5)


def test_an_empty_one_has_no_quantile_and_a_negative_value_counts_as_none() -> None:
    assert Histogram().quantile(0.5) is None
    assert filled([-3]).quantile(1.0) == 0


def test_steps_grow_with_the_values_alone() -> None:
    """A run of minutes in microseconds takes no more counters than three digits need."""
    assert len(filled(list(range(0, 10_000_000, 997))).counts) < 16_000
