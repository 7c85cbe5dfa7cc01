"""What a metrics layer can read of a scheduler, and what it can listen to."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from serving.batching.item import State
from serving.urgency import Urgency


def _zeros() -> list[int]:
    return [0] * len(Urgency)


@dataclass(slots=True)
class Counts:
    """Rows since the start, indexed by `Urgency`: accepted = settled in any state + depth."""

    accepted: list[int] = field(default_factory=_zeros)
    refused: list[int] = field(default_factory=_zeros)
    joined: list[int] = field(default_factory=_zeros)
    """Of those accepted, the ones that shared another's computation."""
    settled: dict[State, list[int]] = field(
        default_factory=lambda: {state: _zeros() for state in State if state is not State.WAITING}
    )


class BatchObserver(Protocol):
    """Called from the thread that owns the scheduler; must be quick and must not raise."""

    def on_batch(self, shape: Hashable, rows: int, seconds: float, waits: Mapping[Urgency, Sequence[float]]) -> None:
        """A batch was computed; `waits` has the seconds from acceptance to compute of each item, by class."""

    def on_refused(self, urgency: Urgency, reason: str, rows: int) -> None:
        """Rows were refused, at the door or later; `reason` is the slug of the refusal."""
