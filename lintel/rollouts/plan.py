"""How a version is to be brought in front of callers, and what would make it go back. Plain data."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, Self

from lintel.errors import InputError


class Strategy(StrEnum):
    """Ways from one champion to the next."""

    SHADOW = "shadow"
    """Scores beside the champion, never answers; a canary may follow."""
    CANARY = "canary"
    """A growing share of the leads, each of which stays with its model."""
    BLUE_GREEN = "blue-green"
    """Both loaded and warm, then all leads at once; the old one stays warm as the way back."""
    ROLLING = "rolling"
    """Worker by worker, each asked for its health before the next."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the candidate may do worse than the champion. Judged with an allowance for chance, not on raw figures.

    `failure_increase`: in the share of leads that it should have answered and did not. `latency_ratio`: of its 95th
    percentile of compute time. `score_shift`: mean absolute difference of the probabilities of the same leads, in
    any dimension. `false_alarm`: chance that an equal candidate is ever rolled back for its quality.
    """

    failure_increase: float = 0.01
    latency_ratio: float = 1.5
    score_shift: float = 0.15
    false_alarm: float = 0.05

    def __post_init__(self) -> None:
        if not 0.0 < self.false_alarm < 1.0:
            raise InputError(f"A false alarm has a chance above 0 and below 1, not {self.false_alarm:g}.")
        if not (0.0 <= self.failure_increase < 1.0 and 0.0 < self.score_shift < 1.0 and self.latency_ratio > 0.0):
            raise InputError(
                "The limits of a rollout are shares below 1 and a ratio above 0.",
                mend="For example a failure increase of 0.01, a latency ratio of 1.5 and a score shift of 0.15.",
            )


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps, least and greatest durations, and limits.

    Parameters
    ----------
    steps: shares of the leads (of the workers, for `rolling`), rising, the last one 1.
    step_seconds: least time between two steps. step_answers: least answers of the candidate in a step.
    longest_seconds: after which a rollout that could not be decided is inconclusive: it holds and asks a person.
    watch_seconds: after the last step, for as long as outcomes of its answers mature; until then the way back is armed.
    """

    strategy: Strategy
    steps: tuple[float, ...] = (0.01, 0.05, 0.25, 0.5, 1.0)
    step_seconds: float = 3_600.0
    step_answers: int = 200
    longest_seconds: float = 7 * 86_400.0
    watch_seconds: float = 30 * 86_400.0
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        rising = all(before < after for before, after in zip((0.0, *self.steps), self.steps, strict=False))
        if not self.steps or not rising or self.steps[-1] != 1.0:
            raise InputError(
                f"The steps of a rollout rise from above 0 to 1; these do not: {self.steps}.",
                mend="For example 0.01,0.05,0.25,0.5,1.",
            )
        if min(self.step_seconds, self.step_answers, self.watch_seconds) < 0 or self.longest_seconds <= 0:
            raise InputError(
                "The times and counts of a rollout are not negative, and its greatest duration is above 0."
            )

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        known = {one.name for one in fields(cls)}
        values = {name: value for name, value in data.items() if name in known}
        return cls(
            **values
            | {
                "strategy": Strategy(data["strategy"]),
                "steps": tuple(data["steps"]),
                "limits": Limits(**data["limits"]),
            }
        )
