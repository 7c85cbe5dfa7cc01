"""Trains the emotion model, and judges it on speakers whom it has not heard."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lintel.errors import InputError
from lintel.voice.affect import discriminant
from lintel.voice.affect.emotion import EmotionModel
from lintel.voice.understanding.logistic import Floats

SHRINKAGES = (0.03, 0.1, 0.2, 0.3, 0.5, 0.8)
LEAST = 10
"""Clips that each label must have."""
FOLDS = 6
_INNER_FOLDS = 3
_RIGHT = 0.8
"""Share of answers that must be right, on unheard speakers, for a probability to count as sure."""
_ANSWERED = 20
"""Fewer answers than this prove nothing."""

Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Choice:
    """What is not learnt of the clips themselves: see `lintel.voice.affect.discriminant`."""

    shrinkage: float
    temperature: float


@dataclass(frozen=True, slots=True)
class Accuracy:
    """`unweighted` is the mean of the labels' recalls, in 0..1; the interval is a bootstrap's over speakers."""

    unweighted: float
    low: float
    high: float
    clips: int
    speakers: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def train(
    vectors: NDArray[Any],
    labels: Sequence[str],
    speakers: Sequence[str],
    rng: np.random.Generator,
    *,
    source: str,
    today: date,
) -> tuple[EmotionModel, Accuracy]:
    """A model of all clips, and how such a model does on speakers held out. Deterministic but for the interval.

    Raises InputError for fewer than two labels, a label of fewer than ten clips, or fewer than three speakers.
    """
    kinds, classes = _checked(labels, speakers)
    folds = grouped(speakers, FOLDS)
    held = held_out(vectors, classes, folds, speakers)
    judged = accuracy(classes, held.argmax(axis=1), speakers, rng)
    choice = chosen(vectors, classes, speakers)
    sure, answered = surely(classes, held)
    card = {
        "source": source,
        "trained": today.isoformat(),
        "digest": _digest(vectors, labels),
        "clips": dict(Counter(labels)),
        "shrinkage": choice.shrinkage,
        "held_out": judged.to_json() | {"sure": sure, "answered": answered, "folds": _by_fold(classes, held, folds)},
    }
    return fitted(vectors, classes, kinds, choice, sure=sure, card=card), judged


def fitted(
    vectors: NDArray[Any],
    classes: Whole,
    kinds: Sequence[str],
    choice: Choice,
    *,
    sure: float = 0.0,
    card: dict[str, Any] | None = None,
) -> EmotionModel:
    """Each label weighs alike, however many clips it has."""
    (found,) = discriminant.fits(vectors, classes, len(kinds), [choice.shrinkage])
    weights, bias = found.weights / choice.temperature, found.bias / choice.temperature
    return EmotionModel(tuple(kinds), found.mean, found.spread, weights, bias, sure, card or {})


def held_out(vectors: NDArray[Any], classes: Whole, folds: Whole, speakers: Sequence[str]) -> Floats:
    """Probabilities (clips, labels), each clip's by a model that heard nobody of its fold; shrinkage and temperature
    too were chosen without that fold."""
    kinds = [str(kind) for kind in range(int(classes.max()) + 1)]
    said = np.zeros((len(classes), len(kinds)))
    for fold in np.unique(folds):
        kept = np.flatnonzero(folds != fold)
        choice = chosen(vectors[kept], classes[kept], [speakers[row] for row in kept.tolist()])
        model = fitted(vectors[kept], classes[kept], kinds, choice)
        said[folds == fold] = model.probabilities(vectors[folds == fold])
    return said


def chosen(vectors: NDArray[Any], classes: Whole, speakers: Sequence[str]) -> Choice:
    """The shrinkage with the best unweighted accuracy over speakers held out, and the temperature that suits it."""
    folds = grouped(speakers, _INNER_FOLDS)
    kinds = int(classes.max()) + 1
    logits = np.zeros((len(SHRINKAGES), len(classes), kinds))
    for fold in np.unique(folds):
        kept, held = folds != fold, folds == fold
        for tried, found in enumerate(discriminant.fits(vectors[kept], classes[kept], kinds, SHRINKAGES)):
            logits[tried, held] = found.logits(vectors[held])
    said = logits.argmax(axis=2)
    marked = np.bincount(classes, minlength=kinds)
    right = np.array([np.bincount(classes[row == classes], minlength=kinds) for row in said])
    best = int(_recall(right, np.broadcast_to(marked, right.shape)).argmax())
    return Choice(SHRINKAGES[best], discriminant.temperature(logits[best], classes))


def grouped(speakers: Sequence[str], folds: int) -> Whole:
    """A fold of each clip, whole speakers in turn."""
    names = sorted(set(speakers), key=lambda name: hashlib.sha256(name.encode()).digest())
    return np.array([names.index(speaker) % min(folds, len(names)) for speaker in speakers])


def accuracy(
    truth: Whole,
    said: Whole,
    speakers: Sequence[str],
    rng: np.random.Generator,
    *,
    draws: int = 2_000,
    level: float = 0.95,
) -> Accuracy:
    """Unweighted accuracy of all clips."""
    names, who = np.unique(np.array(speakers), return_inverse=True)
    clips = np.zeros((len(names), int(truth.max()) + 1))
    right = np.zeros_like(clips)
    np.add.at(clips, (who, truth), 1)
    np.add.at(right, (who, truth), truth == said)
    drawn = rng.integers(len(names), size=(draws, len(names)))
    rates = _recall(right[drawn].sum(axis=1), clips[drawn].sum(axis=1))
    low, high = np.quantile(rates, [(1 - level) / 2, (1 + level) / 2])
    rate = _recall(right.sum(axis=0)[None], clips.sum(axis=0)[None])[0]
    return Accuracy(float(rate), float(low), float(high), len(truth), len(names))


def surely(truth: Whole, held: Floats) -> tuple[float, float]:
    """The least probability from which on four of five answers are right, and the share of clips answered so.

    2 and 0 where no such probability is proven by twenty answers.
    """
    best = held.max(axis=1)
    order = np.argsort(-best, kind="stable")
    answers = np.arange(1, len(order) + 1)
    right = np.cumsum(held.argmax(axis=1)[order] == truth[order]) / answers
    last_of_equals = np.append(np.diff(best[order]) < 0, True)
    enough = np.flatnonzero((right >= _RIGHT) & (answers >= _ANSWERED) & last_of_equals)
    if not len(enough):
        return 2.0, 0.0
    last = enough[-1]
    return float(best[order[last]]), float(answers[last] / len(order))


def _by_fold(truth: Whole, held: Floats, folds: Whole) -> list[float]:
    """Unweighted accuracy of each fold, in order."""
    said, kinds = held.argmax(axis=1), held.shape[1]
    clips = np.array([np.bincount(truth[folds == fold], minlength=kinds) for fold in np.unique(folds)])
    right = np.array(
        [np.bincount(truth[(folds == fold) & (said == truth)], minlength=kinds) for fold in np.unique(folds)]
    )
    return [round(rate, 4) for rate in _recall(right, clips).tolist()]


def _recall(right: NDArray[Any], clips: NDArray[Any]) -> Floats:
    """The mean over the labels that occur. Shape (rows, labels) to (rows,)."""
    rates = np.where(clips > 0, right / np.maximum(clips, 1), np.nan)
    result: Floats = np.nanmean(rates, axis=1)
    return result


def _checked(labels: Sequence[str], speakers: Sequence[str]) -> tuple[tuple[str, ...], Whole]:
    counts = Counter(labels)
    rare = sorted(label for label, count in counts.items() if count < LEAST)
    if len(counts) < 2 or rare or len(set(speakers)) < _INNER_FOLDS:
        raise InputError(
            f"There are {len(counts)} labels, of which {', '.join(rare) or 'none'} have fewer than {LEAST} clips, and "
            f"{len(set(speakers))} speakers.",
            mend=f"Give at least two labels, {LEAST} clips of each, and {_INNER_FOLDS} speakers.",
        )
    kinds = tuple(sorted(counts))
    return kinds, np.array([kinds.index(label) for label in labels])


def _digest(vectors: NDArray[Any], labels: Sequence[str]) -> str:
    digest = hashlib.sha256(np.ascontiguousarray(vectors, dtype=np.float32).tobytes())
    digest.update("\t".join(labels).encode())
    return digest.hexdigest()
