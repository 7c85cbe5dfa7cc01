"""What is said of why a version stands where it does."""

from datetime import UTC, datetime

import pytest

from lintel.registry.actor import machine
from lintel.registry.gates import GateResult
from lintel.registry.lifecycle import ModelState, State
from lintel.registry.risk import Risk
from lintel.registry.rulings import ruling


def version(state: State, *, passed: bool = True, hard: bool = True, risk: Risk = Risk.STANDARD) -> ModelState:
    gates = (
        GateResult("beats_champion", hard=True, passed=True, figure=None, bound=None, sentence="Better beyond noise."),
        GateResult("size", hard=hard, passed=passed, figure=900.0, bound=256.0, sentence="Too large."),
    )
    made = datetime(2026, 3, 1, tzinfo=UTC)
    return ModelState("acme", 7, "sha256:7", state, machine("nightly"), risk, gates, made)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (version(State.REJECTED, passed=False), "Too large."),
        (version(State.REJECTED), "the audit log says why"),
        (version(State.REJECTED, passed=False, hard=False), "the audit log says why"),
        (version(State.REJECTED, risk=Risk.HIGH), "the audit log says why"),
        (version(State.PENDING, passed=False, hard=False), "A person decides. Too large."),
        (version(State.APPROVED), "Better beyond noise."),
        (version(State.CHAMPION), "champion already"),
        (version(State.RETIRED), "it was retired"),
    ],
)
def test_it_is_said_why_a_version_stands_where_it_does(state: ModelState, said: str) -> None:
    assert said in ruling(state)


def test_a_version_that_others_rejected_is_not_said_to_have_passed() -> None:
    assert "passed" not in ruling(version(State.REJECTED))
