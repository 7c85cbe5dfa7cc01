"""False alarms where nothing has moved, and how many of the columns that have moved are found."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.drift_lab.rules import SHARE_OF_COLUMNS, evidently_columns, nightly, ours
from benchmarks.drift_lab.tables import DESIGNS, night, table
from benchmarks.observed_share import observed_share
from lintel.monitoring.drift.decision import FALSE_ALARM, FAMILIES

SHIFTS = (0.02, 0.1, 0.25, 0.5, 1.0)
POWER_COLUMNS, POWER_MOVED = 50, 5


@dataclass(frozen=True, slots=True)
class Cell:
    """Tables of one shape, and how often they are drawn: by our rule and, being slower, by Evidently's."""

    rows: int
    columns: int
    repeats: int
    theirs: int


CELLS = (
    *(Cell(rows, 1, 1_000, 10) for rows in (200, 1_000)),
    *(Cell(rows, columns, 500, 10) for rows in (200, 1_000) for columns in (10, 100)),
    Cell(200, 300, 500, 10),
    Cell(5_000, 10, 500, 4),
    Cell(50_000, 10, 10, 2),
    Cell(1_000_000, 10, 1, 1),
)
POWER_CELLS = (
    Cell(200, POWER_COLUMNS, 100, 10),
    Cell(1_000, POWER_COLUMNS, 100, 10),
    Cell(5_000, POWER_COLUMNS, 50, 2),
)


def false_alarms(cells: tuple[Cell, ...] = CELLS, *, seed: int) -> Iterator[dict[str, Any]]:
    """By design and shape, of nights with features, forecasts and outcomes: the share of nights in which any column has
    moved, and of those in which any is beyond chance, however near (`low` and `high` are its interval by Wilson); and
    how many features Evidently calls drifted. The last row is all nights together."""
    found: list[dict[str, bool]] = []
    for number, (design, cell) in enumerate((design, cell) for cell in cells for design in DESIGNS):
        random = np.random.default_rng((seed, number))
        drawn = [_pair(design, cell, random, theirs=place < cell.theirs) for place in range(cell.repeats)]
        other = [one["theirs"] for one in drawn if "theirs" in one]
        found += drawn
        yield (
            {"rows": cell.rows, "columns": cell.columns, "design": design}
            | _shares(drawn)
            | {
                "evidently_any_column": float(np.mean([one.any() for one in other])),
                "evidently_columns": float(np.mean([one.mean() for one in other])),
                "evidently_data_set": float(np.mean([one.mean() >= SHARE_OF_COLUMNS for one in other])),
            }
        )
    yield {"rows": "all", "columns": "", "design": ""} | _shares(found)


def power(cells: tuple[Cell, ...] = POWER_CELLS, *, seed: int) -> Iterator[dict[str, Any]]:
    """By design, shape and shift: the share of the moved columns that are found, with Wilson's interval (columns are
    independent of each other), and of those not moved."""
    for number, (cell, design, by) in enumerate(
        (cell, design, by) for cell in cells for design in ("independent", "clustered") for by in SHIFTS
    ):
        random, mine, other = np.random.default_rng((seed, 1, number)), [], []
        for place in range(cell.repeats):
            before = table(design, cell.rows, cell.columns, random)
            now = table(design, cell.rows, cell.columns, random, moved=POWER_MOVED, by=by)
            mine.append(ours(before, now).moved)
            if place < cell.theirs:
                other.append(evidently_columns(before.values, now.values))
        told = observed_share(np.array(mine)[:, :POWER_MOVED].ravel())
        yield {
            "rows": cell.rows,
            "design": design,
            "shift": by,
            "draws": cell.repeats,
            "ours_found": told["rate"],
            "low": told["low"],
            "high": told["high"],
            "ours_false": float(np.array(mine)[:, POWER_MOVED:].mean()),
            "evidently_found": float(np.array(other)[:, :POWER_MOVED].mean()),
            "evidently_false": float(np.array(other)[:, POWER_MOVED:].mean()),
        }


def _shares(drawn: list[dict[str, Any]]) -> dict[str, Any]:
    beyond = observed_share(one["significant"] for one in drawn)
    return {
        "nights": len(drawn),
        "alarms": float(np.mean([one["any"] for one in drawn])),
        "beyond_chance": beyond["rate"],
        "low": beyond["low"],
        "high": beyond["high"],
        "p_below_5_percent": float(np.mean([one["p"] for one in drawn])),
    }


def _pair(design: str, cell: Cell, random: np.random.Generator, *, theirs: bool) -> dict[str, Any]:
    before, now = (night(design, cell.rows, cell.columns, random) for _ in range(2))
    families = nightly(before, now)
    found: dict[str, Any] = {
        "any": any(one.moved.any() for one in families),
        "significant": any((one.adjusted <= FALSE_ALARM / FAMILIES).any() for one in families),
        "p": float((families[0].compared.p_value <= 0.05).mean()),
    }
    return found | ({"theirs": evidently_columns(before.features.values, now.features.values)} if theirs else {})
