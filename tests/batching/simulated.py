"""A worker on a simulated clock: a scheduler, and computations that take a stated time."""

import heapq
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from itertools import count
from math import inf
from typing import Any

from serving.batching.batch import Batch
from serving.batching.item import Item, State
from serving.batching.policy import BatchingPolicy
from serving.batching.scheduler import Scheduler
from serving.urgency import Urgency

INTERACTIVE, EVENT, BULK = Urgency


class PoisonError(Exception):
    """A row that makes its whole batch fail."""


@dataclass
class SimulatedWorker:
    """Offers at stated times, batches that take `seconds(rows)`; a payload "poison" fails its batch."""

    policy: BatchingPolicy = field(default_factory=BatchingPolicy)
    seconds: Callable[[int], float] = lambda rows: 0.002 + 0.0001 * rows
    party_of: Callable[[Hashable], Hashable] = lambda key: key
    now: float = 0.0
    settled: list[tuple[float, Item]] = field(default_factory=list)
    batches: list[tuple[float, Batch]] = field(default_factory=list)
    idle_waits: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.scheduler = Scheduler(self.policy, on_settled=self._on_settled, party_of=self.party_of)
        self._plans: list[tuple[float, int, Callable[[], Any]]] = []
        self._order = count()
        self._computing = False
        self._waiting_until = inf

    def _on_settled(self, item: Item) -> None:
        self.settled.append((self.now, item))

    def offer(self, items: Sequence[Item]) -> None:
        self.scheduler.offer(items, self.now)
        self._step()

    def at(self, moment: float, act: Callable[[], Any]) -> None:
        heapq.heappush(self._plans, (moment, next(self._order), act))

    def run(self, until: float = inf) -> None:
        """Let time pass until a moment, or until nothing is planned."""
        while self._plans and self._plans[0][0] <= until:
            moment, _, act = heapq.heappop(self._plans)
            self.now = max(self.now, moment)
            act()
        self.now = max(self.now, until) if until < inf else self.now

    def settled_at(self, item: Item) -> float:
        return next(moment for moment, one in self.settled if one is item)

    def in_state(self, state: State) -> list[Item]:
        return [item for _, item in self.settled if item.state is state]

    def _step(self) -> None:
        if self._computing:
            return
        found = self.scheduler.next_batch(self.now)
        if isinstance(found, Batch):
            self._computing = True
            self.batches.append((self.now, found))
            self.at(self.now + self.seconds(len(found.rows)), lambda: self._finish(found))
        elif found is not None:
            self.idle_waits.append(found - self.now)
            self.at(found, self._step)

    def _finish(self, batch: Batch) -> None:
        self._computing = False
        if "poison" in batch.payloads:
            self.scheduler.failed(batch, PoisonError(), self.now)
        else:
            self.scheduler.done(batch, batch.payloads, self.seconds(len(batch.rows)), self.now)
        self._step()


def item(urgency: Urgency = INTERACTIVE, key: Hashable = "a", deadline: float = inf, **fields: Any) -> Item:
    fields.setdefault("payload", "row")
    return Item(key=key, urgency=urgency, deadline=deadline, **fields)


def items(number: int, urgency: Urgency = INTERACTIVE, key: Hashable = "a", deadline: float = inf) -> list[Item]:
    return [item(urgency, key, deadline) for _ in range(number)]
