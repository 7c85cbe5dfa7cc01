"""Trains a reader of turns from labelled ones: a folder of one's own, or a published set where its terms allow.

The folder holds `turns.csv` with the columns `dialogue`, `speaker`, `text`, `label`, a row a turn in order; a turn with
an empty label is context only. A model carries its data's terms: what is shipped was never trained on anything.
"""

import csv
import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lintel.errors import InputError, NotFoundError
from lintel.voice.transcript import AGENT
from lintel.voice.understanding import features
from lintel.voice.understanding.classifier import Classifier, rarity, scaled
from lintel.voice.understanding.features import Embeds, Sample
from lintel.voice.understanding.logistic import Floats, fit

TURNS = "turns.csv"
_COLUMNS = {"dialogue", "speaker", "text", "label"}
LEAST = 10
"""Labelled turns that each label must have."""


@dataclass(frozen=True, slots=True)
class Line:
    """A turn of a labelled dialogue; `label` is "" for context."""

    dialogue: str
    speaker: str
    text: str
    label: str


def train(
    name: str,
    samples: Sequence[Sample],
    labels: Sequence[str],
    embedder: Embeds,
    *,
    penalty: float = 1.0,
    balance: float = 0.0,
    iterations: int = 100,
    least: int = LEAST,
    source: str = "",
) -> Classifier:
    """A classifier of turns. Deterministic.

    Parameters
    ----------
    penalty: of the squared weights.
    balance: 0 weighs each turn alike, 1 each label alike; between, the rows' weights are raised to this power.
    least: turns that each label must have.

    Raises InputError for fewer than two labels, or a label with fewer turns than that.
    """
    counts = Counter(labels)
    rare = sorted(label for label, count in counts.items() if count < least)
    if len(counts) < 2 or rare:
        raise InputError(
            f"{name} has {len(counts)} labels, of which {', '.join(rare) or 'none'} have fewer than {least} turns.",
            mend="Label more turns, or merge labels.",
        )
    kinds = tuple(sorted(counts))
    classes = np.array([kinds.index(label) for label in labels])
    hashed = features.hashed(samples)
    rare_words = rarity(hashed)
    weights = fit(
        features.dense(samples, embedder),
        scaled(hashed, rare_words),
        classes,
        penalty=penalty,
        row_weights=_row_weights(classes, balance),
        iterations=iterations,
    )
    card = {"source": source, "turns": dict(counts), "digest": _digest(samples, labels), "penalty": penalty}
    return Classifier(name, kinds, weights, rare_words, card)


def train_folder(name: str, folder: Path, embedder: Embeds, *, balance: float = 0.5) -> Classifier:
    """Train from `turns.csv` of a folder. Raises NotFoundError, or InputError naming the column or row."""
    samples, labels = labelled(read(folder / TURNS))
    return train(name, samples, labels, embedder, balance=balance, source=folder.name)


def read(path: Path) -> list[Line]:
    """The lines of a file of turns."""
    if not path.is_file():
        raise NotFoundError(f"No {path}.", mend="Write one with the columns dialogue, speaker, text, label.")
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        missing = _COLUMNS - set(rows.fieldnames or ())
        if missing:
            raise InputError(f"{path} lacks {', '.join(sorted(missing))}.", mend="Add the columns.")
        lines = [Line(row["dialogue"], row["speaker"], row["text"] or "", row["label"] or "") for row in rows]
    if not any(line.label for line in lines):
        raise InputError(f"{path} labels no turn.", mend="Fill the column label.")
    return lines


def labelled(lines: Iterable[Line]) -> tuple[list[Sample], list[str]]:
    """Labelled turns with what stands before them in their dialogue."""
    samples: list[Sample] = []
    labels: list[str] = []
    past: list[Line] = []
    for line in lines:
        if past and past[-1].dialogue != line.dialogue:
            past = []
        if line.label:
            samples.append(_sample(line, past))
            labels.append(line.label)
        past = [*past[-3:], line]
    return samples, labels


def _sample(line: Line, past: Sequence[Line]) -> Sample:
    before = past[-1].text if past else ""
    own = next((one.text for one in reversed(past) if one.speaker == line.speaker), "")
    return Sample(line.text, before, own, line.speaker == AGENT, not past)


def _row_weights(classes: np.ndarray[tuple[int], np.dtype[np.int64]], balance: float) -> Floats:
    counts = np.bincount(classes)
    weights: Floats = (len(classes) / (len(counts) * counts[classes])) ** balance
    return weights


def _digest(samples: Sequence[Sample], labels: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for sample, label in zip(samples, labels, strict=True):
        digest.update(f"{label}\t{sample.text}\n".encode())
    return digest.hexdigest()
