"""The life of workers: started, ready, retired, replaced; never more crash-restarts than the back-off allows."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from serving.autoscaling.fleet import MOST_BACK_OFF_SECONDS, Fleet, Limits, State, Worker


@dataclass
class Stub:
    """A process that ends when it is told, or when a test ends it."""

    pid: int
    code: int | None = None
    asked: list[str] = field(default_factory=list)

    def poll(self) -> int | None:
        return self.code

    def terminate(self) -> None:
        self.asked.append("terminate")

    def kill(self) -> None:
        self.asked.append("kill")
        self.code = -9


class Pool:
    """A fleet of stubs and all processes that it ever started."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.processes: list[Stub] = []
        self.retired: list[int] = []
        self._pids: Iterator[int] = count(100)
        self.fleet = Fleet(self._start, self.retired.append, limits or Limits())

    def _start(self, number: int) -> Stub:
        self.processes.append(Stub(next(self._pids)))
        return self.processes[-1]

    def ready(self, now: float) -> None:
        for worker in self.fleet.workers:
            self.fleet.hear(now, worker.process.pid, 0)


def test_it_starts_as_many_as_wanted_and_knows_them_by_their_first_report() -> None:
    pool = Pool()
    pool.fleet.step(0.0, 3)
    assert [worker.number for worker in pool.fleet.workers] == [1, 2, 3]
    assert pool.fleet.ready == []
    pool.ready(1.0)
    assert len(pool.fleet.ready) == 3


def test_the_newest_go_first_and_those_that_have_not_begun_before_them() -> None:
    pool = Pool()
    pool.fleet.step(0.0, 2)
    pool.ready(1.0)
    pool.fleet.step(2.0, 3)
    pool.fleet.step(3.0, 1)
    states = {worker.number: worker.state for worker in pool.fleet.workers}
    assert states == {1: State.READY, 2: State.RETIRING, 3: State.STOPPING}
    assert pool.retired == [pool.processes[1].pid]
    assert pool.processes[2].asked == ["terminate"]


def test_numbers_are_used_again() -> None:
    pool = Pool()
    pool.fleet.step(0.0, 3)
    pool.ready(0.0)
    pool.processes[1].code = 1
    pool.fleet.step(1.0, 3)
    pool.fleet.step(10.0, 3)
    assert sorted(worker.number for worker in pool.fleet.workers) == [1, 2, 3]


def test_a_crash_is_replaced_after_a_back_off_that_grows_to_its_bound() -> None:
    pool = Pool()
    pool.fleet.step(0.0, 1)
    pool.ready(0.0)
    now, pauses = 0.0, []
    for _ in range(10):
        pool.processes[-1].code = 1
        crashed, started = now, len(pool.processes)
        while len(pool.processes) == started:
            pool.fleet.step(now, 1)
            now += 0.25
        pauses.append(now - crashed)
        pool.ready(now)
    assert pauses == sorted(pauses)
    assert pauses[0] < 1.5
    assert pauses[-1] == pytest.approx(MOST_BACK_OFF_SECONDS, abs=1)


def test_a_worker_that_was_steady_is_replaced_soon() -> None:
    pool = Pool()
    pool.fleet.step(0.0, 1)
    for now in (0.0, 100.0, 200.0, 300.0):
        pool.ready(now)
        pool.processes[-1].code = 1
        pool.fleet.step(now + 90, 1)
        pool.fleet.step(now + 91, 1)
    assert len(pool.processes) == 5


def test_one_that_does_not_get_ready_is_killed_and_replaced() -> None:
    pool = Pool(Limits(to_start=5.0))
    pool.fleet.step(0.0, 1)
    pool.ready(0.0)
    pool.fleet.step(1.0, 2)
    pool.fleet.step(7.0, 2)
    assert pool.processes[1].asked == ["kill"]
    pool.fleet.step(7.5, 2)
    pool.fleet.step(9.0, 2)
    assert len(pool.processes) == 3


def test_a_night_of_crashes_does_not_end_the_supervisor() -> None:
    pool = Pool()
    pool.fleet.step(0.0, 1)
    pool.ready(0.0)
    for crash in range(1, 1_200):
        pool.processes[-1].code = 1
        pool.fleet.step(100.0 * crash, 1)
        pool.fleet.step(100.0 * crash + 50, 1)
    assert len(pool.processes) == 1_200


