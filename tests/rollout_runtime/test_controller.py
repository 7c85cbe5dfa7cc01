"""Rollouts over real stores: what each judgement does to traffic, states, audit log and findings."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from lintel.errors import IncompatibleError, InputError, NotFoundError, RefusedError
from lintel.registry.lifecycle import State as ModelState
from lintel.registry.traffic import TrafficEntry
from lintel.rollouts import controller
from lintel.rollouts.decision import Action, Decision, State
from lintel.rollouts.plan import Plan, Strategy
from lintel.rollouts.rollout import Rollout
from lintel.rollouts.store import MovedOnError
from tests.bentos.conftest import TENANT
from tests.rollout_runtime.stage import ANN, NIGHTLY, Stage


def served(stage: Stage, seconds: float = 60, **how: Any) -> Decision:
    """All workers follow, callers ask for a while, then it is judged."""
    stage.workers()
    stage.advance()
    stage.now += timedelta(seconds=1)
    stage.answer(**how)
    stage.now += timedelta(seconds=seconds)
    stage.workers()
    return stage.advance()


def began(stage: Stage, **plan: Any) -> Stage:
    """At its first step."""
    stage.begin(**plan)
    stage.workers()
    assert stage.advance().action is Action.STEP
    return stage


def test_a_canary_goes_from_warm_to_everybody_is_watched_and_stays(stage: Stage) -> None:
    stage.begin(watch_seconds=3_600.0)
    assert stage.traffic == [(1, 1.0, "champion"), (2, 0.0, "standby")]
    assert stage.states() == {1: "champion", 2: "rolling"}
    stage.workers()
    stage.advance()
    seen = [stage.traffic]
    for _ in range(3):
        assert served(stage).action is Action.STEP
        seen.append(stage.traffic)
    assert seen == [
        [(1, 0.9, "champion"), (2, 0.1, "canary")],
        [(1, 0.5, "champion"), (2, 0.5, "canary")],
        [(1, 0.0, "champion"), (2, 1.0, "canary")],
        [(2, 1.0, "champion"), (1, 0.0, "standby")],
    ]
    assert stage.states() == {1: "retired", 2: "champion"}
    assert stage.registry.champion == 2
    assert served(stage).action is Action.HOLD
    assert served(stage, 3_600).action is Action.COMPLETE
    assert stage.traffic == [(2, 1.0, "champion")]
    assert stage.acts() == ["rollout.begin", *["rollout.step"] * 4, "rollout.complete"]
    assert controller.advance(stage.home, TENANT, stage.now) is None
    assert stage.home.audit.verify().fault is None


def test_no_step_before_every_worker_has_the_candidate(stage: Stage) -> None:
    stage.begin()
    assert stage.advance().action is Action.HOLD
    stage.workers(2, version=0)
    assert stage.advance(60).action is Action.HOLD
    stage.workers()
    assert stage.advance(1).action is Action.STEP


def test_answers_from_before_all_workers_follow_a_step_are_no_failures(stage: Stage) -> None:
    began(stage, steps=(0.5, 1.0))
    stage.now += timedelta(seconds=1)
    stage.answer(5, failing=True)  # by workers that have not read the table yet
    stage.now += timedelta(seconds=1)
    assert served(stage).action is Action.STEP


def test_a_candidate_that_fails_is_rolled_back_and_rejected(stage: Stage) -> None:
    began(stage, steps=(0.5, 1.0))
    decision = served(stage, failing=True)
    assert decision.action is Action.ROLL_BACK
    assert stage.traffic == [(1, 1.0, "champion")]
    assert stage.states() == {1: "champion", 2: "rejected"}
    found = stage.home.monitoring.newest(TENANT, "rollout")
    assert found is not None
    assert (found["alarm"], found["state"], found["action"]) == (True, "rolled-back", "roll-back")
    assert "failed" in found["explanation"]


def test_a_slow_candidate_is_rolled_back(stage: Stage) -> None:
    began(stage, steps=(0.5, 1.0))
    assert served(stage, times=2, slow=10.0).action is Action.ROLL_BACK


def test_a_candidate_that_a_worker_refuses_goes_back_before_any_lead_sees_it(stage: Stage) -> None:
    stage.begin()
    stage.workers(missing=[stage.registry.known[2]])
    assert stage.advance().action is Action.ROLL_BACK
    assert stage.traffic == [(1, 1.0, "champion")]


def test_a_held_rollout_stays_and_is_still_rolled_back_for_cause(stage: Stage) -> None:
    began(stage, steps=(0.5, 1.0))
    controller.hold(stage.home, TENANT, actor=ANN, reason="a busy day", now=stage.now)
    assert served(stage).action is Action.HOLD
    assert stage.rollout.progress.state is State.HELD
    controller.resume(stage.home, TENANT, actor=ANN, reason="it is over", now=stage.now)
    assert stage.rollout.progress.state is State.RUNNING
    controller.hold(stage.home, TENANT, actor=ANN, reason="again", now=stage.now)
    assert served(stage, times=5, failing=True).action is Action.ROLL_BACK
    assert stage.acts()[2:5] == ["rollout.hold", "rollout.resume", "rollout.hold"]


def test_without_traffic_it_becomes_inconclusive_and_can_be_given_as_long_again(stage: Stage) -> None:
    began(stage, longest_seconds=3_600.0)
    stage.workers()
    assert stage.advance(3_601).action is Action.INCONCLUSIVE
    assert stage.traffic == [(1, 0.9, "champion"), (2, 0.1, "canary")]
    found = stage.home.monitoring.newest(TENANT, "rollout")
    assert found is not None
    assert found["alarm"]
    assert stage.advance(60).action is Action.HOLD
    controller.resume(stage.home, TENANT, actor=ANN, reason="the season begins", now=stage.now)
    assert served(stage).action is Action.STEP


@pytest.mark.parametrize("watched", [False, True])
def test_a_person_takes_all_traffic_back_at_once(stage: Stage, watched: bool) -> None:
    began(stage, steps=(1.0,))
    if watched:
        controller.step(stage.home, TENANT, actor=ANN, reason="on", now=stage.now)
        assert stage.traffic == [(2, 1.0, "champion"), (1, 0.0, "standby")]
    controller.roll_back(stage.home, TENANT, actor=ANN, reason="complaints", now=stage.now)
    assert stage.traffic == [(1, 1.0, "champion")]
    assert stage.states() == {1: "champion", 2: "retired" if watched else "approved"}
    assert stage.registry.champion == 1
    line = stage.home.audit.read(TENANT, f"rollout:{stage.rollout.rollout_id}")[0]
    assert (line["actor"], line["reason"], line["details"]["override"]) == ("ann", "complaints", True)


def test_a_person_completes_it_whatever_the_evidence_says(stage: Stage) -> None:
    stage.begin()
    controller.complete(stage.home, TENANT, actor=ANN, reason="we know it", now=stage.now)
    assert stage.traffic == [(2, 1.0, "champion")]
    assert stage.states() == {1: "retired", 2: "champion"}


def test_a_shadow_answers_nobody_and_ends_where_it_began(stage: Stage) -> None:
    began(stage, strategy=Strategy.SHADOW, steps=(1.0,))
    assert stage.traffic == [(1, 1.0, "champion"), (2, 1.0, "shadow")]
    assert served(stage).action is Action.COMPLETE
    assert stage.traffic == [(1, 1.0, "champion")]
    assert stage.states() == {1: "champion", 2: "approved"}


def test_blue_green_has_both_warm_then_everybody_at_once(stage: Stage) -> None:
    began(stage, strategy=Strategy.BLUE_GREEN, steps=(1.0,))
    assert stage.traffic == [(1, 0.0, "champion"), (2, 1.0, "canary")]
    assert served(stage).action is Action.STEP
    assert stage.traffic == [(2, 1.0, "champion"), (1, 0.0, "standby")]


def test_traffic_that_somebody_else_assigned_ends_it_and_is_left_alone(stage: Stage) -> None:
    began(stage)
    other = stage.home.traffic.read(TENANT)[0]
    entry = TrafficEntry(other.digest, other.model_name, 1, 1.0, "champion")
    stage.home.traffic.assign(TENANT, [entry], actor=ANN, reason="by hand", now=stage.now)
    version = stage.home.traffic.version()
    stage.advance()
    assert stage.rollout.progress.state is State.ROLLED_BACK
    assert stage.home.traffic.version() == version


def test_a_candidate_that_somebody_promoted_was_not_rolled_back(stage: Stage) -> None:
    began(stage)
    candidate = stage.home.traffic.read(TENANT)[1]
    entry = TrafficEntry(candidate.digest, candidate.model_name, 2, 1.0, "champion")
    stage.home.traffic.assign(TENANT, [entry], actor=ANN, reason="by hand", now=stage.now)
    assert stage.advance().action is Action.COMPLETE
    assert stage.rollout.progress.state is State.COMPLETED
    assert stage.traffic == [(2, 1.0, "champion")]
    found = stage.home.monitoring.newest(TENANT, "rollout")
    assert found is not None
    assert (found["alarm"], found["state"]) == (False, "completed")


def test_what_a_person_did_is_why_it_stands_where_it_stands(stage: Stage) -> None:
    began(stage, steps=(0.5, 1.0))
    assert served(stage).action is Action.STEP
    before = stage.rollout.decision["findings"]
    reason = "asked by jane.doe@example.com"
    controller.roll_back(stage.home, TENANT, actor=ANN, reason=reason, now=stage.now)
    told = stage.rollout.decision
    assert (told["action"], told["reason"], told["by"]) == ("roll-back", "ann: asked by [email]", "ann")
    assert told["findings"] == before
    found = stage.home.monitoring.newest(TENANT, "rollout")
    assert found is not None
    assert (found["alarm"], found["action"]) == (False, None)
    assert "jane" not in str(found)


def test_a_persons_rollback_whose_finding_was_lost_is_no_alarm(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    began(stage)
    with monkeypatch.context() as patch:
        patch.setattr(controller, "_tell", lambda *_, **__: None)
        controller.roll_back(stage.home, TENANT, actor=ANN, reason="complaints", now=stage.now)
    stage.now += timedelta(seconds=1)
    assert controller.advance(stage.home, TENANT, stage.now) is None
    found = stage.home.monitoring.newest(TENANT, "rollout")
    assert found is not None
    assert (found["alarm"], found["state"]) == (False, "rolled-back")
    assert "complaints" in found["explanation"]


@pytest.mark.parametrize("act", [controller.step, controller.resume])
def test_who_forces_it_on_after_its_time_gives_it_as_long_again(stage: Stage, act: Callable[..., Rollout]) -> None:
    began(stage, longest_seconds=3_600.0)
    controller.hold(stage.home, TENANT, actor=ANN, reason="a busy day", now=stage.now)
    stage.now += timedelta(seconds=4_000)
    stage.workers()
    act(stage.home, TENANT, actor=ANN, reason="on", now=stage.now)
    stage.workers()
    assert stage.advance(60).action is Action.HOLD
    assert stage.rollout.progress.state is State.RUNNING
    assert stage.advance(3_600).action is Action.INCONCLUSIVE


def test_what_two_decide_at_once_is_done_once(stage: Stage) -> None:
    began(stage)
    seen = stage.rollout
    controller.step(stage.home, TENANT, actor=ANN, reason="on", now=stage.now)
    with pytest.raises(MovedOnError):
        controller._changed(
            stage.home,
            seen,
            seen.stepped(stage.now),
            controller._override(ANN, "step", "on", stage.now),
            assign=True,
        )
    assert stage.rollout.progress.step == 1


def test_beginning_again_what_is_live_changes_nothing_and_another_is_refused(stage: Stage) -> None:
    first = stage.begin()
    version = stage.home.traffic.version()
    assert stage.begin() == first
    assert stage.home.traffic.version() == version
    third = stage.add(stage.twin(seed=303))
    with pytest.raises(RefusedError, match="being rolled out already"):
        stage.begin(third)


def test_a_rollout_that_is_only_watched_gives_way_to_the_next(stage: Stage) -> None:
    began(stage, steps=(1.0,))
    controller.step(stage.home, TENANT, actor=ANN, reason="on", now=stage.now)
    third = stage.add(stage.twin(seed=303))
    stage.now += timedelta(seconds=1)
    stage.begin(third)
    assert stage.traffic == [(2, 1.0, "champion"), (3, 0.0, "standby")]
    assert [one.progress.state for one in stage.home.rollouts.list(TENANT)] == [State.RUNNING, State.COMPLETED]


def test_a_machine_does_not_begin_again_what_was_rolled_back_and_a_person_may(stage: Stage) -> None:
    stage.begin()
    controller.roll_back(stage.home, TENANT, actor=ANN, reason="complaints", now=stage.now)
    plan = Plan(Strategy.CANARY)
    with pytest.raises(RefusedError, match="rolled back before"):
        controller.begin(stage.home, TENANT, 2, plan, actor=NIGHTLY, reason="better", now=stage.now)
    assert controller.begin(stage.home, TENANT, 2, plan, actor=ANN, reason="mended", now=stage.now)


def test_a_machine_remembers_what_was_rolled_back_long_ago(stage: Stage) -> None:
    stage.begin()
    controller.roll_back(stage.home, TENANT, actor=ANN, reason="complaints", now=stage.now)
    third = stage.add(stage.twin(seed=303))
    for _ in range(101):
        stage.now += timedelta(seconds=1)
        stage.begin(third)
        controller.roll_back(stage.home, TENANT, actor=ANN, reason="not yet", now=stage.now)
    with pytest.raises(RefusedError, match="rolled back before"):
        controller.begin(stage.home, TENANT, 2, Plan(Strategy.CANARY), actor=NIGHTLY, reason="better", now=stage.now)


def test_only_what_may_answer_is_rolled_out(stage: Stage) -> None:
    third = stage.add(stage.twin(seed=303), ModelState.PENDING)
    before = stage.home.traffic.version()
    with pytest.raises(IncompatibleError, match="pending"):
        stage.begin(third)
    with pytest.raises(InputError, match="champion"):
        stage.begin(1)
    with pytest.raises(NotFoundError):
        stage.begin(99)
    assert (stage.home.traffic.version(), stage.home.rollouts.list(TENANT)) == (before, [])


def test_acts_on_nothing_say_so(stage: Stage) -> None:
    assert controller.advance(stage.home, TENANT, stage.now) is None
    for act in (controller.hold, controller.resume, controller.roll_back, controller.complete, controller.step):
        with pytest.raises(NotFoundError, match="Nothing is being rolled out"):
            act(stage.home, TENANT, actor=ANN, reason="r", now=stage.now)


def test_a_blank_reason_is_refused_and_changes_nothing(stage: Stage) -> None:
    began(stage)
    before = stage.traffic
    with pytest.raises(InputError):
        controller.roll_back(stage.home, TENANT, actor=ANN, reason=" ", now=stage.now)
    assert stage.traffic == before


def test_holds_are_told_when_they_begin_and_now_and_then(stage: Stage) -> None:
    began(stage)
    stage.workers()
    for _ in range(5):
        stage.workers()
        stage.advance(1)
    holds = [one for one in stage.home.monitoring.read(TENANT, "rollout") if one["action"] == "hold"]
    assert len(holds) == 1
    stage.advance(controller.NOTED_SECONDS)
    assert len([one for one in stage.home.monitoring.read(TENANT, "rollout") if one["action"] == "hold"]) == 2
