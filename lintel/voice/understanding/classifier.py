"""A trained reader of turns: one of several labels with its probability, kept as JSON and plain NumPy arrays."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lintel.errors import IncompatibleError, NotFoundError
from lintel.voice.understanding import features
from lintel.voice.understanding.features import Embeds, Sample
from lintel.voice.understanding.logistic import Floats, Weights

_CARD, _ARRAYS = "classifier.json", "weights.npz"
_HASHED_SCALE = 2.0
"""Length of a row of hashed words beside an embedding's 1."""


@dataclass(frozen=True, slots=True)
class Classifier:
    """`rarity` is the inverse document frequency of each hash bucket in training, 0 for those met less than twice.
    `card` says what it was trained on and when."""

    name: str
    labels: tuple[str, ...]
    weights: Weights
    rarity: Floats
    card: dict[str, Any]

    def probabilities(self, samples: Sequence[Sample], embedder: Embeds) -> Floats:
        """Shape (samples, labels), rows sum to 1."""
        if not samples:
            return np.empty((0, len(self.labels)))
        dense = features.dense(samples, embedder)
        return self.weights.probabilities(dense, scaled(features.hashed(samples), self.rarity))

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        said = {"name": self.name, "labels": self.labels, "features": features.VERSION, "card": self.card}
        (folder / _CARD).write_text(json.dumps(said, indent=1), encoding="utf-8")
        arrays = {name: getattr(self.weights, name).astype(np.float32) for name in ("dense", "sparse", "bias")}
        np.savez_compressed(folder / _ARRAYS, rarity=self.rarity.astype(np.float32), **arrays)

    @classmethod
    def load(cls, folder: Path) -> "Classifier":
        """Raises NotFoundError for a folder without a classifier, IncompatibleError for one of other features."""
        if not (folder / _CARD).is_file() or not (folder / _ARRAYS).is_file():
            raise NotFoundError(f"No classifier in {folder}.", mend="Train one, or leave its setting empty.")
        said = json.loads((folder / _CARD).read_text(encoding="utf-8"))
        with np.load(folder / _ARRAYS, allow_pickle=False) as arrays:
            read = {name: arrays[name].astype(np.float64) for name in ("dense", "sparse", "bias", "rarity")}
        labels = tuple(said["labels"])
        fits = read["dense"].shape == (features.DENSE, len(labels)) and read["sparse"].shape[0] == features.BUCKETS
        if said["features"] != features.VERSION or not fits:
            raise IncompatibleError(
                f"The classifier in {folder} reads features of version {said['features']}, this program makes "
                f"{features.VERSION}.",
                mend="Train it again.",
            )
        return cls(
            said["name"], labels, Weights(read["dense"], read["sparse"], read["bias"]), read["rarity"], said["card"]
        )


def rarity(hashed: Any) -> Floats:
    """Smoothed inverse document frequency by bucket; 0 for a bucket that fewer than two rows fill."""
    rows = np.bincount(hashed.indices, minlength=hashed.shape[1])
    return np.where(rows < 2, 0.0, np.log((1 + hashed.shape[0]) / (1 + rows)) + 1)


def scaled(hashed: Any, weights: Floats) -> Any:
    """Rows weighted by rarity and brought to one length; empty rows stay empty."""
    result = hashed.copy()
    result.data = hashed.data * weights[hashed.indices]
    row = np.repeat(np.arange(hashed.shape[0]), np.diff(hashed.indptr))
    lengths = np.sqrt(np.bincount(row, result.data**2, minlength=hashed.shape[0]))
    result.data *= _HASHED_SCALE / np.maximum(lengths, 1e-12)[row]
    return result


def most_likely(classifier: Classifier, probabilities: NDArray[Any]) -> list[str]:
    return [classifier.labels[column] for column in probabilities.argmax(axis=1)]