def test_one_that_falls_silent_is_killed_and_replaced_and_others_are_left_alone() -> None:
    pool = Pool(Limits(to_report=20.0))
    pool.fleet.step(0.0, 2)
    pool.ready(0.0)
    silent, other = pool.processes
    for now in (10.0, 19.0, 21.0, 30.0, 31.0):
        pool.fleet.hear(now, other.pid, 0)
        pool.fleet.step(now, 2)
    assert (silent.asked, other.asked) == (["kill"], [])
    assert len(pool.processes) == 3


def test_one_that_the_system_cannot_start_is_tried_again_after_a_back_off() -> None:
    pool = Pool()
    pool.fleet.step(0.0, 1)
    pool.ready(0.0)
    begin, tries = pool.fleet.start, []

    def fail(number: int) -> Stub:
        tries.append(number)
        raise BlockingIOError("no process can be had now")

    pool.fleet.start = fail
    for _ in range(5):
        pool.fleet.step(1.0, 2)
    assert (tries, pool.fleet.exit_code) == ([2], None)
    pool.fleet.start = begin
    pool.fleet.step(3.0, 2)
    assert len(pool.fleet.serving) == 2


def test_a_first_worker_that_cannot_be_started_ends_it_all() -> None:
    pool = Pool()

    def fail(number: int) -> Stub:
        raise FileNotFoundError("no folder to start it in")

    pool.fleet.start = fail
    pool.fleet.step(0.0, 1)
    assert pool.fleet.exit_code == 1


def test_what_the_first_worker_lacks_ends_it_all() -> None:
    pool = Pool()
    pool.fleet.step(0.0, 1)
    pool.processes[0].code = 3
    pool.fleet.step(1.0, 1)
    assert pool.fleet.exit_code == 3


def test_one_that_does_not_retire_is_asked_harder_and_then_killed() -> None:
    pool = Pool(Limits(to_retire=10.0, to_stop=5.0))
    pool.fleet.step(0.0, 2)
    pool.ready(0.0)
    for now in (1.0, 12.0, 18.0):
        pool.fleet.step(now, 1)
    assert pool.processes[1].asked == ["terminate", "kill"]


def test_all_are_stopped_and_none_is_started_meanwhile() -> None:
    pool = Pool(Limits(to_stop=5.0))
    pool.fleet.step(0.0, 2)
    pool.ready(0.0)
    assert not pool.fleet.stop(1.0)
    pool.processes[0].code = 0
    assert not pool.fleet.stop(2.0)
    assert not pool.fleet.stop(7.0)
    assert pool.fleet.stop(8.0)
    assert [process.asked for process in pool.processes] == [["terminate"], ["terminate", "kill"]]


class AnyLife(RuleBasedStateMachine):
    """Whatever becomes of the processes: no more serve than are wanted, numbers are unique, nobody is forgotten."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = Pool(Limits(to_start=20.0, to_retire=10.0, to_stop=5.0))
        self.now, self.wanted = 0.0, 1
        self._step()

    def _step(self) -> None:
        self.pool.fleet.step(self.now, self.wanted)

    @rule(seconds=st.floats(0.1, 30))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self._step()

    @rule(wanted=st.integers(1, 6))
    def want(self, wanted: int) -> None:
        self.wanted = wanted
        self._step()

    @rule()
    def report(self) -> None:
        self.pool.ready(self.now)

    @precondition(lambda self: self.pool.fleet.workers)
    @rule(data=st.data())
    def end_one(self, data: st.DataObject) -> None:
        worker: Worker = data.draw(st.sampled_from(self.pool.fleet.workers))
        next(one for one in self.pool.processes if one.pid == worker.process.pid).code = 1
        self._step()

    @invariant()
    def as_many_as_wanted_at_most(self) -> None:
        assert len(self.pool.fleet.serving) <= self.wanted

    @invariant()
    def numbers_are_unique(self) -> None:
        numbers = [worker.number for worker in self.pool.fleet.workers]
        assert len(numbers) == len(set(numbers))

    @invariant()
    def nobody_lives_unknown(self) -> None:
        alive = {process.pid for process in self.pool.processes if process.code is None}
        assert alive <= {worker.process.pid for worker in self.pool.fleet.workers}

    def teardown(self) -> None:
        """Left in peace, it comes to what is wanted."""
        for _ in range(200):
            self.now += 1.0
            self.pool.ready(self.now)
            self._step()
        assert len(self.pool.fleet.ready) == self.wanted == len(self.pool.fleet.workers)


TestAnyLife = AnyLife.TestCase
TestAnyLife.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)
