from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.rollouts.decision import LIVE, Action, Decision, Progress, Standing, State
from lintel.rollouts.evidence import Arm, Evidence, Matured, Pairs
from lintel.rollouts.judge import judge
from lintel.rollouts.plan import Plan, Strategy

BEGAN = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
PLAN = Plan(Strategy.CANARY)
TIMES = np.random.default_rng(0).lognormal(2.0, 0.3, 300)
LEVEL = np.random.default_rng(1).uniform(0.2, 0.7, 300)
FINE = Evidence(
    Arm(300, 0, TIMES),
    Arm(9_000, 3, TIMES),
    pairs={"conversion": Pairs(LEVEL + 0.02, LEVEL), "churn": Pairs(LEVEL, LEVEL)},
    workers=4,
    workers_on=4,
)
NOTHING = Evidence(Arm(), Arm())
OUTCOME = (np.random.default_rng(2).random(300) < LEVEL).astype(float)
WORSE = {"conversion": Matured(1.0 - OUTCOME, LEVEL, OUTCOME), "churn": Matured(LEVEL, LEVEL, OUTCOME)}


def at_step(step: int | None, state: State = State.RUNNING, hours: float = 2.0) -> Progress:
    """`hours` after the step began."""
    began = BEGAN - hours * HOUR
    return Progress(state, began, step, began, began if state is State.WATCHING else None)


def judged(plan: Plan = PLAN, progress: Progress | None = None, evidence: Evidence = FINE) -> Decision:
    return judge(plan, progress or at_step(1), evidence, BEGAN)


LATE = at_step(1, hours=7 * 24)
CASES: list[tuple[str, Plan, Progress, Evidence, Action]] = [
    ("ready to begin", PLAN, at_step(None), NOTHING, Action.STEP),
    ("does not load", PLAN, at_step(None), replace(NOTHING, candidate_loads=False), Action.ROLL_BACK),
    ("all is well", PLAN, at_step(1), FINE, Action.STEP),
    ("the last step", PLAN, at_step(4), FINE, Action.STEP),
    ("time is short", PLAN, at_step(1, hours=0.5), FINE, Action.HOLD),
    ("answers are few", PLAN, at_step(1), replace(FINE, candidate=Arm(199, 0, TIMES)), Action.HOLD),
    ("nothing yet", PLAN, at_step(1), NOTHING, Action.HOLD),
    ("a gate is open", PLAN, at_step(1), replace(FINE, candidate=Arm(300, 4, TIMES)), Action.HOLD),
    ("one failure at low volume", PLAN, at_step(0), replace(NOTHING, candidate=Arm(1, 1)), Action.HOLD),
    ("fails always", PLAN, at_step(0), replace(FINE, candidate=Arm(10, 10)), Action.ROLL_BACK),
    ("both fail", PLAN, at_step(0), replace(FINE, candidate=Arm(10, 10), champion=Arm(99, 99)), Action.HOLD),
    ("fails before its time", PLAN, at_step(0, hours=0.0), replace(FINE, candidate=Arm(10, 10)), Action.ROLL_BACK),
    ("slow", PLAN, at_step(1), replace(FINE, candidate=Arm(300, 0, 9.0 * TIMES)), Action.ROLL_BACK),
    ("shifted", PLAN, at_step(1), replace(FINE, pairs={"churn": Pairs(LEVEL + 0.3, LEVEL)}), Action.ROLL_BACK),
    ("worse", PLAN, at_step(1), replace(FINE, matured=WORSE), Action.ROLL_BACK),
    ("without pairs", PLAN, at_step(1), replace(FINE, pairs={}), Action.STEP),
    ("too long", PLAN, LATE, FINE, Action.INCONCLUSIVE),
    ("too long, and bad", PLAN, LATE, replace(FINE, matured=WORSE), Action.ROLL_BACK),
    ("never began", PLAN, at_step(None, hours=7 * 24), NOTHING, Action.INCONCLUSIVE),
    ("a night without traffic", PLAN, at_step(1, hours=14), NOTHING, Action.HOLD),
    ("no traffic", PLAN, at_step(1, hours=3.5 * 24), NOTHING, Action.INCONCLUSIVE),
    ("some traffic", PLAN, at_step(1, hours=3.5 * 24), replace(NOTHING, candidate=Arm(1)), Action.HOLD),
    ("held", PLAN, at_step(1, State.HELD, 999), FINE, Action.HOLD),
    ("held, and bad", PLAN, at_step(1, State.HELD), replace(FINE, matured=WORSE), Action.ROLL_BACK),
    ("inconclusive", PLAN, at_step(1, State.INCONCLUSIVE, 999), FINE, Action.HOLD),
    ("inconclusive, and bad", PLAN, at_step(1, State.INCONCLUSIVE), replace(FINE, matured=WORSE), Action.ROLL_BACK),
    ("watching", PLAN, at_step(4, State.WATCHING, 29 * 24), FINE, Action.HOLD),
    ("watching without traffic", PLAN, at_step(4, State.WATCHING, 29 * 24), NOTHING, Action.HOLD),
    ("the watch is over", PLAN, at_step(4, State.WATCHING, 30 * 24), FINE, Action.COMPLETE),
    ("the watch finds it worse", PLAN, at_step(4, State.WATCHING, 99), replace(FINE, matured=WORSE), Action.ROLL_BACK),
    (
        "found worse at the end of the watch",
        PLAN,
        at_step(4, State.WATCHING, 30 * 24),
        replace(FINE, matured=WORSE),
        Action.ROLL_BACK,
    ),
]

