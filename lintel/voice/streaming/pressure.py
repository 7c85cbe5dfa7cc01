"""What to do when the decoder falls behind: hear less often, then with a smaller model. Pure, on the caller's clock."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rung:
    """How the decoder works: it hears a channel again after `chunk_seconds` of new speech, with the engine at place
    `model` of those it was given (0 is the preferred one), and keeps `beam_size` hypotheses while it decodes."""

    chunk_seconds: float
    model: int
    beam_size: int = 1


@dataclass(frozen=True, slots=True)
class PressureSettings:
    """When to move.

    One rung down the ladder after `patience` lags in a row above `late_s`; one back up when no lag was above
    `punctual_s` for `calm_s` seconds. A climb that is followed by a fall within `calm_s` doubles the calm asked for
    before the next one, up to `calm_most_s`, so that a load between two rungs does not swing for ever.
    """

    late_s: float = 1.0
    punctual_s: float = 0.4
    patience: int = 3
    calm_s: float = 20.0
    calm_most_s: float = 320.0


BEAM_SIZE = 5
"""Of the rungs on which there is time: a fifth more work, and a twentieth fewer wrong words."""
CHUNKS = (0.9, 1.5, 2.5)
"""Seconds. Shorter ones make words earlier and more of them wrong: two hypotheses of almost the same audio agree on the
same mistakes. The last is kept for the smaller models, and doubled with the smallest."""


def ladder(models: int) -> tuple[Rung, ...]:
    """The rungs for so many engines, the best first: longer chunks before a smaller model."""
    rungs = [Rung(chunk, 0, BEAM_SIZE) for chunk in CHUNKS[:-1]]
    rungs.append(Rung(CHUNKS[-1], 0))
    rungs += [Rung(CHUNKS[-1], model) for model in range(1, models)]
    return (*rungs, Rung(2 * CHUNKS[-1], models - 1))


class Pressure:
    """Keeps the rung. `rungs` go from the best to the cheapest."""

    def __init__(self, rungs: Sequence[Rung], settings: PressureSettings | None = None) -> None:
        self._rungs = tuple(rungs)
        self._settings = settings or PressureSettings()
        self._place = 0
        self._late = 0
        self._calm_since: float | None = None
        self._climbed_at: float | None = None
        self._calm_s = self._settings.calm_s

    @property
    def rung(self) -> Rung:
        return self._rungs[self._place]

    def observe(self, lag: float, at: float) -> Rung:
        """Take a lag, seconds from when a window was due until its words were known, that ended `at`; times ascend."""
        if lag > self._settings.late_s:
            self._late += 1
        else:
            self._late = 0
        if lag > self._settings.punctual_s:
            self._calm_since = None
        elif self._calm_since is None:
            self._calm_since = at
        if self._late >= self._settings.patience:
            self._fall(at)
        elif self._calm_since is not None and at - self._calm_since >= self._calm_s:
            self._climb(at)
        return self.rung

    def _fall(self, at: float) -> None:
        self._late = 0
        if self._place == len(self._rungs) - 1:
            return
        if self._climbed_at is not None and at - self._climbed_at < self._settings.calm_s:
            self._calm_s = min(2 * self._calm_s, self._settings.calm_most_s)
        else:
            self._calm_s = self._settings.calm_s
        self._place += 1

    def _climb(self, at: float) -> None:
        self._calm_since = at
        if self._place > 0:
            self._place -= 1
            self._climbed_at = at
