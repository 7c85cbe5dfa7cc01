"""The policy: bounds, monotony, no flapping at constant load, recovery from any history."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.settings import Settings
from serving.autoscaling.policy import Decision, Policy, PolicySettings, Reason, WorkerLoad, policy_settings

MOST = 20
SETTINGS = PolicySettings(least=1, most=MOST, down_look_back_seconds=60.0)
RATE = 100.0


def loads(offered: float, workers: int, *, wait: float = 0.0, rows: int = 0) -> list[WorkerLoad]:
    """`offered` in workers, spread evenly; what they cannot take they refuse."""
    share = offered / workers
    return [WorkerLoad(pid, min(1.0, share), wait, rows // workers, RATE, share * RATE) for pid in range(workers)]


def run(policy: Policy, offered: float, *, start: float, seconds: int, wait: float = 0.0) -> list[int]:
    """What it wants each second, where every worker that is wanted is there a second later."""
    workers = policy.wanted(start).workers
    wanted = []
    for second in range(seconds):
        policy.observe(start + second, loads(offered, workers, wait=wait))
        workers = policy.wanted(start + second).workers
        wanted.append(workers)
    return wanted


any_load = st.builds(
    WorkerLoad,
    pid=st.integers(1, 50),
    utilisation=st.floats(0, 1),
    queue_wait_seconds=st.floats(0, 10),
    queue_rows=st.integers(0, 100_000),
    drain_rate=st.floats(0, 10_000),
    offered_rate=st.floats(0, 1e6),
)
histories = st.lists(st.tuples(st.floats(0, 400), st.lists(any_load, max_size=5), st.integers(0, 30)), max_size=30)


def replayed(policy: Policy, history: list[tuple[float, list[WorkerLoad], int]]) -> tuple[float, list[Decision]]:
    now, decisions = 0.0, []
    for pause, reports, running in history:
        now += pause
        policy.observe(now, reports, running=running)
        decisions.append(policy.wanted(now))
    return now, decisions


@given(histories, st.integers(1, 10), st.integers(0, 90))
def test_bounds_hold_always(history: list[tuple[float, list[WorkerLoad], int]], least: int, more: int) -> None:
    policy = Policy(PolicySettings(least=least, most=least + more))
    _, decisions = replayed(policy, history)
    assert all(least <= decision.workers <= least + more for decision in decisions)


@given(st.floats(0, 10), st.sampled_from([0.0, 0.04]))
def test_constant_load_is_answered_once_and_for_all(offered: float, wait: float) -> None:
    wanted = run(Policy(SETTINGS), offered, start=0.0, seconds=300, wait=wait)
    enough = max(1, -(-offered // SETTINGS.target_utilisation))
    assert wanted[-1] == pytest.approx(enough, abs=1)
    settled = wanted[20:]
    assert len(set(settled)) == 1
    assert offered / settled[-1] <= SETTINGS.target_utilisation + 1e-6


@given(st.floats(0, 10), st.floats(0, 10))
def test_more_load_never_wants_fewer(one: float, other: float) -> None:
    less, more = sorted([one, other])
    wanted = [run(Policy(SETTINGS), offered, start=0.0, seconds=30) for offered in (less, more)]
    assert all(low <= high for low, high in zip(*wanted, strict=True))


busyness = st.tuples(st.floats(0, 1), st.floats(0, 5), st.integers(0, 5000))


@given(busyness, busyness)
def test_one_busier_report_never_wants_fewer(one: tuple[float, float, int], more: tuple[float, float, int]) -> None:
    def wanted(utilisation: float, queue_wait: float, rows: int) -> int:
        policy = Policy(SETTINGS)
        policy.observe(0.0, [WorkerLoad(1, min(1.0, utilisation), queue_wait, rows, RATE)])
        return policy.wanted(0.0).workers

    assert wanted(*one) <= wanted(one[0] + more[0], one[1] + more[1], one[2] + more[2])


@given(histories, st.floats(0, 10))
def test_it_recovers_from_any_history(history: list[tuple[float, list[WorkerLoad], int]], offered: float) -> None:
    policy = Policy(SETTINGS)
    now, _ = replayed(policy, history)
    wanted = run(policy, offered, start=now + 1, seconds=240)
    assert wanted[-1] == run(Policy(SETTINGS), offered, start=0.0, seconds=240)[-1]


def test_a_surge_of_ten_times_is_answered_within_the_look_back() -> None:
    policy = Policy(SETTINGS)
    run(policy, 0.6, start=0.0, seconds=60)
    assert run(policy, 6.0, start=60.0, seconds=5)[-1] == 9


def test_a_share_of_time_alone_grows_step_by_step() -> None:
    """Where no rate is told, a full worker says no more than that it is full."""
    policy = Policy(SETTINGS)
    policy.observe(0.0, [WorkerLoad(1, 1.0)])
    assert policy.wanted(0.0) == Decision(2, Reason.UTILISATION)


def test_rows_that_wait_too_long_add_a_worker_and_no_more_until_it_is_there() -> None:
    policy = Policy(SETTINGS)
    for now in range(30):
        policy.observe(now, [WorkerLoad(1, 0.5, queue_wait_seconds=0.2)])
        policy.wanted(now)
    assert policy.wanted(30) == Decision(2, Reason.HOLD)
    for now in range(31, 40):
        policy.observe(now, [WorkerLoad(pid, 0.3, queue_wait_seconds=0.2) for pid in (1, 2)])
        policy.wanted(now)
    assert policy.wanted(40).workers > 2


def test_a_backlog_asks_for_what_clears_it() -> None:
    policy = Policy(SETTINGS)
    policy.observe(0.0, [WorkerLoad(1, 1.0, 3.0, queue_rows=int(5 * RATE * SETTINGS.clear_seconds), drain_rate=RATE)])
    assert policy.wanted(0.0) == Decision(7, Reason.QUEUE_WAIT)


def test_a_dip_shorter_than_the_look_back_takes_nobody_away() -> None:
    policy = Policy(SETTINGS)
    before = run(policy, 3.0, start=0.0, seconds=100)[-1]
    assert set(run(policy, 0.1, start=100.0, seconds=50)) == {before}
    assert run(policy, 0.1, start=150.0, seconds=50)[-1] == 1


def test_who_does_not_report_is_not_idle() -> None:
    policy = Policy(SETTINGS)
    before = run(policy, 3.0, start=0.0, seconds=100)[-1]
    for now in range(100, 400):
        policy.observe(now, [], running=before)
        assert policy.wanted(now) == Decision(before, Reason.HOLD if now < 102 else Reason.UNKNOWN)
    policy.observe(400, loads(0.0, 2), running=before)
    assert policy.wanted(400).workers == before


def test_a_worker_that_is_silent_among_others_counts_as_needed() -> None:
    policy = Policy(SETTINGS)
    for now in range(200):
        policy.observe(now, loads(0.0, 1), running=3)
        policy.wanted(now)
    run(policy, 5.0, start=200.0, seconds=10)
    for now in range(210, 400):
        policy.observe(now, loads(0.0, 1), running=4)
        policy.wanted(now)
    assert policy.wanted(400).workers == 3


def test_after_a_gap_nobody_is_taken_away_on_one_report() -> None:
    policy = Policy(SETTINGS)
    before = run(policy, 3.0, start=0.0, seconds=100)[-1]
    policy.observe(1000.0, loads(0.0, before))
    assert policy.wanted(1000.0) == Decision(before, Reason.COOL_DOWN)


def test_settings_give_the_bounds() -> None:
    fixed = policy_settings(Settings(inference_workers=3))
    assert (fixed.least, fixed.most) == (3, 3)
    scaled = policy_settings(Settings(inference_workers=2, inference_workers_max=8, scaling_utilisation=0.5))
    assert (scaled.least, scaled.most, scaled.target_utilisation) == (2, 8, 0.5)
    assert policy_settings(Settings(inference_workers=4, inference_workers_max=2)).most == 4
