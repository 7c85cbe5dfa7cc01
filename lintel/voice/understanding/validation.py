"""How well a reader does on dialogues that it was not trained on, beside always saying the commonest label."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lintel.errors import InputError
from lintel.voice.understanding.classifier import most_likely
from lintel.voice.understanding.features import Embeds
from lintel.voice.understanding.training import LEAST, Line, labelled, train

FOLDS = 5


@dataclass(frozen=True, slots=True)
class LabelScore:
    """Of the turns said to have the label, the share that has it; of those that have it, the share that was found."""

    label: str
    turns: int
    precision: float
    recall: float


@dataclass(frozen=True, slots=True)
class Validation:
    """`weighted_f1` is the mean of the labels' F1 by their frequency, `macro_f1` each label alike, `commonest_f1` the
    weighted one of the commonest label said always."""

    turns: int
    dialogues: int
    folds: int
    weighted_f1: float
    macro_f1: float
    commonest_f1: float
    labels: tuple[LabelScore, ...]

    @property
    def earns(self) -> bool:
        """Whether the reader says more than the commonest label does."""
        return self.weighted_f1 > self.commonest_f1

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"earns": self.earns}


def validated(name: str, lines: Sequence[Line], embedder: Embeds, *, balance: float = 0.5) -> Validation:
    """Cross-validate by dialogue, in at most five folds. Raises InputError where a fold cannot be trained."""
    samples, truth = labelled(lines)
    dialogues = [line.dialogue for line in lines if line.label]
    said = np.array(truth, dtype=object)
    folds = list(_folds(name, truth, dialogues))
    for kept, held in folds:
        model = train(
            name,
            [samples[row] for row in kept],
            [truth[row] for row in kept],
            embedder,
            balance=balance,
            least=1,
        )
        said[held] = most_likely(model, model.probabilities([samples[row] for row in held], embedder))
    ((commonest, _),) = Counter(truth).most_common(1)
    precision, recall, f1, counts = _scores(truth, list(said))
    _, _, commonest_f1, _ = _scores(truth, [commonest] * len(truth))
    rows = zip(sorted(set(truth)), counts.tolist(), precision.tolist(), recall.tolist(), strict=True)
    return Validation(
        turns=len(truth),
        dialogues=len(set(dialogues)),
        folds=len(folds),
        weighted_f1=float(np.average(f1, weights=counts)),
        macro_f1=float(f1.mean()),
        commonest_f1=float(np.average(commonest_f1, weights=counts)),
        labels=tuple(LabelScore(*row) for row in rows),
    )


def _folds(
    name: str, truth: Sequence[str], dialogues: Sequence[str]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Rows to train on and rows held out: whole dialogues, each fold with about the same labels."""
    from sklearn.model_selection import StratifiedGroupKFold  # noqa: PLC0415

    rare = min(Counter(truth).values())
    folds = min(FOLDS, len(set(dialogues)))
    if folds < 2 or rare < LEAST:
        raise InputError(
            f"{name} has labelled turns of {len(set(dialogues))} dialogues, and {rare} turns of its rarest label; a "
            f"reader is judged on dialogues that it was not trained on, with at least {LEAST} turns a label.",
            mend="Label more turns, or merge labels.",
        )
    rows = np.zeros((len(truth), 1))
    yield from StratifiedGroupKFold(folds, shuffle=True, random_state=0).split(rows, truth, dialogues)


def _scores(truth: Sequence[str], said: Sequence[str]) -> tuple[Any, Any, Any, Any]:
    """Precision, recall, F1 and turns of each label of the truth."""
    from sklearn.metrics import precision_recall_fscore_support  # noqa: PLC0415

    scores: tuple[Any, Any, Any, Any] = precision_recall_fscore_support(
        truth, said, labels=sorted(set(truth)), zero_division=0.0
    )
    return scores
