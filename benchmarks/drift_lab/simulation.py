"""False alarms where nothing has moved, and how many of the columns that have moved are found."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks.drift_lab.rules import SHARE_OF_COLUMNS, evidently_columns, ours
from benchmarks.drift_lab.tables import DESIGNS, table
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
    *(Cell(200, columns, 100, 10) for columns in (10, 100, 300)),
    *(Cell(1_000, columns, 60, 10) for columns in (10, 100, 300)),
    *(Cell(5_000, columns, 20, 4) for columns in (10, 100, 300)),
    Cell(50_000, 100, 4, 2),
    Cell(1_000_000, 10, 1, 1),
)
POWER_CELLS = (Cell(200, POWER_COLUMNS, 20, 8), Cell(1_000, POWER_COLUMNS, 20, 8), Cell(5_000, POWER_COLUMNS, 8, 3))
QUICK = (Cell(200, 10, 10, 2), Cell(1_000, 10, 10, 2))


def false_alarms(cells: tuple[Cell, ...] = CELLS, *, seed: int) -> Iterator[dict[str, Any]]:
    """By design and shape: the share of comparisons with any alarm, and of columns called drifted."""
    for number, (design, cell) in enumerate((design, cell) for cell in cells for design in DESIGNS):
        random = np.random.default_rng((seed, number))
        found = [_pair(design, cell, random, theirs=place < cell.theirs) for place in range(cell.repeats)]
        other = [one["theirs"] for one in found if "theirs" in one]
        yield asdict(cell) | {
            "design": design,
            "any_alarm": _mean([one["any"] for one in found]),
            "any_significant": _mean([one["significant"] for one in found]),
            "p_below_5_percent": _mean([one["p"] for one in found]),
            "evidently_any_column": _mean([one.any() for one in other]),
            "evidently_columns": _mean([one.mean() for one in other]),
            "evidently_data_set": _mean([one.mean() >= SHARE_OF_COLUMNS for one in other]),
        }


def power(cells: tuple[Cell, ...] = POWER_CELLS, *, seed: int) -> Iterator[dict[str, Any]]:
    """By design, shape and shift: the share of the moved columns that are found, and of those not moved."""
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
        told = {"ours": np.array(mine), "evidently": np.array(other)}
        yield {"rows": cell.rows, "design": design, "shift": by} | {
            f"{name}_{kind}": float(flags[:, part].mean())
            for name, flags in told.items()
            for kind, part in (("found", slice(None, POWER_MOVED)), ("false", slice(POWER_MOVED, None)))
        }


def _pair(design: str, cell: Cell, random: np.random.Generator, *, theirs: bool) -> dict[str, Any]:
    before, now = (table(design, cell.rows, cell.columns, random) for _ in range(2))
    family = ours(before, now)
    significant = bool((family.adjusted <= FALSE_ALARM / FAMILIES).any())
    found = {
        "any": bool(family.moved.any()),
        "significant": significant,
        "p": float((family.compared.p_value <= 0.05).mean()),
    }
    return found | ({"theirs": evidently_columns(before.values, now.values)} if theirs else {})


def _mean(values: list[Any]) -> float | None:
    return float(np.mean(values)) if values else None
