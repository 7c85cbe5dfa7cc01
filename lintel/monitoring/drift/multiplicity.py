"""Many tests at once: how many alarms there are where nothing has moved, whatever the number of columns."""

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]


def benjamini_yekutieli(p_values: Float64) -> Float64:
    """Adjusted p-values, (m,): those at most q are alarms of which a share of at most q is false, in the mean.

    It holds for any dependence between the tests. Where nothing has moved every alarm is false: then the probability
    of any is at most q. Benjamini, Yekutieli (2001), "The control of the false discovery rate in multiple testing under
    dependency", Ann. Statist. 29, 1165-1188.
    """
    count = len(p_values)
    if not count:
        return p_values.copy()
    order = np.argsort(p_values, kind="stable")
    ranks = np.arange(1, count + 1)
    scaled = p_values[order] * count * (1.0 / ranks).sum() / ranks
    adjusted = np.empty(count)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted
