"""Simulated tables in which nothing has moved, or some columns have, by a stated number of standard deviations."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

DESIGNS = ("independent", "correlated", "clustered", "uneven")
ROWS_A_LEAD, DIMENSIONS = 5, 6
_SHARED = 0.7
"""Share of the variance that columns, or rows of a lead, have in common."""


@dataclass(frozen=True, slots=True)
class Table:
    """n rows of C columns, and whose row each is, (n,)."""

    values: Float32
    lead: NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Night:
    """What is compared in one night: features, forecasts and outcomes of the same rows."""

    features: Table
    forecasts: Table
    outcomes: Table


def night(design: str, rows: int, columns: int, random: np.random.Generator) -> Night:
    """Of so many features and DIMENSIONS dimensions; outcomes are yes from a twentieth to a half of the time."""
    lead = _leads(design, rows, random)
    risk, chance = (_normal(design, lead, DIMENSIONS, random) for _ in range(2))
    yes = chance > np.linspace(0.0, 1.6, DIMENSIONS, dtype=np.float32)
    features = _shaped(_normal(design, lead, columns, random), random)
    return Night(*(Table(one, lead) for one in (features, 1.0 / (1.0 + np.exp(-risk)), yes.astype(np.float32))))


def table(
    design: str, rows: int, columns: int, random: np.random.Generator, *, moved: int = 0, by: float = 0.0
) -> Table:
    """Columns in turn normal, lognormal, counts most of which are 0, and normal with a tenth missing.

    `correlated` columns share a factor; `clustered` rows come ROWS_A_LEAD a lead, which share most of each column, and
    `uneven` ones so many in the mean, but mostly fewer, and some far more. The first `moved` columns are shifted by
    `by` standard deviations of the normal variable that they are made of.
    """
    lead = _leads(design, rows, random)
    normal = _normal(design, lead, columns, random)
    normal[:, :moved] += np.float32(by)
    return Table(_shaped(normal, random), lead)


def _leads(design: str, rows: int, random: np.random.Generator) -> NDArray[np.intp]:
    """Whose row each is."""
    if design == "uneven":
        return np.repeat(np.arange(rows), random.geometric(1.0 / ROWS_A_LEAD, rows))[:rows]
    return np.arange(rows) // (ROWS_A_LEAD if design == "clustered" else 1)


def _normal(design: str, lead: NDArray[np.intp], columns: int, random: np.random.Generator) -> Float32:
    rows = len(lead)
    own = random.standard_normal((rows, columns), np.float32)
    if design == "independent":
        return own
    if design == "correlated":
        common = random.standard_normal((rows, 1), np.float32)
    else:
        common = random.standard_normal((lead[-1] + 1, columns), np.float32)[lead]
    return np.asarray(np.float32(_SHARED**0.5) * common + np.float32((1 - _SHARED) ** 0.5) * own)


def _shaped(normal: Float32, random: np.random.Generator) -> Float32:
    normal[:, 1::4] = np.exp(normal[:, 1::4])
    normal[:, 2::4] = np.maximum(np.round(2.0 * normal[:, 2::4] - 1.0), 0.0)
    missing = normal[:, 3::4]
    missing[random.random(missing.shape, np.float32) < 0.1] = np.nan
    return normal
