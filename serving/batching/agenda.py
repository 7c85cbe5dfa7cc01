"""A priority queue whose entries can be moved and taken out by name."""

from collections.abc import Hashable, Iterator
from heapq import heapify, heappop, heappush
from math import inf
from typing import Generic, TypeVar

Thing = TypeVar("Thing", bound=Hashable)
_SLACK = 16


class Agenda(Generic[Thing]):
    """Things by when they are due, the earliest first, equal ones in the order in which they were put.

    `put` and `pop` take O(log n); what is dropped or put again leaves a stale entry behind, and entries are sifted
    when more than half are stale, so memory is O(n) and `drop` takes amortised O(1). An empty one holds nothing.
    """

    __slots__ = ("_current", "_heap", "_order")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Thing]] = []
        self._current: dict[Thing, tuple[float, int, Thing]] = {}
        self._order = 0

    def __len__(self) -> int:
        return len(self._current)

    def __contains__(self, thing: object) -> bool:
        return thing in self._current

    def __iter__(self) -> Iterator[Thing]:
        return iter(self._current)

    def put(self, thing: Thing, due: float) -> None:
        """Enter a thing, or move it; behind those due at the same time."""
        self._order += 1
        entry = (due, self._order, thing)
        self._current[thing] = entry
        heappush(self._heap, entry)
        self._sift()

    def drop(self, thing: Thing) -> None:
        """Take a thing out, if it is in."""
        if self._current.pop(thing, None) is not None:
            self._sift()

    def first(self) -> Thing | None:
        """The earliest thing, which stays in."""
        heap, current = self._heap, self._current
        while heap:
            entry = heap[0]
            if current.get(entry[2]) is entry:
                return entry[2]
            heappop(heap)
        return None

    @property
    def first_due(self) -> float:
        """When the earliest thing is due; infinity if there is none."""
        return inf if self.first() is None else self._heap[0][0]

    def pop(self) -> Thing:
        """Take the earliest thing out. Raises IndexError if there is none."""
        self.first()
        thing = heappop(self._heap)[2]
        del self._current[thing]
        self._sift()
        return thing

    def _sift(self) -> None:
        if not self._current:
            self._heap.clear()
        elif len(self._heap) > 2 * len(self._current) + _SLACK:
            self._heap = list(self._current.values())
            heapify(self._heap)