FLIP = Plan(Strategy.BLUE_GREEN, steps=(1.0,))
ALONE = replace(FINE, champion=Arm())
SHADOW = Plan(Strategy.SHADOW, steps=(0.5, 1.0))
ROLLING = Plan(Strategy.ROLLING, steps=(0.25, 0.5, 1.0))
CASES += [
    ("blue-green begins", FLIP, at_step(None), NOTHING, Action.STEP),
    ("blue-green with nothing beside it", FLIP, at_step(0), ALONE, Action.STEP),
    ("blue-green fails", FLIP, at_step(0, hours=0.01), replace(ALONE, candidate=Arm(40, 40)), Action.ROLL_BACK),
    ("shadow goes on", SHADOW, at_step(0), FINE, Action.STEP),
    ("shadow ends", SHADOW, at_step(1), FINE, Action.COMPLETE),
    ("shadow without pairs", SHADOW, at_step(0), replace(FINE, pairs={}), Action.HOLD),
    ("shadow fails unseen", SHADOW, at_step(0), replace(FINE, candidate=Arm(300, 100, TIMES)), Action.ROLL_BACK),
    ("shadow of a failing champion", SHADOW, at_step(0), replace(FINE, champion=Arm(900, 900, TIMES)), Action.STEP),
    (
        "shadow that fails like the champion",
        SHADOW,
        at_step(0),
        replace(FINE, candidate=Arm(300, 100, TIMES), champion=Arm(900, 300, TIMES)),
        Action.ROLL_BACK,
    ),
    ("shadow is worse", SHADOW, at_step(0), replace(FINE, matured=WORSE), Action.ROLL_BACK),
    ("rolling", ROLLING, at_step(1), replace(FINE, workers_on=2), Action.STEP),
    ("rolling with a worker missing", ROLLING, at_step(1), replace(FINE, workers_on=1), Action.HOLD),
    ("rolling without workers", ROLLING, at_step(1), replace(FINE, workers=0, workers_on=0), Action.HOLD),
    ("rolling fails", ROLLING, at_step(0), replace(FINE, candidate=Arm(30, 30)), Action.ROLL_BACK),
]


