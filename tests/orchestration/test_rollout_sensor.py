"""The sensor that carries rollouts on: every scope is judged, and one's fault does not stop the others."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

import orchestration.rollout_sensor as module
from lintel.errors import UnavailableError
from lintel.home import Home
from lintel.rollouts.decision import Action, Decision
from lintel.settings import Settings
from orchestration.definitions import defs
from orchestration.rollout_sensor import EVERY_SECONDS, rollout_steps
from tests.bentos.conftest import TENANT as BROKERAGE
from tests.bentos.conftest import Brokerage, brokerage
from tests.rollout_runtime.stage import stage_in

__all__ = ["brokerage"]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with Home(Settings(home=tmp_path / "home")) as home:
        yield home


def told(home: Home) -> str:
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(instance=instance, resources={"home": home})
        found = rollout_steps.evaluate_tick(context)
    assert found.run_requests == []
    return found.skip_message or ""


def test_it_runs_by_itself() -> None:
    sensor = defs.resolve_sensor_def("rollout_steps")
    assert (sensor.minimum_interval_seconds, sensor.default_status) == (EVERY_SECONDS, dg.DefaultSensorStatus.RUNNING)


def test_nothing_to_do_is_said(home: Home) -> None:
    assert told(home) == "Nothing is being rolled out."


def test_a_rollout_is_carried_on_by_ticks_alone(tmp_path: Path, brokerage: Brokerage) -> None:
    stage = stage_in(brokerage, tmp_path / "copied")
    with stage.home as home, dg.DagsterInstance.ephemeral() as instance:
        stage.now = datetime.now(UTC)
        stage.begin(steps=(0.5, 1.0))
        stage.workers()
        found = rollout_steps.evaluate_tick(dg.build_sensor_context(instance=instance, resources={"home": home}))
        assert str(found.skip_message).startswith(f"{BROKERAGE}: step, ")
        assert stage.traffic == [(1, 0.5, "champion"), (2, 0.5, "canary")]


def test_every_scope_is_judged_whatever_happens_to_another(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def judged(_: Home, scope: str, now: datetime) -> Decision | None:
        assert now.tzinfo is not None
        if scope == "broken":
            raise UnavailableError("its store is away.")
        return None if scope == "over" else Decision(Action.STEP, "it may")

    monkeypatch.setattr(type(home.rollouts), "scopes", lambda _: ["broken", "over", "well"])
    monkeypatch.setattr(module, "advance", judged)
    assert told(home) == "broken: not judged, its store is away.; well: step, it may"
