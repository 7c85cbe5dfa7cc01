"""The golden request: what a bundle must say of some simulated leads, because it said so when it was trained.

Another version of a library, another processor or a slip in this code may compute other numbers from the same files.
Whoever serves a bundle asks it this first; it warms the models, too. The leads are simulated, so that no bundle holds
a person's events.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lintel.errors import IncompatibleError
from lintel.events.columns import EventColumns, Queries
from lintel.events.kinds import kind_codes
from lintel.events.timezones import utc_offsets
from lintel.scoring.dimension import DimensionScores
from lintel.scoring.golden_events import golden_events
from lintel.scoring.network_file import read_arrays, write_arrays
from lintel.scoring.scorer import Scorer

Float64 = NDArray[np.float64]
Numbers = Mapping[str, Float64]

TOLERANCE = 1e-6
"""Absolute, and relative above 1: how far scores may differ between machines."""
_PART = "golden request"
_EVENT, _NUMBER = "event.", "number."
_EXPLAINED = 2
"""Leads whose reasons are compared, too; those of all would take longer than the scores."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class GoldenRequest:
    """Events of some leads, one as-of time (UTC µs) for all of them, and the numbers that were answered."""

    columns: EventColumns
    as_of: int
    numbers: Numbers

    def save(self, path: Path) -> None:
        """Write it sealed; equal requests give equal bytes."""
        events = {f"{_EVENT}{one.name}": getattr(self.columns, one.name) for one in fields(EventColumns)}
        numbers = {f"{_NUMBER}{name}": values for name, values in self.numbers.items()}
        extra = {"as_of": np.array(self.as_of), "kinds": np.array(list(kind_codes()))}
        write_arrays(path, _PART, events | numbers | extra)

    @classmethod
    def load(cls, path: Path) -> "GoldenRequest":
        """Raises IncompatibleError if the file is corrupt, or its events are of kinds that this code does not know."""
        arrays = read_arrays(path, _PART)
        events: dict[str, NDArray[Any]] = {one.name: arrays[f"{_EVENT}{one.name}"] for one in fields(EventColumns)}
        events["kind"] = _codes_now(arrays["kinds"].tolist())[events["kind"]]
        numbers = {name.removeprefix(_NUMBER): one for name, one in arrays.items() if name.startswith(_NUMBER)}
        return cls(EventColumns(**events), int(arrays["as_of"]), numbers)


def golden_request(full: Scorer, light: Scorer | None) -> GoldenRequest:
    """The request with the answers that these models give now."""
    columns, as_of = golden_events()
    return GoldenRequest(columns, as_of, _all_numbers(full, light, columns, as_of))


def check_golden(request: GoldenRequest, full: Scorer, light: Scorer | None) -> None:
    """Raises IncompatibleError naming the first number that is another one than when the bundle was trained."""
    found = _all_numbers(full, light, request.columns, request.as_of)
    for name in sorted(request.numbers.keys() | found.keys()):
        fault = _difference(request.numbers.get(name), found.get(name))
        if fault:
            raise IncompatibleError(
                f"the golden request is answered otherwise than when the bundle was trained: {name} {fault}.",
                mend="Serve it with the libraries that trained it (they are in its model card), or train it anew.",
            )


def _all_numbers(full: Scorer, light: Scorer | None, columns: EventColumns, as_of: int) -> dict[str, Float64]:
    lead = np.unique(columns.lead)
    queries = Queries(lead, np.full(len(lead), as_of))
    found = {f"full.{name}": values for name, values in _numbers(full, columns, queries).items()}
    if light is not None:
        found |= {f"light.{name}": values for name, values in _numbers(light, columns, queries).items()}
    return found | {f"full.{name}": values for name, values in _shares(full, columns, queries).items()}


def _numbers(scorer: Scorer, columns: EventColumns, queries: Queries) -> dict[str, Float64]:
    scores = scorer.score(columns, queries, utc_offsets("UTC"))
    found = {"priority": scores.priority.value}
    for name, one in scores.dimensions.items():
        found |= {f"{name}.{part}": values for part, values in _parts(one).items()}
    return found


def _parts(scores: DimensionScores) -> dict[str, Float64]:
    named = {name: getattr(scores, name) for name in ("probability", "low", "high", "p0", "p1", "amount")}
    if scores.curve is not None:
        named["cumulative"] = scores.curve.cumulative
    return {name: values for name, values in named.items() if values is not None}


def _shares(scorer: Scorer, columns: EventColumns, queries: Queries) -> dict[str, Float64]:
    """Each feature's share in the calibrated log-odds of the first leads."""
    few = replace(queries, lead=queries.lead[:_EXPLAINED], as_of=queries.as_of[:_EXPLAINED])
    inputs = scorer.score(columns, few, utc_offsets("UTC")).inputs
    return {f"{name}.shares": one.contributions(inputs) for name, one in scorer.ready.items()}


def _difference(expected: Float64 | None, found: Float64 | None) -> str | None:
    if expected is None or found is None:
        return "was not computed then" if expected is None else "is not computed now"
    if expected.shape != found.shape:
        return f"had the shape {expected.shape}, now {found.shape}"
    other = ~np.isclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
    if not other.any():
        return None
    first = tuple(position[0] for position in np.nonzero(other))
    return f"of lead {int(first[0])} was {expected[first]:.9g}, now {found[first]:.9g}"


def _codes_now(kinds: list[str]) -> NDArray[np.int16]:
    """Today's code of each kind by the code it had."""
    codes = kind_codes()
    unknown = [kind for kind in kinds if kind not in codes]
    if unknown:
        raise IncompatibleError(f"the golden request has events of kind {unknown[0]!r}, which this code does not know.")
    return np.array([codes[kind] for kind in kinds], np.int16)
