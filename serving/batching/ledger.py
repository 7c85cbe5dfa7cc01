"""Every accepted item until it is settled, and how many became what."""

from collections.abc import Callable, Iterator, Sequence
from math import inf
from typing import Any

from serving.batching.agenda import Agenda
from serving.batching.item import Item, State
from serving.batching.observer import BatchObserver, Counts
from serving.batching.refusals import Refusal
from serving.urgency import Urgency


class Ledger:
    """Items from acceptance to their one final state.

    Parameters
    ----------
    on_settled: told each item once, with its state and outcome set.
    """

    def __init__(self, on_settled: Callable[[Item], None], observer: BatchObserver | None) -> None:
        self.counts = Counts()
        self._on_settled = on_settled
        self._observer = observer
        self._open: list[dict[Item, None]] = [{} for _ in Urgency]  # in the order of acceptance
        self._deadlines: Agenda[Item] = Agenda()

    @property
    def depth(self) -> tuple[int, ...]:
        """Items accepted and not settled, by class."""
        return tuple(len(items) for items in self._open)

    @property
    def next_deadline(self) -> float:
        return self._deadlines.first_due

    def oldest_wait_seconds(self, now: float) -> tuple[float, ...]:
        return tuple(now - next(iter(items)).accepted_at if items else 0.0 for items in self._open)

    def enter(self, items: Sequence[Item], now: float) -> None:
        for item in items:
            item.accepted_at = now
            self._open[item.urgency][item] = None
            self.counts.accepted[item.urgency] += 1
            if item.deadline < inf:
                self._deadlines.put(item, item.deadline)

    def settle(self, item: Item, state: State, outcome: Any) -> None:
        item.state, item.outcome, item.row = state, outcome, None
        del self._open[item.urgency][item]
        self._deadlines.drop(item)
        self.counts.settled[state][item.urgency] += 1
        self._on_settled(item)

    def refuse(self, item: Item, state: State, refusal: Refusal) -> None:
        """Settle an item that is not computed."""
        self.settle(item, state, refusal)
        self._tell(refusal, item.urgency, 1)

    def turned_away(self, refusal: Refusal, urgency: Urgency, rows: int) -> None:
        """Rows that were not accepted."""
        self.counts.refused[urgency] += rows
        self._tell(refusal, urgency, rows)

    def overdue(self, now: float) -> Iterator[Item]:
        """Items whose deadline has come; whoever asks settles each before the next."""
        while self._deadlines.first_due <= now:
            item = self._deadlines.first()
            if item is not None:
                yield item

    def open_items(self) -> list[Item]:
        return [item for items in self._open for item in items]

    def _tell(self, refusal: Refusal, urgency: Urgency, rows: int) -> None:
        if self._observer is not None:
            self._observer.on_refused(urgency, refusal.reason, rows)
