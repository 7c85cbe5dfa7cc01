"""Fair shares and deadlines, beside an oracle of lists."""

from dataclasses import dataclass, field
from math import inf

from hypothesis import given, settings
from hypothesis import strategies as st

from serving.batching.item import Row
from serving.batching.lane import Lane
from serving.urgency import Urgency

AHEAD = 2.0


def row(key: str) -> Row:
    return Row(key, None, Urgency.BULK, inf, 0.0, {})


@dataclass
class NaiveLane:
    """The same rules, found anew each time by going through everything."""

    waiting: list[tuple[float, int, Row]] = field(default_factory=list)
    had: dict[str, float] = field(default_factory=dict)
    resting: dict[str, None] = field(default_factory=dict)  # in the order in which they began to
    debts: dict[str, float] = field(default_factory=dict)
    time: float = 0.0

    def add(self, new: Row, due: float, order: int) -> None:
        party = str(new.key)[0]
        if party not in self.had:
            self.had[party] = max(self.time, self.debts.pop(party, 0.0))
            if self.had[party] > self.time + AHEAD:
                self.resting[party] = None
        self.waiting.append((due, order, new))

    def leave(self, gone: Row, cost: float | None = None) -> None:
        party = str(gone.key)[0]
        self.waiting = [entry for entry in self.waiting if entry[2] is not gone]
        if cost is not None:
            self.had[party] += cost
            self.time += cost / len(self.had)
        if not any(str(entry[2].key)[0] == party for entry in self.waiting):
            if self.had[party] > self.time:
                self.debts[party] = self.had[party]
            del self.had[party]
            self.resting.pop(party, None)
            self.debts, self.time = (self.debts, self.time) if self.had else ({}, 0.0)
        elif cost is not None and self.had[party] > self.time + AHEAD:
            self.resting[party] = None

    def head_due(self) -> float | None:
        self.resting = {party: None for party in self.resting if self.had[party] > self.time + AHEAD}
        if self.had and len(self.resting) == len(self.had):
            del self.resting[min(self.resting, key=lambda party: self.had[party])]
        return min((due for due, _, one in self.waiting if str(one.key)[0] not in self.resting), default=None)


@settings(max_examples=200)
@given(st.data())
def test_its_head_is_the_earliest_of_those_that_had_no_more_than_their_share(data: st.DataObject) -> None:
    lane, naive = Lane(lambda key: str(key)[0], AHEAD), NaiveLane()
    where: dict[Row, float] = {}
    for order in range(data.draw(st.integers(1, 40))):
        what = data.draw(st.sampled_from(["add", "add", "take", "drop"]))
        if what == "add":
            new, due = row(data.draw(st.sampled_from(["a1", "a2", "b1", "c1"]))), float(data.draw(st.integers(0, 9)))
            lane.add(new, due)
            naive.add(new, due, order)
            where[new] = due
        elif what == "drop" and where:
            gone = data.draw(st.sampled_from(list(where)))
            lane.drop(gone)
            naive.leave(gone)
            del where[gone]
        elif what == "take" and (head := lane.head()) is not None:
            queue = lane.queue(head.key)
            assert queue is not None
            assert queue.pop() is head
            cost = data.draw(st.sampled_from([0.25, 1.0, 4.0]))
            lane.charge(head.key, cost)
            naive.leave(head, cost)
            del where[head]
        head = lane.head()
        assert bool(lane) == bool(naive.waiting)
        assert (where[head] if head else None) == naive.head_due()


def served(lane: Lane, turns: int, again: dict[str, float]) -> dict[str, int]:
    """Whose rows head so many batches of one second, when those of `again` always come back with that due time."""
    count = dict.fromkeys(again, 0)
    for name, due in again.items():
        lane.add(row(name), due)
    for _ in range(turns):
        head = lane.head()
        assert head is not None
        name = str(head.key)
        queue = lane.queue(name)
        assert queue is not None
        queue.pop()
        lane.charge(name, 1.0)
        count[name] += 1
        lane.add(row(name), again[name])  # after the charge: the party had left, with its debt
    return count


def test_a_party_with_early_deadlines_does_not_starve_another() -> None:
    assert abs(served(Lane(lambda key: key, AHEAD), 100, {"early": 0.0, "late": 9.0})["late"] - 50) <= AHEAD + 1


def test_many_keys_of_one_party_get_the_share_of_one() -> None:
    keys = {f"a{number}": 0.0 for number in range(9)} | {"b0": 9.0}
    assert abs(served(Lane(lambda key: str(key)[0], AHEAD), 100, keys)["b0"] - 50) <= AHEAD + 1


def test_without_a_flood_deadlines_alone_decide() -> None:
    lane = Lane(lambda key: key, AHEAD)
    for name, due in {"b": 2.0, "a": 3.0, "c": 1.0}.items():
        lane.add(row(name), due)
    order = []
    while (head := lane.head()) is not None:
        order.append(head.key)
        lane.drop(head)
    assert order == ["c", "b", "a"]


def test_it_forgets_parties_that_left() -> None:
    lane = Lane(lambda key: key, AHEAD)
    stays = row("stays")
    lane.add(stays, inf)
    for number in range(5_000):
        name = f"party-{number}"
        lane.add(row(name), 0.0)
        queue = lane.queue(name)
        assert queue is not None
        queue.pop()
        lane.charge(name, 5.0)
    assert len(lane._debts) <= 1_024
    assert len(lane._parties) == 1
