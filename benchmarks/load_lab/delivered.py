"""Answers that were delivered, held against the prediction log: each in it exactly once."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lintel.store.segments import SUFFIX, read_segment


@dataclass(frozen=True, slots=True)
class Delivered:
    """What the generator was told, lead by lead."""

    decisions: list[str]
    rungs: Counter[str]
    models: Counter[tuple[str, str]]  # by rung and digest
    nameless: int  # answers without a decision id

    def of_bundle(self, digest: str) -> Counter[str]:
        """Answers of a bundle, by rung."""
        return Counter({rung: count for (rung, model), count in self.models.items() if model == digest})

    @property
    def twice(self) -> int:
        """Decision ids that were given to more than one answer."""
        return len(self.decisions) - len(set(self.decisions))


def read_delivered(path: Path) -> Delivered:
    """The generator's file of decisions."""
    decisions: list[str] = []
    rungs: Counter[str] = Counter()
    models: Counter[tuple[str, str]] = Counter()
    nameless = 0
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            decision, _, rung, model = line.rstrip("\n").split("\t")
            rungs[rung] += 1
            models[rung, model] += 1
            if decision:
                decisions.append(decision)
            else:
                nameless += 1
    return Delivered(decisions, rungs, models, nameless)


@dataclass(frozen=True, slots=True)
class Logged:
    """What the segments of all workers hold together."""

    decisions: Counter[str]
    lost: int
    segments: int
    damaged_bytes: int


def read_logged(folder: Path) -> Logged:
    """All segments in a folder; none if there is no folder."""
    segments = [read_segment(path) for path in sorted(folder.glob(f"*{SUFFIX}"))]
    decisions: Counter[str] = Counter()
    for segment in segments:
        for table in segment.tables:
            decisions.update(table.column("decision_id").to_pylist())
    lost = sum(loss.count or 0 for segment in segments for loss in segment.losses)
    return Logged(decisions, lost, len(segments), sum(segment.damaged_bytes for segment in segments))


def missing(delivered: Iterable[str], logged: Logged) -> int:
    """Delivered decisions that the log does not hold."""
    return len(set(delivered) - logged.decisions.keys())
