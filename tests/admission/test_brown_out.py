from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lintel.settings import Settings
from serving.brown_out import BrownOut, BrownOutPolicy, Level, policy_of
from serving.urgency import Urgency
from tests.admission.overload import ROW_SECONDS, Outcome, Stream, Worker

INTERACTIVE, EVENT, BULK = Urgency.INTERACTIVE, Urgency.EVENT, Urgency.BULK
NORMAL, NO_EXPLANATIONS, SHED_BULK, SHED_EVENT, LIGHT = Level
CAPACITY = 1 / ROW_SECONDS  # rows a second
POLICY = BrownOutPolicy()
TICK = 0.021  # the level is worked out no more often


class Driven:
    """A brown-out that is asked and told of requests at a steady pace."""

    def __init__(self) -> None:
        self.now = 100.0
        self.changes: list[tuple[float, Level]] = []
        self.brown_out = BrownOut(observer=lambda level: self.changes.append((self.now, level)))

    @property
    def level(self) -> Level:
        return self.brown_out.level(self.now)

    def go(
        self,
        seconds: float,
        latency: float | None,
        *,
        asking: bool = True,
        per_second: int = 50,
        wait: float | None = None,
    ) -> None:
        for _ in range(round(seconds * per_second)):
            self.now += 1 / per_second
            if latency is not None:
                self.brown_out.observe(latency, self.now)
            if wait is not None:
                self.brown_out.observe_wait(wait, self.now)
            if asking:
                self.brown_out.explains(self.now)
                self.brown_out.sheds(EVENT, self.now)
                self.brown_out.sheds(BULK, self.now)
            self.brown_out.takes_light_model(self.now)


@pytest.fixture
def driven() -> Driven:
    return Driven()


def test_every_level_withholds_what_its_name_says_and_all_before_it(driven: Driven) -> None:
    seen = {}
    for _ in range(800):
        driven.go(0.02, 0.3)
        brown_out, now = driven.brown_out, driven.now
        seen[driven.level] = (
            brown_out.explains(now),
            brown_out.sheds(BULK, now),
            brown_out.sheds(EVENT, now),
            brown_out.sheds(INTERACTIVE, now),
            brown_out.takes_light_model(now),
        )
    assert seen == {
        NORMAL: (True, False, False, False, False),
        NO_EXPLANATIONS: (False, False, False, False, False),
        SHED_BULK: (False, True, False, False, False),
        SHED_EVENT: (False, True, True, False, False),
        LIGHT: (False, True, True, False, True),
    }
    assert [level for _, level in driven.changes] == [NO_EXPLANATIONS, SHED_BULK, SHED_EVENT, LIGHT]


def test_fast_requests_change_nothing(driven: Driven) -> None:
    driven.go(60.0, 0.09, wait=0.07)
    assert driven.changes == []


def test_one_slow_request_is_chance(driven: Driven) -> None:
    driven.brown_out.observe(5.0, driven.now)
    driven.go(1.0, None)
    driven.go(20.0, 0.01)
    driven.brown_out.observe(5.0, driven.now)
    driven.go(1.0, 0.01)
    assert driven.changes == []


def test_two_slow_requests_are_chance_however_few_there_are(driven: Driven) -> None:
    driven.go(0.2, 0.01)
    for _ in range(2):
        driven.brown_out.observe(0.5, driven.now)
    driven.go(0.1, None)
    assert driven.changes == []
    driven.brown_out.observe(0.5, driven.now)
    driven.go(0.1, None)
    assert driven.level is NO_EXPLANATIONS


def test_a_few_slow_requests_without_others_are_too_few_to_judge_by(driven: Driven) -> None:
    for _ in range(POLICY.minimum_samples - 1):
        driven.brown_out.observe(0.5, driven.now)
    driven.go(1.0, None)
    assert driven.changes == []
    driven.go(1 / 50, 0.5)
    assert driven.level is NO_EXPLANATIONS


def test_slow_ones_within_the_objective_change_nothing(driven: Driven) -> None:
    for _ in range(60):
        driven.go(0.5, 0.01, per_second=400)
        driven.brown_out.observe(0.2, driven.now)  # one of 200
    assert driven.changes == []


def test_slow_ones_beyond_the_objective_raise_it(driven: Driven) -> None:
    for _ in range(60):
        driven.go(0.05, 0.01, per_second=400)
        driven.brown_out.observe(0.2, driven.now)  # one of 20
    assert driven.changes[0][1] is NO_EXPLANATIONS


def test_rows_that_wait_long_count_before_they_are_answered(driven: Driven) -> None:
    driven.go(1.0, None, wait=0.09)
    assert driven.level > NORMAL


def test_levels_that_nobody_asks_for_are_passed_over(driven: Driven) -> None:
    for _ in range(100):
        driven.now += 0.02
        driven.brown_out.sheds(BULK, driven.now)
        driven.brown_out.observe(0.3, driven.now)
    assert [level for _, level in driven.changes][:2] == [SHED_BULK, LIGHT]


def test_an_idle_worker_is_not_helped_by_doing_less(driven: Driven) -> None:
    for _ in range(500):
        driven.brown_out.observe_utilisation(0.3, driven.now)
        driven.go(0.02, 0.5)
    assert driven.changes == []
    driven.go(POLICY.window_seconds + 1, 0.5)  # what it last said of itself is too old
    assert driven.level > NORMAL


def test_requests_that_began_before_a_level_do_not_speak_of_it(driven: Driven) -> None:
    while driven.level is NORMAL:
        driven.go(0.02, 0.4)
    entered = driven.now
    while driven.level is NO_EXPLANATIONS:
        driven.go(0.02, 0.4)
    assert driven.now - entered >= 0.4 + 0.4


