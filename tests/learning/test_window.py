import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lintel.events.timezones import MICROSECONDS_PER_DAY
from lintel.learning.window import rolling_rows


@given(
    st.lists(st.integers(0, 50 * MICROSECONDS_PER_DAY), max_size=30), st.none() | st.floats(0.0, 60.0, allow_nan=False)
)
def test_rows_of_the_window_are_kept_whatever_their_order(moments: list[int], days: float | None) -> None:
    found = rolling_rows(np.array(moments, np.int64), days)
    least = -1.0 if days is None else max(moments, default=0) - int(days * MICROSECONDS_PER_DAY)
    assert found.tolist() == [row for row, moment in enumerate(moments) if moment >= least]


def test_a_row_on_the_border_is_kept() -> None:
    as_of = np.array([0, 1, 2]) * MICROSECONDS_PER_DAY
    assert rolling_rows(as_of, 1.0).tolist() == [1, 2]
    assert rolling_rows(as_of, 0.0).tolist() == [2]
