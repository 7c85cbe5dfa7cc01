"""The scheduler under any sequence of what may happen to it, beside books kept in plain lists."""

from dataclasses import dataclass
from math import inf

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from serving.batching.batch import Batch
from serving.batching.item import Item, Row, State
from serving.batching.policy import BatchingPolicy, ByClass
from serving.batching.refusals import Cancelled, DeadlinePassed, QueueFull, ShuttingDown
from serving.batching.scheduler import Scheduler
from serving.urgency import Urgency

POLICY = BatchingPolicy(
    bound_rows=ByClass(12, 10, 20), ageing_seconds=ByClass(0.5, 1.0, 2.0), max_rows=6, quantum_seconds=ByClass(1, 1, 1)
)
REFUSALS = {State.EXPIRED: DeadlinePassed, State.CANCELLED: Cancelled, State.SHUT: ShuttingDown}
MOST_POISONED = 7


class PoisonError(Exception):
    pass


@dataclass(eq=False)
class Asked:
    """An accepted item as the books know it."""

    item: Item
    poisoned: bool
    deadline: float
    accepted_at: float
    ends: int = 0
    ended_at: float = inf


class SchedulerMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.books: dict[Item, Asked] = {}
        self.batch: Batch | None = None
        self.poisoned = 0
        self.closed = False
        self.scheduler = Scheduler(POLICY, on_settled=self.note, party_of=lambda key: str(key)[0])

    def note(self, item: Item) -> None:
        asked = self.books[item]
        asked.ends += 1
        asked.ended_at = self.now

    @property
    def open(self) -> list[Asked]:
        return [asked for asked in self.books.values() if not asked.ends]

    @rule(
        number=st.integers(1, 8),
        urgency=st.sampled_from(Urgency),
        key=st.sampled_from(["a1", "a2", "b1"]),
        patience=st.sampled_from([0.0, 0.004, 0.1, 1.0, 9.0, inf]),
        flights=st.lists(st.sampled_from([None, None, "x", "y"]), min_size=8, max_size=8),
        poison=st.integers(-8, 7),
    )
    def offer(self, *, number, urgency, key, patience, flights, poison) -> None:
        items = [Item(key, None, urgency, self.now + patience, flight) for flight in flights[:number]]
        new = {}
        for position, one in enumerate(items):
            # rows of one flight are alike, so none of them is poisoned here
            bad = position == poison and one.flight is None and self.poisoned < MOST_POISONED
            one.payload = "poison" if bad else "row"
            new[one] = Asked(one, bad, one.deadline, self.now)
        room = int(POLICY.bound_rows[urgency]) - sum(asked.item.urgency == urgency for asked in self.open)
        self.books |= new
        try:
            self.scheduler.offer(items, self.now)
        except ShuttingDown:
            assert self.closed
        except QueueFull:
            assert not self.closed
            assert room < number
            assert 1 <= self.scheduler.retry_after(urgency, number, self.now) <= 60
        else:
            assert room >= number
            self.poisoned += sum(asked.poisoned for asked in new.values())
            return
        for one in items:
            del self.books[one]
            assert one.state is State.WAITING

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def cancel(self, data) -> None:
        gone = data.draw(st.sampled_from(self.open))
        self.scheduler.cancel([gone.item], self.now)
        assert gone.item.state is State.CANCELLED
        self.scheduler.cancel([gone.item], self.now)  # again, and to no effect

    @rule(seconds=st.sampled_from([0.001, 0.01, 0.3, 1.5]))
    def advance(self, seconds) -> None:
        """Time passes; the driver's alarm rings at deadlines on the way."""
        until = self.now + seconds
        while self.scheduler.next_deadline <= until:
            self.now = max(self.now, self.scheduler.next_deadline)
            self.scheduler.expire(self.now)
        self.now = until

    @precondition(lambda self: self.batch is None)
    @rule()
    def next(self) -> None:
        self.scheduler.expire(self.now)
        waiting = self.open
        found = self.scheduler.next_batch(self.now)
        if found is None:
            assert not self.open
        elif isinstance(found, Batch):
            self.batch = found
            self.check_batch(found)
        else:
            assert found > self.now
            assert len({asked.item.key for asked in waiting}) == 1
            assert found <= min(asked.item.deadline for asked in waiting)

    def check_batch(self, batch: Batch) -> None:
        assert 1 <= len(batch.rows) <= POLICY.max_rows
        assert len(set(batch.rows)) == len(batch.rows)
        waiters = [item for row in batch.rows for item in row.waiters]
        assert {item.key for item in waiters} == {batch.key}
        for row in batch.rows:
            assert row.waiters, "nobody wants this row"
            assert row.urgency == min(item.urgency for item in row.waiters)
            assert row.deadline == min(item.deadline for item in row.waiters)
        assert all(item.state is State.WAITING and item.deadline > self.now for item in waiters)
        if batch.isolation is None:
            self.check_order(batch)

    def check_order(self, batch: Batch) -> None:
        """Nobody of the same key and class who is due earlier is left behind, unless aged rows take their turn."""
        left: set[Row] = {asked.item.row for asked in self.open if asked.item.row is not None} - set(batch.rows)
        for one in left:
            for row in batch.rows:
                same = one.key == row.key and one.level == row.level and one.place.value == "queued"
                assert not (same and not one.aged and not row.aged and one.deadline < row.deadline)
        head = batch.rows[0]
        fresher = [one for one in left if one.level < head.level and one.place.value == "queued"]
        assert not fresher, "a more urgent row waits"

    @precondition(lambda self: self.batch is not None)
    @rule(seconds=st.sampled_from([0.001, 0.02, 0.4]))
    def compute(self, seconds) -> None:
        batch, self.batch = self.batch, None
        assert batch is not None
        if "poison" in batch.payloads:
            self.scheduler.failed(batch, PoisonError(), self.now)
        else:
            self.scheduler.done(batch, [("result", id(row)) for row in batch.rows], seconds, self.now)

    @precondition(lambda self: not self.closed and len(self.books) > 30)
    @rule()
    def close(self) -> None:
        self.scheduler.close()
        self.closed = True

    @invariant()
    def the_books_agree(self) -> None:
        for asked in self.books.values():
            item = asked.item
            assert asked.ends == (item.state is not State.WAITING)
            if item.state in REFUSALS:
                assert type(item.outcome) is REFUSALS[item.state]
            elif item.state is State.FAILED:
                assert asked.poisoned, "an innocent failed with a poisoned row"
                assert isinstance(item.outcome, PoisonError)
            elif item.state is State.ANSWERED:
                assert not asked.poisoned
                assert item.outcome[0] == "result"
                assert asked.ended_at <= asked.deadline
            if item.state is not State.WAITING:
                assert asked.ended_at <= max(asked.deadline, asked.accepted_at), "later than its deadline"

    @invariant()
    def a_flight_has_one_row(self) -> None:
        rows: dict[tuple, set[Row | None]] = {}
        for asked in self.open:
            if asked.item.flight is not None:
                rows.setdefault((asked.item.key, asked.item.flight), set()).add(asked.item.row)
        assert all(len(of_flight) == 1 for of_flight in rows.values())

    @invariant()
    def the_bounds_hold_and_the_counts_add_up(self) -> None:
        depth = self.scheduler.depth
        counts = self.scheduler.counts
        for urgency in Urgency:
            assert depth[urgency] == sum(asked.item.urgency == urgency for asked in self.open)
            assert depth[urgency] <= POLICY.bound_rows[urgency]
            settled = sum(of_state[urgency] for of_state in counts.settled.values())
            assert counts.accepted[urgency] == settled + depth[urgency]
        finite = [asked.deadline for asked in self.open if asked.deadline < inf]
        assert self.scheduler.next_deadline == min(finite, default=inf)

    def teardown(self) -> None:
        """Left alone, everything is settled in a bounded number of batches; shutting down settles it at once."""
        if self.closed:
            self.scheduler.shut(self.now)
        for _ in range(300):
            if self.batch is not None:
                self.compute(0.001)
            found = self.scheduler.next_batch(self.now)
            if found is None:
                break
            if isinstance(found, Batch):
                self.batch = found
            else:
                self.now = found
        assert not self.open
        self.the_books_agree()
        assert not self.scheduler._flights


TestScheduler = SchedulerMachine.TestCase
TestScheduler.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
