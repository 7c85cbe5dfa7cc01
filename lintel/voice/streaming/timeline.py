"""Puts what arrives onto the call's clock: what the network lost becomes silence, what comes twice is cut."""

from dataclasses import dataclass

import numpy as np

from lintel.voice.audio.samples import SAMPLE_RATE, Samples

SILENCE_MOST_S = 2.0
"""Silence put in for a gap: enough to end any speech. After a longer gap the stream begins anew where it goes on."""
JITTER_S = 0.005
"""Time stamps are rounded; a smaller difference to where the samples belong is none."""


@dataclass(frozen=True, slots=True)
class Placed:
    """What to listen to: `silence`, then `samples`, which begin at `start`.

    `gap` is how much was lost and `cut` how much came twice, in seconds. `anew` says that the gap was longer than the
    silence that stands for it.
    """

    silence: Samples
    samples: Samples
    start: float
    gap: float = 0.0
    cut: float = 0.0
    anew: bool = False


class Timeline:
    """Keeps how far one channel has come. Times are seconds on the call's clock."""

    def __init__(self) -> None:
        self.end: float | None = None

    def place(self, samples: Samples, at: float) -> Placed:
        """Samples whose first belongs at `at`."""
        end = at if self.end is None else self.end
        gap, cut = at - end, 0.0
        silence = samples[:0]
        if abs(gap) <= JITTER_S:
            gap = 0.0
        elif gap > 0:
            silence = np.zeros(round(min(gap, SILENCE_MOST_S) * SAMPLE_RATE), dtype=np.float32)
            end = at
        else:
            twice = min(round(-gap * SAMPLE_RATE), len(samples))
            samples, cut, gap = samples[twice:], twice / SAMPLE_RATE, 0.0
        self.end = end + len(samples) / SAMPLE_RATE
        return Placed(silence, samples, end, gap, cut, anew=gap > SILENCE_MOST_S)

    def skip(self, samples: Samples, at: float) -> None:
        """Samples that nobody may listen to: only their time passes."""
        self.end = max(self.end or 0.0, at + len(samples) / SAMPLE_RATE)
