"""Plans of rollouts: what they refuse, and that they survive being stored."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.errors import InputError
from lintel.rollouts.plan import Limits, Plan, Strategy

shares = st.lists(st.floats(0.001, 0.999), max_size=5, unique=True).map(lambda some: (*sorted(some), 1.0))


@given(
    strategy=st.sampled_from(Strategy),
    steps=shares,
    seconds=st.floats(0, 1e6),
    answers=st.integers(0, 10_000),
    shift=st.floats(0.001, 0.999),
)
def test_a_plan_survives_json(
    strategy: Strategy, steps: tuple[float, ...], seconds: float, answers: int, shift: float
) -> None:
    plan = Plan(strategy, steps, step_seconds=seconds, step_answers=answers, limits=Limits(score_shift=shift))
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


@pytest.mark.parametrize("steps", [(), (0.5,), (0.5, 0.5, 1.0), (0.5, 0.2, 1.0), (0.0, 1.0), (1.0, 1.5)])
def test_steps_rise_from_above_nothing_to_all(steps: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="steps"):
        Plan(Strategy.CANARY, steps)


def test_times_are_not_negative() -> None:
    with pytest.raises(InputError, match="times"):
        Plan(Strategy.CANARY, step_seconds=-1.0)


@pytest.mark.parametrize(
    "limits",
    [
        {"false_alarm": 0.0},
        {"false_alarm": 1.0},
        {"failure_increase": -0.1},
        {"failure_increase": 1.0},
        {"score_shift": 0.0},
        {"score_shift": 1.0},
        {"latency_ratio": 0.0},
        {"latency_ratio": float("nan")},
    ],
)
def test_limits_that_could_never_or_always_be_kept_are_refused(limits: dict[str, float]) -> None:
    with pytest.raises(InputError, match=r"false alarm|limits"):
        Limits(**limits)
