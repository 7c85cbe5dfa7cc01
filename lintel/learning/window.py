"""How far back a model learns."""

import numpy as np
from numpy.typing import NDArray

from lintel.events.timezones import MICROSECONDS_PER_DAY


def rolling_rows(as_of: NDArray[np.int64], window_days: float | None) -> NDArray[np.intp]:
    """Positions of the rows asked in the last `window_days` before the newest of them, ascending; None keeps all.

    `as_of`, (n,), in UTC µs. A row that lies exactly `window_days` back is kept.
    """
    if window_days is None or not len(as_of):
        return np.arange(len(as_of))
    return np.flatnonzero(as_of >= as_of.max() - int(window_days * MICROSECONDS_PER_DAY))
