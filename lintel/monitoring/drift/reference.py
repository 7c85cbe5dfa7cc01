"""What is normal for a model: how its inputs, its forecasts and their outcomes were spread when it was judged."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lintel.monitoring.drift.binned import BinnedSample
from lintel.monitoring.drift.bins import Bins
from lintel.scoring.network_file import read_arrays, write_arrays

Float64 = NDArray[np.float64]

FILE = "reference.npz"
"""Its name inside a bundle."""
OUTCOME_CUTS = np.array([0.5], np.float32)
_PART = "drift reference"


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """Columns in their bins, and how the reference's rows are spread over these."""

    bins: Bins
    sample: BinnedSample


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """The rows asked from `asked_from` to `asked_until` (UTC µs), of which the members had learnt nothing.

    `importance`, (D, F), is the mean size of each feature's share in the log-odds of a dimension, over the F features
    and what the dimension draws from the order of events, so that the features' parts sum to 1 or less.
    """

    features: Profile
    predictions: Profile  # a column a dimension
    outcomes: Profile  # a column a dimension: 1 for yes, 0 for no
    dimensions: tuple[str, ...]
    importance: Float64
    asked_from: int
    asked_until: int

    @property
    def overall_importance(self) -> Float64:
        """(F,) the mean over dimensions; nothing where no dimension has a model."""
        return self.importance.mean(axis=0) if len(self.importance) else self.importance.sum(axis=0)

    def save(self, path: Path) -> None:
        """Write it sealed; equal references give equal bytes."""
        arrays: dict[str, NDArray[Any]] = {
            "dimensions": np.array(self.dimensions, np.str_),
            "importance": self.importance.astype(np.float32),
            "asked": np.array([self.asked_from, self.asked_until]),
        }
        for name in ("features", "predictions", "outcomes"):
            arrays |= {f"{name}.{part}": array for part, array in _to_arrays(getattr(self, name)).items()}
        write_arrays(path, _PART, arrays)

    @classmethod
    def load(cls, bundle: Path) -> "Reference | None":
        """The reference of the bundle in a folder; None if it was trained before bundles had one.

        Raises IncompatibleError if the file is corrupt.
        """
        path = bundle / FILE
        if not path.exists():
            return None
        arrays = read_arrays(path, _PART)
        profiles = {name: _from_arrays(arrays, name) for name in ("features", "predictions", "outcomes")}
        dimensions, (first, last) = tuple(arrays["dimensions"].tolist()), arrays["asked"].tolist()
        return cls(
            **profiles,
            dimensions=dimensions,
            importance=arrays["importance"].astype(np.float64),
            asked_from=first,
            asked_until=last,
        )


def outcome_bins(dimensions: tuple[str, ...]) -> Bins:
    """The bins of yes and no."""
    return Bins(dimensions, (OUTCOME_CUTS,) * len(dimensions))


def _to_arrays(profile: Profile) -> dict[str, NDArray[Any]]:
    cuts = profile.bins.cuts
    sample = {one.name: getattr(profile.sample, one.name).astype(np.float32) for one in fields(BinnedSample)}
    return sample | {
        "names": np.array(profile.bins.names, np.str_),
        "cuts": np.concatenate([np.zeros(0, np.float32), *cuts]),
        "counts": np.array([len(one) for one in cuts], np.int64),
    }


def _from_arrays(arrays: dict[str, NDArray[Any]], part: str) -> Profile:
    cuts = np.split(arrays[f"{part}.cuts"], np.cumsum(arrays[f"{part}.counts"])[:-1])
    names = tuple(arrays[f"{part}.names"].tolist())
    sample = {one.name: arrays[f"{part}.{one.name}"].astype(np.float64) for one in fields(BinnedSample)}
    return Profile(Bins(names, tuple(cuts[: len(names)])), BinnedSample(**sample))
