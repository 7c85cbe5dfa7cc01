"""Which rows share a batch."""

from dataclasses import dataclass, field
from math import inf

from serving.batching.agenda import Agenda
from serving.batching.item import Row
from serving.batching.lane import Lane
from serving.batching.latency import LatencyModel
from serving.batching.line import Head, Line
from serving.batching.policy import BatchingPolicy
from serving.urgency import Urgency


def largest(model: LatencyModel, policy: BatchingPolicy, quantum: float) -> int:
    """Rows that a batch may hold: within the time quantum of their class, but always as many as are efficient.

    On a machine so busy that the fixed cost fills the quantum, single rows would waste all of it: throughput would
    fall when it is needed most.
    """
    return min(max(model.rows_within(quantum), model.efficient_rows), policy.max_rows)


def least_seconds(queue: Agenda[Row], model: LatencyModel, policy: BatchingPolicy) -> float:
    """Seconds that a batch headed from `queue` takes at least.

    The rows that wait, but not more than are efficient: a deadline may make a batch smaller, but not so small that
    most of it is fixed cost. A row with less time left is given up rather than computed in vain; without that, an
    overloaded queue in the order of deadlines computes only rows that miss theirs while they are computed.
    """
    first = queue.first()
    most = largest(model, policy, policy.quantum_seconds[first.urgency]) if first else 1
    return model.predict(min(len(queue), most, model.efficient_rows))


def fill(line: Line, head: Head, model: LatencyModel, policy: BatchingPolicy, now: float) -> list[Row]:
    """Take rows of the head's key out of the line: its own lane first, then the others, the most urgent first."""
    key, filling = head.row.key, _Filling(line, model, policy, now)
    taken = [(lane, filling.take(queue)) for lane in _lanes(line, head) if (queue := lane.queue(key)) is not None]
    seconds = model.predict(len(filling.rows))
    for lane, count in taken:
        if count:
            lane.charge(key, seconds * count / len(filling.rows))
    line.taken(head, filling.rows, seconds)
    return filling.rows


def _lanes(line: Line, head: Head) -> list[Lane]:
    return [head.lane, *(lane for lane in line.lanes() if lane is not head.lane)]


@dataclass(slots=True)
class _Filling:
    """A batch that grows. `urgency` and `earliest` are of its rows; `own` counts those of that class."""

    line: Line
    model: LatencyModel
    policy: BatchingPolicy
    now: float
    rows: list[Row] = field(default_factory=list)
    urgency: int = len(Urgency)
    earliest: float = inf
    own: int = 0
    limits: dict[int, int] = field(default_factory=dict)  # rows, by class
    surely: int | None = None  # rows that meet `earliest`, once known

    def take(self, queue: Agenda[Row]) -> int:
        """Pop rows while there is room for them; how many."""
        before = len(self.rows)
        while (row := queue.first()) is not None and self._admits(row):
            queue.pop()
            self._add(row)
        return len(self.rows) - before

    def _admits(self, row: Row) -> bool:
        """The first row always. Others while quantum and deadlines allow; less urgent ones may moreover only add what
        they save, which is the fixed cost of a batch of their own."""
        count = len(self.rows) + 1
        if count == 1:
            return True
        if count > self._limit(row.urgency):
            return False
        surely, efficient = self._surely(row), self.model.efficient_rows
        if row.urgency > self.urgency:
            return count <= min(surely, self.own + efficient)
        return count <= max(surely, efficient)

    def _limit(self, urgency: int) -> int:
        if urgency not in self.limits:
            self.limits[urgency] = largest(self.model, self.policy, self.line.quantum(urgency, self.now))
        return self.limits[urgency]

    def _surely(self, row: Row) -> int:
        """Rows that meet the earliest deadline of the batch, this row's included."""
        if row.deadline < self.earliest:
            return self.model.rows_surely_within(row.deadline - self.now)
        if self.surely is None:
            self.surely = self.model.rows_surely_within(self.earliest - self.now)
        return self.surely

    def _add(self, row: Row) -> None:
        self.rows.append(row)
        if row.deadline < self.earliest:
            self.earliest, self.surely = row.deadline, None
        if row.urgency < self.urgency:
            self.urgency, self.own = row.urgency, 0
        self.own += row.urgency == self.urgency
