"""When requests are due: fixed before the run begins, and never moved by how the server answers."""

import heapq
import random
from collections.abc import Iterator, Sequence

from benchmarks.load_lab.plan import Stream


def due_times(stream: Stream, randomness: random.Random) -> Iterator[float]:
    """Seconds from the start, ascending: evenly spaced, or with exponential gaps of the same mean."""
    if stream.rate <= 0:
        return
    gap, count = 1.0 / stream.rate, 0
    due = stream.begin_s + (randomness.expovariate(stream.rate) if stream.arrivals == "poisson" else 0.0)
    while due < stream.end_s:
        yield due
        count += 1
        # counted from the start, for added gaps would add up their rounding
        due = (
            due + randomness.expovariate(stream.rate) if stream.arrivals == "poisson" else stream.begin_s + count * gap
        )


def schedule(streams: Sequence[Stream], seed: int) -> Iterator[tuple[float, int]]:
    """All streams' requests in the order they are due: (seconds from the start, position of the stream)."""
    return heapq.merge(*(_of_stream(stream, at, seed) for at, stream in enumerate(streams)))


def _of_stream(stream: Stream, at: int, seed: int) -> Iterator[tuple[float, int]]:
    return ((due, at) for due in due_times(stream, random.Random(f"{seed} {at}")))
