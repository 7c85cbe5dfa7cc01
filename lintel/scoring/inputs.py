"""What members read of n queries: feature rows, and the events behind them in their order."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lintel.errors import IncompatibleError, InputError

Float32 = NDArray[np.float32]
Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Sequences:
    """The last events that each of n queries sees, oldest first. Those of query i lie at offset[i]:offset[i + 1]."""

    offset: NDArray[np.int64]  # (n + 1,) from 0 to m
    kind: NDArray[np.int16]  # (m,) code in `kind_codes()`
    actor: NDArray[np.int8]  # (m,) position in Actor
    hours_before: Float32  # (m,) from the event to the as-of time, >= 0
    value: Float32  # (m,) in the kind's own unit, NaN if none

    def __len__(self) -> int:
        return len(self.offset) - 1

    def take(self, rows: Rows) -> "Sequences":
        """Those of the queries at `rows`, in that order."""
        size = np.diff(self.offset)[rows]
        offset = np.concatenate(([0], np.cumsum(size)))
        chosen = np.arange(offset[-1]) + np.repeat(self.offset[rows] - offset[:-1], size)
        columns = (one[chosen] for one in (self.kind, self.actor, self.hours_before, self.value))
        return Sequences(offset, *columns)


@dataclass(frozen=True, slots=True)
class Inputs:
    """Features (n, F), their names, and what members of another kind need; the rows of all parts are the same queries.

    `encoding` is what the network's encoder makes of `sequences`, once for all dimensions.
    """

    features: Float32
    names: tuple[str, ...]
    sequences: Sequences | None = None
    encoding: Float32 | None = None

    def __len__(self) -> int:
        return len(self.features)

    def take(self, rows: Rows) -> "Inputs":
        """The queries at `rows`, in that order."""
        sequences = None if self.sequences is None else self.sequences.take(rows)
        encoding = None if self.encoding is None else self.encoding[rows]
        return Inputs(self.features[rows], self.names, sequences, encoding)

    def select(self, columns: Rows) -> "Inputs":
        """The features at `columns`, in that order."""
        return replace(self, features=self.features[:, columns], names=tuple(self.names[one] for one in columns))

    def read(self, names: tuple[str, ...]) -> "Inputs":
        """The features `names`, in that order. Raises IncompatibleError if one is not there."""
        features = self.features.take(positions(names, self.names), axis=1)
        return Inputs(features, names, self.sequences, self.encoding)

    def informative(self) -> "Inputs":
        """With the features only that are not the same in every row: the others teach nothing and cost time.

        Raises InputError if there is none.
        """
        first = self.features[:1]
        same = np.all((self.features == first) | (np.isnan(self.features) & np.isnan(first)), axis=0)
        if same.all():
            raise InputError(f"all features are the same in all {len(self)} rows.", mend="Ingest a longer history.")
        return self.select(np.flatnonzero(~same))


@lru_cache(maxsize=256)
def positions(wanted: tuple[str, ...], names: tuple[str, ...]) -> Rows:
    """Where the `wanted` stand among the names; kept, since members ask the same for every lead.

    Raises IncompatibleError if one is not there.
    """
    place = {name: index for index, name in enumerate(names)}
    absent = next((name for name in wanted if name not in place), None)
    if absent is not None:
        raise IncompatibleError(f"the model reads feature {absent!r}, which the catalogue does not have.")
    found = np.array([place[name] for name in wanted], np.intp)
    found.flags.writeable = False
    return found


def checked_features(inputs: Inputs, expected: Sequence[str]) -> Float32:
    """The features, once they are known to be (n, F) without infinities, in the `expected` columns.

    Raises InputError otherwise. NaN means missing and is fine.
    """
    features, given = inputs.features, inputs.names
    if given is not expected and tuple(given) != tuple(expected):
        pairs = zip(given, expected, strict=False)
        first = next((f"{b!r} was expected, {a!r} given" for a, b in pairs if a != b), None)
        difference = first or f"their number is {len(given)}, not {len(expected)}"
        raise InputError(f"feature columns are not those of the model: {difference}.", mend="Use its catalogue.")
    if features.ndim != 2 or features.shape[1] != len(expected):
        raise InputError(f"features have shape {features.shape}, expected (n, {len(expected)}).")
    infinite = np.isinf(features)
    if infinite.any():
        first = expected[int(infinite.any(axis=0).argmax())]
        raise InputError(f"feature {first!r} is infinite.", mend="Missing is NaN.")
    return features
