"""Which rows are computed next, and what becomes of each: decisions only, on a clock that is an argument."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from math import inf
from typing import Any

from lintel.errors import UnavailableError
from serving.batching.arrivals import Arrivals, company_until
from serving.batching.batch import Batch
from serving.batching.drain import DrainRate
from serving.batching.filling import fill, least_seconds
from serving.batching.isolation import Suspects
from serving.batching.item import Item, Place, Row, State
from serving.batching.latency import LatencyModel, LatencyModels
from serving.batching.ledger import Ledger
from serving.batching.line import Head, Line
from serving.batching.observer import BatchObserver, Counts
from serving.batching.policy import BatchingPolicy
from serving.batching.refusals import Cancelled, DeadlinePassed, QueueFull, Refusal, ShuttingDown
from serving.urgency import Urgency


def itself(key: Hashable) -> Hashable:
    return key


class Scheduler:
    """The queue of one compute thread.

    Every method takes `now`, seconds on one monotonic clock. One batch is computed at a time: `next_batch`, then
    either `done` or `failed` for it. Every accepted item gets one final state and outcome, told to `on_settled`.

    Parameters
    ----------
    shape_of: what a key's rows cost alike (say, explained or not): one latency model each.
    party_of: who a key's rows are computed for (say, the tenant): fair shares between them.
    outages: exceptions that are no row's fault, and fail a batch at once.
    """

    def __init__(
        self,
        policy: BatchingPolicy,
        *,
        on_settled: Callable[[Item], None],
        shape_of: Callable[[Hashable], Hashable] = itself,
        party_of: Callable[[Hashable], Hashable] = itself,
        outages: tuple[type[Exception], ...] = (UnavailableError,),
        observer: BatchObserver | None = None,
    ) -> None:
        self._policy = policy
        self._shape_of = shape_of
        self._outages = outages
        self._observer = observer
        self._ledger = Ledger(on_settled, observer)
        self._line = Line(policy, party_of)
        self._suspects = Suspects(policy.aged_share)
        self._flights: dict[Hashable, Row] = {}
        self._latencies = LatencyModels()
        self._arrivals = Arrivals()
        self._drain = DrainRate(policy.lookback_seconds)
        self._closed = False

    @property
    def counts(self) -> Counts:
        return self._ledger.counts

    @property
    def depth(self) -> tuple[int, ...]:
        """Rows accepted and not settled, by class."""
        return self._ledger.depth

    @property
    def next_deadline(self) -> float:
        """When `expire` has something to do; infinity if nothing waits for a deadline."""
        return self._ledger.next_deadline

    def oldest_wait_seconds(self, now: float) -> tuple[float, ...]:
        """Of the row of each class that has waited longest; 0 if none waits."""
        return self._ledger.oldest_wait_seconds(now)

    def latency_of(self, key: Hashable) -> LatencyModel:
        """What is known of how long batches of a key take."""
        return self._latencies.of(self._shape_of(key))

    def drain_rate(self, now: float) -> float | None:
        """Rows a second while computing, over the look-back; None if nothing ran in it."""
        return self._drain.rate(now)

    def retry_after(self, urgency: Urgency, rows: int, now: float) -> int:
        """Whole seconds, 1 to 60, until so many more rows of a class would be computed, at the pace of late."""
        return self._drain.retry_after(sum(self.depth[: urgency + 1]) + rows, now, urgency)

    def offer(self, items: Sequence[Item], now: float) -> None:
        """Accept the items of one request, all or none.

        Raises QueueFull if a class has no room for its rows, ShuttingDown after `close`.
        """
        self._check_room(items, now)
        self._ledger.enter(items, now)
        for item in items:
            self._place(item, now)
        for key in {item.key: None for item in items}:
            self._arrivals.note(key, now)

    def cancel(self, items: Iterable[Item], now: float) -> None:
        """Nobody waits for these items any more; others that share their rows still get an answer."""
        for item in items:
            if item.state is State.WAITING:
                self._withdraw(item, State.CANCELLED, Cancelled("Whoever asked has gone."), now)

    def expire(self, now: float) -> None:
        """Settle the items whose deadline has come, wherever their rows are."""
        for item in self._ledger.overdue(now):
            self._withdraw(item, State.EXPIRED, DeadlinePassed("The deadline passed before there was an answer."), now)

    def next_batch(self, now: float) -> Batch | float | None:
        """A batch to compute now; or the moment until which it pays to wait for company, unless more is offered
        before; or None if nothing waits."""
        self.expire(now)
        self._line.promote(now)
        head = self._feasible_head(now)
        suspect = self._suspect(head, now)
        if suspect is not None or head is None:
            return suspect
        until = self._company_until(head, now)
        return until if until > now else self._batch(head, now)

    def done(self, batch: Batch, results: Sequence[Any], seconds: float, now: float) -> None:
        """A batch was computed in `seconds`: one result a row, of which exceptions fail their own row."""
        self.expire(now)
        self._learn(batch, seconds, now)
        batch.succeeded()
        for row, result in zip(batch.rows, results, strict=True):
            self._land(row, State.FAILED if isinstance(result, Exception) else State.ANSWERED, result)

    def failed(self, batch: Batch, error: Exception, now: float) -> None:
        """A batch raised: it is divided to find the row at fault, unless it is one row, or no row's fault."""
        self.expire(now)
        for_good = batch.failed_for_good() or isinstance(error, self._outages)
        for row in batch.rows:
            if for_good or not row.waiters:
                self._land(row, State.FAILED, error)
        if not for_good:
            self._suspects.divide(batch)

    def close(self) -> None:
        """Accept nothing more; what was accepted goes on."""
        self._closed = True

    def shut(self, now: float) -> None:
        """Refuse everything that is not settled, also what is being computed."""
        self.close()
        for item in self._ledger.open_items():
            self._withdraw(item, State.SHUT, ShuttingDown("This worker stopped before the row was computed."), now)
        self._suspects.clear()

    def _check_room(self, items: Sequence[Item], now: float) -> None:
        needed = [0] * len(Urgency)
        for item in items:
            needed[item.urgency] += 1
        for urgency, rows in zip(Urgency, needed, strict=True):
            refusal = self._refusal(urgency, rows, now) if rows else None
            if refusal is not None:
                self._ledger.turned_away(refusal, urgency, rows)
                raise refusal

    def _refusal(self, urgency: Urgency, rows: int, now: float) -> Refusal | None:
        bound = int(self._policy.bound_rows[urgency])
        if self._closed:
            return ShuttingDown("This worker is stopping.")
        if self.depth[urgency] + rows <= bound:
            return None
        message = f"The queue for {urgency.label} rows has no room for {rows} more; it holds at most {bound}."
        return QueueFull(message, retry_after_seconds=self.retry_after(urgency, rows, now))

    def _place(self, item: Item, now: float) -> None:
        """Give an item its row: the one of its flight, else a new one in the line."""
        row = None if item.flight is None else self._flights.get((item.key, item.flight))
        if row is not None:
            self.counts.joined[item.urgency] += 1
            row.waiters[item] = None
            item.row = row
            self._renew(row, now)
            return
        row = item.row = Row.of(item)
        if row.flight is not None:
            self._flights[row.flight] = row
        self._line.add(row, now)

    def _renew(self, row: Row, now: float) -> None:
        if row.renew() and row.place is Place.QUEUED:
            self._line.renew(row, now)

    def _withdraw(self, item: Item, state: State, refusal: Refusal, now: float) -> None:
        """Settle an item that gets no answer; its row is dropped if nobody else wants it, unless it is computing."""
        row = item.row
        self._ledger.refuse(item, state, refusal)
        if row is None:
            return
        del row.waiters[item]
        if row.waiters:
            self._renew(row, now)
        elif row.place is not Place.COMPUTING:
            if row.place is Place.QUEUED:
                self._line.drop(row)
            self._forget(row)

    def _forget(self, row: Row) -> None:
        """Nothing will come of a row any more."""
        row.place = Place.GONE
        if row.flight is not None:
            del self._flights[row.flight]

    def _feasible_head(self, now: float) -> Head | None:
        """The row that comes next; those that cannot be computed in time any more are given up. The last one of a
        queue is computed all the same: else an estimate that is too high would never be put right."""
        while (head := self._line.head()) is not None:
            queue = head.lane.queue(head.row.key)
            if queue is None or len(queue) == 1:
                return head
            latest = now + least_seconds(queue, self.latency_of(head.row.key), self._policy)
            if head.row.deadline >= latest:
                return head
            for item in [one for one in head.row.waiters if one.deadline < latest]:
                refusal = DeadlinePassed("There was no time left to compute an answer before the deadline.")
                self._withdraw(item, State.EXPIRED, refusal, now)
        return None

    def _suspect(self, head: Head | None, now: float) -> Batch | None:
        """A part of a failed batch, if it is its turn."""
        if not self._suspects or (head is not None and not self._suspects.go_before(head.row.level)):
            return None
        batch = self._suspects.take(now)
        if batch is not None:
            self._suspects.took(self._seconds(batch))
            for row in batch.rows:
                row.place = Place.COMPUTING
        return batch

    def _company_until(self, head: Head, now: float) -> float:
        """Until when to wait for company of the head; in the past if not at all, as when anything else waits."""
        row, model = head.row, self.latency_of(head.row.key)
        last, gap = self._arrivals.last(row.key), self._arrivals.gap(row.key, now)
        if gap >= model.fixed:
            return -inf
        waiting = sum(len(queue) for lane in self._line.lanes() if (queue := lane.queue(row.key)))
        if sum(self.depth) > waiting:
            return -inf
        until = company_until(waiting, row.accepted_at, last, gap, model)
        return min(until, row.deadline - model.upper(waiting + 1))

    def _batch(self, head: Head, now: float) -> Batch:
        rows = fill(self._line, head, self.latency_of(head.row.key), self._policy, now)
        batch = Batch(head.row.key, rows, now)
        self._suspects.stood_back(self._seconds(batch))
        return batch

    def _seconds(self, batch: Batch) -> float:
        return self.latency_of(batch.key).predict(len(batch.rows))

    def _learn(self, batch: Batch, seconds: float, now: float) -> None:
        shape, rows = self._shape_of(batch.key), len(batch.rows)
        self._latencies.of(shape).observe(rows, seconds)
        counts = [0] * len(Urgency)
        for row in batch.rows:
            counts[row.urgency] += 1
        self._drain.note(now, seconds, counts)
        if self._observer is not None:
            self._observer.on_batch(shape, rows, seconds, _waits(batch))

    def _land(self, row: Row, state: State, outcome: Any) -> None:
        """All who wait for a row get what came of it."""
        self._forget(row)
        for item in row.waiters:
            self._ledger.settle(item, state, outcome)


def _waits(batch: Batch) -> Mapping[Urgency, list[float]]:
    """Seconds that the items of a batch had waited when it was taken, by class; who joined later waited none."""
    waits: dict[Urgency, list[float]] = {}
    for row in batch.rows:
        for item in row.waiters:
            waits.setdefault(item.urgency, []).append(max(batch.taken_at - item.accepted_at, 0.0))
    return waits
