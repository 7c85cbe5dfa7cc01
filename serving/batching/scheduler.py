"""Which rows are computed next, and what becomes of each: decisions only, on a clock that is an argument."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from math import inf
from typing import Any

from lintel.errors import UnavailableError
from serving.batching.agenda import Agenda
from serving.batching.arrivals import Arrivals, company_until
from serving.batching.drain import DrainRate
from serving.batching.filling import fill, least_seconds
from serving.batching.isolation import Batch, parts
from serving.batching.item import Item, Place, Row, State, wanted
from serving.batching.latency import LatencyModel, LatencyModels
from serving.batching.line import Head, Line
from serving.batching.observer import BatchObserver, Counts
from serving.batching.policy import BatchingPolicy
from serving.batching.refusals import Cancelled, DeadlinePassed, QueueFull, Refusal, ShuttingDown
from serving.batching.turns import Turns
from serving.urgency import Urgency


def _itself(key: Hashable) -> Hashable:
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
        shape_of: Callable[[Hashable], Hashable] = _itself,
        party_of: Callable[[Hashable], Hashable] = _itself,
        outages: tuple[type[Exception], ...] = (UnavailableError,),
        observer: BatchObserver | None = None,
    ) -> None:
        self.counts = Counts()
        self._policy = policy
        self._on_settled = on_settled
        self._shape_of = shape_of
        self._outages = outages
        self._observer = observer
        self._line = Line(policy, party_of)
        self._open: list[dict[Item, None]] = [{} for _ in Urgency]  # not settled, in the order of acceptance
        self._deadlines: Agenda[Item] = Agenda()
        self._flights: dict[Hashable, Row] = {}
        self._suspects: list[Batch] = []
        self._suspect_turns = Turns(policy.aged_share)
        self._latencies = LatencyModels()
        self._arrivals = Arrivals()
        self._drain = DrainRate(policy.lookback_seconds)
        self._closed = False

    @property
    def depth(self) -> tuple[int, ...]:
        """Rows accepted and not settled, by class."""
        return tuple(len(items) for items in self._open)

    @property
    def next_deadline(self) -> float:
        """When `expire` has something to do; infinity if nothing waits for a deadline."""
        return self._deadlines.first_due

    def oldest_wait_seconds(self, now: float) -> tuple[float, ...]:
        """Of the row of each class that has waited longest; 0 if none waits."""
        return tuple(now - next(iter(items)).accepted_at if items else 0.0 for items in self._open)

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
        needed = [0] * len(Urgency)
        for item in items:
            needed[item.urgency] += 1
        self._check_room(needed, now)
        for urgency, rows in enumerate(needed):
            self.counts.accepted[urgency] += rows
        for item in items:
            self._accept(item, now)
        for key in {item.key: None for item in items}:
            self._arrivals.note(key, now)

    def cancel(self, items: Iterable[Item], now: float) -> None:
        """Nobody waits for these items any more; others that share their rows still get an answer."""
        for item in items:
            if item.state is State.WAITING:
                self._withdraw(item, State.CANCELLED, Cancelled("Whoever asked has gone."), now)

    def expire(self, now: float) -> None:
        """Settle the items whose deadline has come, wherever their rows are."""
        while self._deadlines.first_due <= now:
            item = self._deadlines.pop()
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
        if batch.isolation is not None:
            batch.isolation.failed_in_a_row = 0
        for row, result in zip(batch.rows, results, strict=True):
            self._land(row, State.FAILED if isinstance(result, Exception) else State.ANSWERED, result)

    def failed(self, batch: Batch, error: Exception, now: float) -> None:
        """A batch raised: divide it to find the row at fault, unless it is one row, or none's fault."""
        self.expire(now)
        single = len(batch.rows) == 1
        given_up = batch.isolation is not None and batch.isolation.given_up
        if single and batch.isolation is not None:
            batch.isolation.failed_in_a_row += 1
        if single or given_up or isinstance(error, self._outages):
            for row in batch.rows:
                self._land(row, State.FAILED, error)
            return
        for row in batch.rows:
            self._suspend(row)
        self._suspects.extend(reversed(parts(batch)))

    def close(self) -> None:
        """Accept nothing more; what was accepted goes on."""
        self._closed = True

    def shut(self, now: float) -> None:
        """Refuse everything that is not settled, also what is being computed."""
        self.close()
        error = ShuttingDown("This worker stopped before the row was computed.")
        for items in self._open:
            for item in list(items):
                self._withdraw(item, State.SHUT, error, now)
        self._suspects.clear()

    def _check_room(self, needed: Sequence[int], now: float) -> None:
        for urgency in Urgency:
            rows, bound = needed[urgency], int(self._policy.bound_rows[urgency])
            if rows and self._closed:
                raise self._refused(ShuttingDown("This worker is stopping."), urgency, rows)
            if rows and len(self._open[urgency]) + rows > bound:
                after = self.retry_after(urgency, rows, now)
                message = f"The queue for {urgency.label} rows has no room for {rows} more; it holds at most {bound}."
                raise self._refused(QueueFull(message, retry_after_seconds=after), urgency, rows)

    def _refused(self, refusal: Refusal, urgency: Urgency, rows: int) -> Refusal:
        self.counts.refused[urgency] += rows
        if self._observer is not None:
            self._observer.on_refused(urgency, refusal.reason, rows)
        return refusal

    def _accept(self, item: Item, now: float) -> None:
        item.accepted_at = now
        self._open[item.urgency][item] = None
        if item.deadline < inf:
            self._deadlines.put(item, item.deadline)
        row = None if item.flight is None else self._flights.get((item.key, item.flight))
        if row is not None:
            self._join(item, row, now)
            return
        row = item.row = Row.of(item)
        if row.flight is not None:
            self._flights[row.flight] = row
        self._line.add(row, now)

    def _join(self, item: Item, row: Row, now: float) -> None:
        self.counts.joined[item.urgency] += 1
        item.row = row
        row.waiters[item] = None
        self._renew(row, now)

    def _renew(self, row: Row, now: float) -> None:
        if row.renew() and row.place is Place.QUEUED:
            self._line.renew(row, now)

    def _withdraw(self, item: Item, state: State, error: Refusal, now: float) -> None:
        """Settle an item that gets no answer. Its row is dropped if nobody else waits for it and it is not computed
        already."""
        row = item.row
        self._settle(item, state, error)
        if self._observer is not None:
            self._observer.on_refused(item.urgency, error.reason, 1)
        if row is None:
            return
        del row.waiters[item]
        if row.waiters:
            self._renew(row, now)
        elif row.place is not Place.COMPUTING:
            if row.place is Place.QUEUED:
                self._line.drop(row)
            self._forget(row)

    def _settle(self, item: Item, state: State, outcome: Any) -> None:
        item.state, item.outcome, item.row = state, outcome, None
        del self._open[item.urgency][item]
        self._deadlines.drop(item)
        self.counts.settled[state][item.urgency] += 1
        self._on_settled(item)

    def _forget(self, row: Row) -> None:
        """Nothing will come of a row any more."""
        row.place = Place.GONE
        if row.flight is not None:
            del self._flights[row.flight]

    def _feasible_head(self, now: float) -> Head | None:
        """The row that comes next; those that cannot be computed in time any more are given up. The last of a queue
        is not: computing it costs nobody anything, and may show that the estimate is too high."""
        while (head := self._line.head()) is not None:
            queue = head.lane.queue(head.row.key)
            least = least_seconds(queue, self.latency_of(head.row.key), self._policy) if queue else 0.0
            if queue is None or len(queue) == 1 or head.row.deadline >= now + least:
                return head
            for item in [one for one in head.row.waiters if one.deadline < now + least]:
                error = DeadlinePassed("There was no time left to compute an answer before the deadline.")
                self._withdraw(item, State.EXPIRED, error, now)
        return None

    def _suspect(self, head: Head | None, now: float) -> Batch | None:
        """A part of a failed batch, unless more urgent rows wait: then only in its share of the time."""
        while self._suspects and (head is None or self._suspect_goes_first(head)):
            part = self._suspects.pop()
            rows = wanted(part.rows)
            if rows:
                batch = Batch(part.key, rows, now, part.isolation)
                self._suspect_turns.took(self._seconds(batch), others_wait=head is not None)
                for row in rows:
                    row.place = Place.COMPUTING
                return batch
        return None

    def _suspect_goes_first(self, head: Head) -> bool:
        return self._suspects[-1].urgency <= head.row.level or self._suspect_turns.due

    def _company_until(self, head: Head, now: float) -> float:
        row, model = head.row, self.latency_of(head.row.key)
        waiting = sum(len(queue) for lane in self._line.lanes() if (queue := lane.queue(row.key)))
        last, gap = self._arrivals.last(row.key), self._arrivals.gap(row.key, now)
        until = company_until(waiting, row.accepted_at, last, gap, model)
        return min(until, row.deadline - model.upper(waiting))

    def _batch(self, head: Head, now: float) -> Batch:
        rows = fill(self._line, head, self.latency_of(head.row.key), self._policy, now)
        batch = Batch(head.row.key, rows, now)
        self._suspect_turns.stood_back(self._seconds(batch))
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
            self._settle(item, state, outcome)

    def _suspend(self, row: Row) -> None:
        if row.waiters:
            row.place = Place.SUSPECT
        else:
            self._forget(row)


def _waits(batch: Batch) -> Mapping[Urgency, list[float]]:
    """Seconds that the items of a batch had waited when it was taken, by class; who joined later waited none."""
    waits: dict[Urgency, list[float]] = {}
    for row in batch.rows:
        for item in row.waiters:
            waits.setdefault(item.urgency, []).append(max(batch.taken_at - item.accepted_at, 0.0))
    return waits
