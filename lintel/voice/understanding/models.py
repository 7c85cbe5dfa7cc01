"""The trained readers that a brokerage may have: of sentiment, intents, objections."""

from dataclasses import dataclass
from pathlib import Path

from lintel.errors import IncompatibleError
from lintel.voice.understanding.classifier import Classifier
from lintel.voice.understanding.insights import INTENTS, OBJECTIONS

NEGATIVE, NEUTRAL, POSITIVE = "negative", "neutral", "positive"
NOTHING = frozenset({"none", "other"})
_LABELS = {
    "sentiment": {NEGATIVE, NEUTRAL, POSITIVE},
    "intents": {*INTENTS, *NOTHING},
    "objections": {*OBJECTIONS, *NOTHING},
}


@dataclass(frozen=True, slots=True)
class Models:
    """What is None is read by rules, phrases and the lexicon alone.

    Raises IncompatibleError for a classifier whose labels are others than those of insights.
    """

    sentiment: Classifier | None = None
    intents: Classifier | None = None
    objections: Classifier | None = None

    def __post_init__(self) -> None:
        for name, labels in _LABELS.items():
            classifier: Classifier | None = getattr(self, name)
            strange = sorted(set(classifier.labels) - labels) if classifier else []
            if strange:
                raise IncompatibleError(
                    f"The classifier of {name} has the labels {', '.join(strange)}.",
                    mend=f"Label its turns with {', '.join(sorted(labels))} only, and train it again.",
                )

    @classmethod
    def load(cls, folder: Path) -> "Models":
        """Those of the folders `sentiment`, `intents` and `objections` that exist."""
        there = (name for name in _LABELS if (folder / name).is_dir())
        return cls(**{name: Classifier.load(folder / name) for name in there})
