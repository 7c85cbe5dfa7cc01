from collections import Counter

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from serving.prediction_log.backlog import Backlog, Load

MAX_ROWS, MAX_BYTES, FRAME = 8, 40, 12


class Bounded(RuleBasedStateMachine):
    """Against a list: nothing is reordered, written twice or missing without a count, and bounds hold."""

    def __init__(self) -> None:
        super().__init__()
        self.backlog = Backlog(MAX_ROWS, MAX_BYTES)
        self.kept: list[bytes] = []
        self.flying: list[Load] = []
        self.offered = self.taken = self.told = 0
        self.dropped: Counter[str] = Counter()

    @rule(size=st.integers(0, 15), at=st.integers(0, 100))
    def offer(self, size: int, at: int) -> None:
        row = bytes([self.offered % 256]) * size
        self.offered += 1
        waiting = [*self.kept, *(row for load in self.flying for row in load.rows)]
        fits = len(waiting) < MAX_ROWS and sum(map(len, waiting)) + size <= MAX_BYTES
        assert self.backlog.offer(row, at) is fits
        if fits:
            self.kept.append(row)
        else:
            self.backlog.drop("backlog_full", at)
            self.dropped["backlog_full"] += 1

    @rule(at=st.integers(0, 100))
    def drop(self, at: int) -> None:
        self.offered += 1
        self.backlog.drop("not_encodable", at)
        self.dropped["not_encodable"] += 1

    @rule()
    def take(self) -> None:
        load = self.backlog.take(FRAME)
        if load is None:
            assert not self.kept
            assert not self.dropped
            return
        assert load.rows == self.kept[: len(load.rows)]
        del self.kept[: len(load.rows)]
        assert {loss.reason: loss.count for loss in load.losses} == dict(self.dropped)
        assert all(loss.first_at <= loss.last_at <= load.last_at for loss in load.losses)
        self.dropped.clear()
        assert load.bytes == sum(map(len, load.rows))
        assert load.bytes <= FRAME or len(load.rows) == 1
        self.flying.append(load)

    @rule()
    def settle(self) -> None:
        if self.flying:
            load = self.flying.pop(0)
            self.backlog.settle(load)
            self.told += load.answers

    @invariant()
    def every_answer_is_somewhere(self) -> None:
        flying = [row for load in self.flying for row in load.rows]
        assert self.backlog.rows == len(self.kept) + len(flying) <= MAX_ROWS
        assert self.backlog.bytes == sum(map(len, [*self.kept, *flying])) <= MAX_BYTES
        waiting = len(self.kept) + sum(load.answers for load in self.flying) + sum(self.dropped.values())
        assert self.offered == self.told + waiting


TestBounded = Bounded.TestCase
TestBounded.settings = hypothesis_settings(max_examples=60, stateful_step_count=40, deadline=None, derandomize=True)


def test_a_loss_spans_the_times_of_its_answers() -> None:
    backlog = Backlog(0, 0)
    for at in (7, 3, 5):
        assert not backlog.offer(b"", at)
        backlog.drop("backlog_full", at)
    load = backlog.take(FRAME)
    assert load is not None
    (loss,) = load.losses
    assert (loss.reason, loss.count, loss.first_at, loss.last_at) == ("backlog_full", 3, 3, 7)
