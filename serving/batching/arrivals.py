"""How often a key is asked, and whether it pays to wait for the next time."""

from collections.abc import Hashable
from math import inf

from serving.batching.latency import LatencyModel

_NEW = 0.1  # weight of the newest gap
_FIRST_GAP_SECONDS = 1.0  # a key that was never asked is expected to be asked seldom
_MOST_KEYS = 1_024


class Arrivals:
    """The mean gap between calls, by key; of the 1,024 keys asked last.

    Keys are known by their hashes: what a key names, say a model that was replaced, is not kept alive. Two keys of one
    hash would share a gap, which is an estimate.
    """

    def __init__(self) -> None:
        self._seen: dict[int, tuple[float, float]] = {}  # last call, mean gap; the key asked last at the end

    def note(self, key: Hashable, now: float) -> None:
        """A call for `key` came, of however many rows: they came together."""
        known = hash(key)
        last, gap = self._seen.pop(known, (-inf, _FIRST_GAP_SECONDS))
        newest = min(now - last, _FIRST_GAP_SECONDS)
        self._seen[known] = (now, gap + _NEW * (newest - gap))
        if len(self._seen) > _MOST_KEYS:
            del self._seen[next(iter(self._seen))]

    def last(self, key: Hashable) -> float:
        return self._seen.get(hash(key), (-inf, inf))[0]

    def gap(self, key: Hashable, now: float) -> float:
        """Seconds until the next call is expected: the mean gap, or the silence so far if it has lasted longer."""
        last, gap = self._seen.get(hash(key), (-inf, inf))
        return max(gap, now - last)


def company_until(rows: int, accepted_at: float, last: float, gap: float, model: LatencyModel) -> float:
    """The moment until which n waiting rows should wait for one more; in the past if they should go at once.

    If they go now, the batch takes a + b n. A row that comes after a gap g (shorter than that) waits for it to end
    and then takes a + b: its latency is (a + b n - g) + a + b. If they wait for it, its latency is a + b (n + 1), so
    it saves a - g, and each of the n waits g + b longer. Waiting pays while a - g > n (g + b), that is while
    g < (a - n b) / (n + 1). Silence since the last call tells that the gap is longer than thought, so waiting ends when
    the silence has reached that length; and nobody ever waits longer for company than a, all that it can save.

    A seldom asked key has a gap above a and never waits; nor does a large batch, for which a - n b is negative.
    """
    longest = (model.fixed - rows * model.per_row) / (rows + 1)
    if gap >= longest:
        return -inf
    return min(last + longest, accepted_at + model.fixed)
