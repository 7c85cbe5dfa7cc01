"""A trained model of emotions as they were acted or labelled in its training set: linear, over encoder vectors.

Accuracy falls sharply between one set of recordings and another (Schuller et al. 2010), so an answer that is not sure
is "unknown". Calls come in by `emotions`, which refuses everybody but the customer: emotions of people at work are not
to be inferred (EU AI Act, Article 5(1)(f)).
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lintel.errors import IncompatibleError, NotFoundError, RefusedError
from lintel.voice.affect.encoder import FEATURES, WIDTH
from lintel.voice.audio.samples import SAMPLE_RATE, Samples
from lintel.voice.transcript import LEAD
from lintel.voice.understanding.logistic import Floats, softmax

UNKNOWN = "unknown"
_CARD, _ARRAYS = "emotion.json", "emotion.npz"
_VERSION = 1
_SHORTEST_S = 0.5
"""A stretch below this is a word at most."""


@dataclass(frozen=True, slots=True)
class Emotion:
    """`label` is of the training set or "unknown"; `probability` is that of the likeliest label."""

    label: str
    probability: float


class Encodes(Protocol):
    """`lintel.voice.affect.encoder.SpeechEncoder`, or what stands for it."""

    def vectors(self, clips: Sequence[Samples]) -> NDArray[np.float64]:
        """Shape (clips, WIDTH)."""
        ...


@dataclass(frozen=True, slots=True)
class EmotionModel:
    """Linear discriminant analysis on standardised vectors.

    mean and spread (WIDTH,) are the training set's, weights (WIDTH, labels), bias (labels,). Below the probability
    `sure` an answer is "unknown"; above 1 it always is. `card` says what it was trained on and how it did.
    """

    labels: tuple[str, ...]
    mean: Floats
    spread: Floats
    weights: Floats
    bias: Floats
    sure: float
    card: dict[str, Any]

    def probabilities(self, vectors: NDArray[Any]) -> Floats:
        """Of vectors (clips, WIDTH); shape (clips, labels), rows sum to 1."""
        return softmax((vectors - self.mean) / self.spread @ self.weights + self.bias)

    def told(self, vectors: NDArray[Any]) -> list[Emotion]:
        """The likeliest label of each, or "unknown"."""
        table = self.probabilities(vectors)
        best = table.argmax(axis=1)
        return [
            Emotion(self.labels[column] if row[column] >= self.sure else UNKNOWN, float(row[column]))
            for row, column in zip(table, best, strict=True)
        ]

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        said = {"version": _VERSION, "features": FEATURES, "labels": self.labels, "sure": self.sure, "card": self.card}
        (folder / _CARD).write_text(json.dumps(said, indent=1), encoding="utf-8")
        arrays = {name: getattr(self, name).astype(np.float32) for name in ("mean", "spread", "weights", "bias")}
        np.savez_compressed(folder / _ARRAYS, **arrays)

    @classmethod
    def load(cls, folder: Path) -> "EmotionModel":
        """Raises NotFoundError for a folder without a model, IncompatibleError for one of another kind."""
        if not (folder / _CARD).is_file() or not (folder / _ARRAYS).is_file():
            raise NotFoundError(f"No emotion model in {folder}.", mend="Train one: the asset `emotion_model`.")
        said = json.loads((folder / _CARD).read_text(encoding="utf-8"))
        with np.load(folder / _ARRAYS, allow_pickle=False) as arrays:
            read = {name: arrays[name].astype(np.float64) for name in ("mean", "spread", "weights", "bias")}
        fits = read["weights"].shape == (WIDTH, len(said["labels"]))
        if (said["version"], said["features"]) != (_VERSION, FEATURES) or not fits:
            raise IncompatibleError(
                f"The emotion model in {folder} is of another kind (version {said['version']} of {said['features']!r}, "
                f"this program reads {_VERSION} of {FEATURES!r}).",
                mend="Train it again.",
            )
        return cls(tuple(said["labels"]), **read, sure=said["sure"], card=said["card"])


def emotions(
    model: EmotionModel,
    encoder: Encodes,
    samples: Samples,
    stretches: Iterable[tuple[float, float]],
    *,
    speaker: str,
) -> list[Emotion]:
    """Of each stretch (start, end in seconds) of a speaker's own channel; "unknown" for one too short to be heard.

    Raises RefusedError for anybody but the lead, before a sample is looked at.
    """
    if speaker != LEAD:
        raise RefusedError(
            f"Emotions of {speaker!r} are not inferred: only a customer's may be.", mend="Name the channel `lead`."
        )
    clips = [samples[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)] for start, end in stretches]
    heard = [clip for clip in clips if len(clip) >= _SHORTEST_S * SAMPLE_RATE]
    told = iter(model.told(encoder.vectors(heard)) if heard else [])
    return [next(told) if len(clip) >= _SHORTEST_S * SAMPLE_RATE else Emotion(UNKNOWN, 0.0) for clip in clips]
