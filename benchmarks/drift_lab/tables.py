"""Simulated tables in which nothing has moved, or some columns have, by a stated number of standard deviations."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

DESIGNS = ("independent", "correlated", "clustered")
ROWS_A_LEAD = 5
_SHARED = 0.7
"""Share of the variance that columns, or rows of a lead, have in common."""


@dataclass(frozen=True, slots=True)
class Table:
    """n rows of C columns, and whose row each is, (n,)."""

    values: Float32
    lead: NDArray[np.intp]


def table(
    design: str, rows: int, columns: int, random: np.random.Generator, *, moved: int = 0, by: float = 0.0
) -> Table:
    """Columns in turn normal, lognormal, counts most of which are 0, and normal with a tenth missing.

    `correlated` columns share a factor; `clustered` rows come ROWS_A_LEAD a lead, which share most of each column. The
    first `moved` columns are shifted by `by` standard deviations of the normal variable that they are made of.
    """
    lead = np.arange(rows) // (ROWS_A_LEAD if design == "clustered" else 1)
    normal = random.standard_normal((rows, columns), np.float32)
    if design == "correlated":
        common = random.standard_normal((rows, 1), np.float32)
    elif design == "clustered":
        common = random.standard_normal((lead[-1] + 1, columns), np.float32)[lead]
    else:
        common = normal
    if design != "independent":
        normal = np.float32(_SHARED**0.5) * common + np.float32((1 - _SHARED) ** 0.5) * normal
    normal[:, :moved] += np.float32(by)
    return Table(_shaped(normal, random), lead)


def _shaped(normal: Float32, random: np.random.Generator) -> Float32:
    normal[:, 1::4] = np.exp(normal[:, 1::4])
    normal[:, 2::4] = np.maximum(np.round(2.0 * normal[:, 2::4] - 1.0), 0.0)
    missing = normal[:, 3::4]
    missing[random.random(missing.shape, np.float32) < 0.1] = np.nan
    return normal
