"""A stretch of one speaker's speech."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Stretch:
    """Seconds of the recording. `speaker` is `speaker-1`, `speaker-2`, ... by who spoke first, or a reference's
    name."""

    start: float
    end: float
    speaker: str
