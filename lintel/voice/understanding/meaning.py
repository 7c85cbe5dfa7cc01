"""What clauses mean by their nearness to phrases that were written for it (`phrases.yaml`, `tones.yaml`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

import numpy as np
import yaml
from numpy.typing import NDArray

from lintel.errors import InputError
from lintel.voice.understanding.features import Embeds
from lintel.voice.understanding.logistic import Floats, Weights, fit

OTHER = "other"
PHRASES, TONES = "phrases.yaml", "tones.yaml"
_PENALTY = 0.03
_TIE = 0.5
"""A clause less similar than this to every phrase of its label has not been met before: it means nothing known."""


@dataclass(frozen=True, slots=True)
class Meant:
    """The likeliest label of a clause, its probability, and the largest cosine to one of the label's phrases."""

    label: str
    probability: float
    similarity: float


class Meanings:
    """A logistic regression on embeddings, fitted to the phrases when it is made: a second of one core in all."""

    def __init__(self, phrases: dict[str, Sequence[str]], embedder: Embeds) -> None:
        self._embedder = embedder
        self.labels = tuple(sorted(phrases))
        texts = [text for label in self.labels for text in phrases[label]]
        self._classes = np.array([k for k, label in enumerate(self.labels) for _ in phrases[label]])
        self._vectors = embedder.embed(texts)
        self._weights = _fitted(self._vectors, self._classes)

    @classmethod
    def shipped(cls, embedder: Embeds, name: str = PHRASES) -> "Meanings":
        """Those of a file that comes with this package: PHRASES or TONES."""
        return cls(read(resources.files(__package__).joinpath(name)), embedder)

    def probabilities(self, texts: Sequence[str]) -> Floats:
        """Shape (texts, labels), rows sum to 1."""
        return self._weights.probabilities(self._embedder.embed(texts), np.empty((len(texts), 0)))

    def meant(self, clauses: Sequence[str]) -> list[Meant]:
        """What each clause means; OTHER where it is near nothing."""
        if not clauses:
            return []
        vectors = self._embedder.embed(clauses)
        probabilities = self._weights.probabilities(vectors, np.empty((len(clauses), 0)))
        return [self._meant(vector, row) for vector, row in zip(vectors, probabilities, strict=True)]

    def _meant(self, vector: NDArray[np.float32], probabilities: Floats) -> Meant:
        likeliest = int(probabilities.argmax())
        similarity = float(np.max(self._vectors[self._classes == likeliest] @ vector))
        label = self.labels[likeliest] if similarity >= _TIE else OTHER
        return Meant(label, float(probabilities[likeliest]), similarity)


def read(path: Traversable) -> dict[str, Sequence[str]]:
    """The phrases of a file by label. Raises InputError for what is no mapping of lists."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    phrases = document.get("phrases") if isinstance(document, dict) else None
    if not isinstance(phrases, dict) or not all(_texts(texts) for texts in phrases.values()):
        raise InputError(f"{path} is no list of phrases by label.", mend='Quote phrases such as "yes" and "no".')
    return phrases


def _texts(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(text, str) for text in value)


def _fitted(vectors: NDArray[np.float32], classes: NDArray[np.int64]) -> Weights:
    from scipy.sparse import csr_matrix  # noqa: PLC0415

    return fit(vectors, csr_matrix((len(classes), 0)), classes, penalty=_PENALTY)