@pytest.mark.parametrize("traffic_after", ["none", "health checks", "interactive", "some of all"])
def test_recovers_within_five_seconds_of_the_end_of_the_load(driven: Driven, traffic_after: str) -> None:
    driven.go(20.0, 0.3)
    assert driven.level is LIGHT
    ended = driven.now
    if traffic_after == "none":
        driven.now += 4.9
    elif traffic_after == "health checks":
        for _ in range(4):
            driven.now += 1.2
            assert driven.level <= LIGHT
    elif traffic_after == "interactive":
        driven.go(4.9, 0.01, asking=False)
    else:
        driven.go(4.9, 0.01, per_second=10)
    assert driven.now - ended < 5
    assert driven.level is NORMAL


def test_steady_load_is_tried_less_and_less_often() -> None:
    driven = Driven()
    for _ in range(30_000):  # overloaded exactly when bulk gets in
        driven.go(0.02, 0.02 if driven.brown_out.sheds(BULK, driven.now) else 0.3)
    tries = [now for (now, level), (_, before) in pairwise(reversed(driven.changes)) if level < before]
    gaps = [later - earlier for later, earlier in pairwise(tries)]
    assert 4 <= len(tries) <= 15
    assert max(gaps) > 100
    assert {level for _, level in driven.changes} <= {NORMAL, NO_EXPLANATIONS, SHED_BULK}


@settings(max_examples=15)
@given(
    interactive=st.sampled_from([10.0, 60.0, 400.0]),
    explained=st.sampled_from([0.0, 20.0, 100.0]),
    bulk=st.sampled_from([0.0, 5.0, 60.0]),
    event=st.sampled_from([0.0, 50.0, 400.0]),
    seed=st.integers(0, 1_000),
)
def test_does_not_flap_at_a_constant_load(
    interactive: float, explained: float, bulk: float, event: float, seed: int
) -> None:
    streams = [
        Stream(INTERACTIVE, interactive, 1, 0, 15),
        Stream(INTERACTIVE, explained, 1, 0, 15, explained=True),
        Stream(BULK, bulk, 100, 0, 15),
        Stream(EVENT, event, 4, 0, 15),
    ]
    outcome = run([stream for stream in streams if stream.requests_per_second], seed=seed)
    times = [at for at, _ in outcome.changes]
    levels = [NORMAL, *(level for _, level in outcome.changes)]
    assert all(later - earlier >= POLICY.hold_seconds - TICK for earlier, later in pairwise(times))
    assert all(one != other for one, other in pairwise(levels))
    for level in Level:
        left = [at for at, (before, _) in zip(times, pairwise(levels), strict=True) if before is level]
        assert len(left) <= 15 / POLICY.calm_seconds / 2


def run(streams: list[Stream], *, brown_out: bool = True, seed: int = 0) -> Outcome:
    return Worker(brown_out, seed=seed).run(streams)


def overloaded_by_bulk(until: float) -> list[Stream]:
    """Four times the capacity in rows, and one request in ten is interactive."""
    return [
        Stream(INTERACTIVE, 20.0, 1, 0, until + 30),
        Stream(BULK, 4 * CAPACITY / 55, 55, 0, until),
        Stream(BULK, 10.0, 55, until, until + 30),
    ]


def test_interactive_requests_keep_their_objective_under_four_times_the_capacity() -> None:
    streams = overloaded_by_bulk(300.0)
    without, kept = run(streams, brown_out=False), run(streams)
    assert without.p99(20, 300) > 0.4
    assert kept.p99(20, 300) < 0.1
    assert max(level for _, level in kept.changes) is SHED_BULK


def test_bulk_is_taken_again_within_five_seconds_of_the_end_of_the_load() -> None:
    outcome = run(overloaded_by_bulk(60.0))
    assert [at for at in outcome.refused if at > 65] == []
    assert outcome.p99(65) < 0.1


def test_slow_explanations_are_dropped_and_nothing_is_shed() -> None:
    streams = [
        Stream(INTERACTIVE, 100.0, 1, 0, 200),
        Stream(INTERACTIVE, 180.0, 1, 0, 200, explained=True),
        Stream(BULK, 3.0, 50, 0, 200),
    ]
    without, kept = run(streams, brown_out=False), run(streams)
    assert without.p99(20) > 1
    assert kept.p99(20) < 0.1
    assert max(level for _, level in kept.changes) is NO_EXPLANATIONS
    assert kept.refused == []


def test_too_many_interactive_requests_are_answered_by_the_light_model() -> None:
    streams = [Stream(INTERACTIVE, 1.5 * CAPACITY, 1, 0, 40), Stream(BULK, 1.0, 50, 0, 40)]
    without, kept = run(streams, brown_out=False), run(streams)
    assert without.p99(20) > 1
    assert kept.p99(20) < 0.1
    assert kept.changes[-1][1] is LIGHT


def test_queued_bulk_alone_sheds_nothing() -> None:
    """Interactive rows go first here, as the micro-batcher has it; bulk is refused only by its own queue."""
    driven = Driven()
    for _ in range(3_000):
        driven.brown_out.observe_utilisation(1.0, driven.now)
        driven.go(0.02, 0.06, wait=0.03)
    assert driven.changes == []


def test_policy_follows_the_settings() -> None:
    policy = policy_of(Settings(interactive_slo_ms=250.0, interactive_slo_share=0.95))
    assert (policy.objective_seconds, policy.objective_share) == (0.25, 0.95)
