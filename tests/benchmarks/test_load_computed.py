"""Rows computed, out of the service's metrics."""

from benchmarks.load_lab.computed import sum_of

EXPOSITION = """\
# TYPE lintel_batch_rows histogram
lintel_batch_rows_bucket{le="1.0",shape="model"} 3.0
lintel_batch_rows_sum{shape="model"} 40.0
lintel_batch_rows_sum{shape="light"} 2.5
lintel_batch_rows_count{shape="model"} 9.0
"""


def test_all_labels_are_summed_and_nothing_else() -> None:
    assert sum_of(EXPOSITION) == 42.5


def test_a_system_that_does_not_tell() -> None:
    assert sum_of("lintel_livez 1\n") is None