@pytest.mark.parametrize(
    ("plan", "progress", "evidence", "action"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_case(plan: Plan, progress: Progress, evidence: Evidence, action: Action) -> None:
    found = judge(plan, progress, evidence, BEGAN)
    assert found.action is action
    assert found.reason.endswith(".")
    assert found.findings


@pytest.mark.parametrize("state", [State.COMPLETED, State.ROLLED_BACK])
def test_what_is_over_is_not_judged(state: State) -> None:
    with pytest.raises(ValueError, match="not judged any more"):
        judged(progress=at_step(1, state))


def test_a_rollback_says_what_was_bad_and_nothing_else() -> None:
    found = judged(evidence=replace(FINE, candidate=Arm(300, 300, TIMES)))
    assert found.reason.startswith("The candidate failed 300 of 300 leads (100.00%), the champion 3 of 9000")
    assert "compute time" not in found.reason


def test_the_error_is_shared_by_steps() -> None:
    """The same counts are beyond doubt in a plan of few steps, and not in one of very many."""
    evidence = replace(FINE, candidate=Arm(10, 4))
    many = Plan(Strategy.CANARY, steps=tuple(np.arange(1, 1_001) / 1_000))
    assert judged(Plan(Strategy.CANARY, steps=(0.5, 1.0)), evidence=evidence).action is Action.ROLL_BACK
    assert judged(many, evidence=evidence).action is Action.HOLD


ARMS = st.builds(
    lambda asked, failed, times, factor: Arm(asked, min(failed, asked), factor * TIMES[: min(times, asked)]),
    st.integers(0, 300),
    st.integers(0, 300),
    st.integers(0, 300),
    st.sampled_from([1.0, 1.6, 9.0]),
)
PAIRS = st.dictionaries(
    st.sampled_from(["churn", "intent", "timing"]),
    st.builds(
        lambda rows, by: Pairs(LEVEL[:rows] + by, LEVEL[:rows]), st.integers(0, 300), st.sampled_from([0.0, 0.1, 0.29])
    ),
)
MATURED = st.dictionaries(
    st.sampled_from(["churn", "intent"]),
    st.builds(
        lambda rows, worse: Matured((1.0 - OUTCOME if worse else LEVEL)[:rows], LEVEL[:rows], OUTCOME[:rows]),
        st.integers(0, 300),
        st.booleans(),
    ),
)
EVIDENCE = st.builds(Evidence, ARMS, ARMS, PAIRS, MATURED, st.booleans(), st.just(4), st.integers(0, 4))
PLANS = st.builds(
    lambda strategy, steps, answers: Plan(strategy, steps=steps, step_answers=answers),
    st.sampled_from(Strategy),
    st.sampled_from([(1.0,), (0.1, 1.0), (0.01, 0.05, 0.25, 0.5, 1.0)]),
    st.sampled_from([0, 20, 200]),
)


@st.composite
def situations(draw: st.DrawFn) -> tuple[Plan, Progress, Evidence]:
    plan = draw(PLANS)
    state = draw(st.sampled_from(LIVE))
    step = draw(st.none() | st.integers(0, len(plan.steps) - 1)) if state is State.RUNNING else len(plan.steps) - 1
    return plan, at_step(step, state, draw(st.floats(0.0, 40 * 24.0))), draw(EVIDENCE)


@given(situations())
def test_it_rolls_back_if_and_only_if_a_finding_is_bad(situation: tuple[Plan, Progress, Evidence]) -> None:
    found = judge(*situation, BEGAN)
    assert (found.action is Action.ROLL_BACK) == any(one.standing is Standing.BAD for one in found.findings)


@given(situations())
def test_it_steps_only_where_every_live_gate_is_good(situation: tuple[Plan, Progress, Evidence]) -> None:
    plan, progress, _ = situation
    found = judge(*situation, BEGAN)
    live = [one for one in found.findings if not one.gate.startswith("quality")]
    if found.action is Action.STEP:
        assert progress.state is State.RUNNING
        assert {one.standing for one in live} == {Standing.GOOD}
        assert progress.step is None or (BEGAN - progress.step_began_at).total_seconds() >= plan.step_seconds


@given(situations())
def test_nothing_known_never_rolls_back(situation: tuple[Plan, Progress, Evidence]) -> None:
    plan, progress, _ = situation
    assert judge(plan, progress, NOTHING, BEGAN).action is not Action.ROLL_BACK


@given(situations())
def test_an_identical_candidate_never_rolls_back(situation: tuple[Plan, Progress, Evidence]) -> None:
    plan, progress, evidence = situation
    same = {name: Pairs(one.champion, one.champion) for name, one in evidence.pairs.items()}
    known = {name: replace(one, candidate=one.champion) for name, one in evidence.matured.items()}
    arm = replace(evidence.champion, failed=0)
    equal = replace(evidence, candidate=arm, champion=arm, pairs=same, matured=known, candidate_loads=True)
    assert judge(plan, progress, equal, BEGAN).action is not Action.ROLL_BACK


@given(situations(), st.integers(1, 100), st.floats(1.0, 10.0))
def test_worse_evidence_never_helps(situation: tuple[Plan, Progress, Evidence], failures: int, slower: float) -> None:
    """What rolled back still does, and what did not step does not begin to."""
    plan, progress, evidence = situation
    arm = evidence.candidate
    worse_arm = Arm(arm.asked, min(arm.failed + failures, arm.asked), arm.compute_ms * slower)
    before, after = (
        judge(plan, progress, one, BEGAN).action for one in (evidence, replace(evidence, candidate=worse_arm))
    )
    onwards = (Action.STEP, Action.COMPLETE)
    assert after is Action.ROLL_BACK if before is Action.ROLL_BACK else True
    assert before in onwards if after in onwards else True


@given(situations())
def test_it_is_the_same_each_time(situation: tuple[Plan, Progress, Evidence]) -> None:
    assert judge(*situation, BEGAN) == judge(*situation, BEGAN)


def _onwards(plan: Plan, progress: Progress, action: Action, now: datetime) -> Progress:
    if action is Action.STEP:
        step = 0 if progress.step is None else progress.step + 1
        if step == len(plan.steps):
            return replace(progress, state=State.WATCHING, watch_began_at=now)
        return replace(progress, step=step, step_began_at=now)
    ends: dict[Action, Any] = {
        Action.ROLL_BACK: State.ROLLED_BACK,
        Action.COMPLETE: State.COMPLETED,
        Action.INCONCLUSIVE: State.INCONCLUSIVE,
    }
    return replace(progress, state=ends.get(action, progress.state))


@given(PLANS, st.lists(EVIDENCE, min_size=1, max_size=12), st.floats(12.0, 48.0))
def test_every_rollout_ends_or_asks_a_person(plan: Plan, evidence: list[Evidence], hours: float) -> None:
    """Whatever is seen, in whatever order, within the longest duration and the watch."""
    progress, now = Progress(State.RUNNING, BEGAN, None, BEGAN), BEGAN
    looks = int(38 * 24 / hours) + 2
    for look in range(looks):
        if progress.state not in (State.RUNNING, State.WATCHING):
            break
        progress = _onwards(plan, progress, judge(plan, progress, evidence[look % len(evidence)], now).action, now)
        now += hours * HOUR
    assert progress.state in (State.COMPLETED, State.ROLLED_BACK, State.INCONCLUSIVE)
