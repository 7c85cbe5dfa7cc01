"""Latencies in a log-linear histogram: any quantile to three significant digits, in a few thousand counters.

After G. Tene's HdrHistogram (https://hdrhistogram.github.io/HdrHistogram/): powers of two, each cut into 1,024 equal
steps, so that a step is at most 1/1,024 of the values in it. Values below 2,048 are exact.
"""

from collections.abc import Mapping
from math import ceil

STEPS_BITS = 10
_EXACT_BITS = STEPS_BITS + 1


class Histogram:
    """Counts of whole numbers >= 0; here microseconds. Negative ones count as 0."""

    def __init__(self, counts: Mapping[int, int] | None = None, longest: int = 0) -> None:
        self.counts: dict[int, int] = dict(counts or {})
        self.longest = longest

    def record(self, value: int) -> None:
        value = max(value, 0)
        shift = value.bit_length() - _EXACT_BITS
        step = value if shift <= 0 else (shift << STEPS_BITS) + (value >> shift)
        self.counts[step] = self.counts.get(step, 0) + 1
        self.longest = max(self.longest, value)

    def add(self, other: "Histogram") -> None:
        """Take over another's counts."""
        for step, count in other.counts.items():
            self.counts[step] = self.counts.get(step, 0) + count
        self.longest = max(self.longest, other.longest)

    def __len__(self) -> int:
        return sum(self.counts.values())

    def quantile(self, share: float) -> int | None:
        """The smallest recorded value that at least `share` of all do not exceed, at most 1/1,024 too large.

        None if nothing was recorded.
        """
        total = len(self)
        if total == 0:
            return None
        rank, seen = max(1, ceil(share * total - 1e-9)), 0
        for step in sorted(self.counts):
            seen += self.counts[step]
            if seen >= rank:
                return min(_largest(step), self.longest)
        return self.longest


def _largest(step: int) -> int:
    """The largest value that is counted in a step."""
    shift = max(0, (step >> STEPS_BITS) - 1)
    return ((step - (shift << STEPS_BITS) + 1) << shift) - 1
