"""A controller that is killed between its writes: whoever comes next finds either nothing of a change or all of it."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from lintel.environment import child_environment
from lintel.rollouts import controller
from lintel.rollouts.decision import State
from tests.bentos.conftest import TENANT
from tests.rollout_runtime.killed_advance import POINTS
from tests.rollout_runtime.stage import Stage

PROJECT = Path(__file__).parents[2]
KILLED = -9


def killed(stage: Stage, point: str) -> None:
    stage.workers()
    words = [str(stage.home.settings.home), point, stage.now.isoformat()]
    done = subprocess.run(
        [sys.executable, "-m", "tests.rollout_runtime.killed_advance", *words],
        cwd=PROJECT,
        env=child_environment(stage.home.settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == KILLED, done.stderr


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_step_is_taken_once_and_the_traffic_is_always_the_rollouts(stage: Stage, point: str) -> None:
    stage.begin(steps=(0.5, 1.0))
    killed(stage, point)
    assert consistent(stage)
    done = point in ("after the commit", "before the mirror")
    assert (stage.rollout.progress.step == 0) is done
    stage.now += timedelta(seconds=1)
    stage.workers()
    stage.advance()
    assert stage.rollout.progress.step == 0
    assert stage.acts() == ["rollout.begin", "rollout.step"]
    assert consistent(stage)


@pytest.mark.parametrize("point", ["before the commit", "after the commit"])
def test_a_killed_rollback_is_finished_by_the_next(stage: Stage, point: str) -> None:
    stage.begin(steps=(0.5, 1.0))
    stage.workers()
    stage.advance()
    stage.workers()
    stage.advance()
    stage.now += timedelta(seconds=1)
    stage.answer(2, failing=True)
    stage.now += timedelta(seconds=1)
    killed(stage, point)
    assert consistent(stage)
    stage.workers()
    controller.advance(stage.home, TENANT, stage.now)
    assert stage.rollout.progress.state is State.ROLLED_BACK
    found = stage.home.monitoring.newest(TENANT, "rollout")
    assert found is not None
    assert (found["alarm"], found["state"]) == (True, "rolled-back")
    assert stage.registry.champion == 1
    assert stage.traffic == [(1, 1.0, "champion")]
    assert stage.states() == {1: "champion", 2: "rejected"}
    assert stage.acts() == ["rollout.begin", "rollout.step", "rollout.roll-back"]


def consistent(stage: Stage) -> bool:
    """Whether the traffic is what the rollout says, nothing was written halfway, and the audit log is whole."""
    expected = [(one.model_version, one.weight, str(one.mode)) for one in stage.rollout.entries()]
    version = {one.version for one in stage.home.traffic.read(TENANT)}
    whole = stage.home.audit.verify().fault is None
    return stage.traffic == expected and version == {stage.rollout.traffic_version} and whole
