"""Real bentos over real sockets: no caller gets an error, whatever is rolled out and however it ends."""

from datetime import UTC, datetime
from typing import Any

import pytest

from benchmarks.load_lab.bundle_variants import false_golden, raising
from lintel.rollouts import controller
from lintel.rollouts.decision import Action, State
from lintel.rollouts.draw import salt_of, share
from lintel.rollouts.plan import Strategy
from tests.bento_rollout.conftest import Running
from tests.bento_rollout.load import Told
from tests.bentos.conftest import TENANT
from tests.rollout_runtime.stage import ANN

STEPS = (0.01, 0.05, 0.25, 0.5, 1.0)


def errors(running: Running) -> list[Told]:
    return [one for one in running.load.told if one.status != 200]


def rungs(told: list[Told]) -> set[str]:
    return {one.served_by for one in told}


def is_over(running: Running) -> bool:
    return not running.stage.rollout.is_live


def test_a_canary_grows_to_everybody_without_an_error_and_every_lead_stays_with_its_model(running: Running) -> None:
    version = running.candidate()
    digest = running.stage.registry.known[version]
    running.load.lead_ids = asked_often(running, digest)
    running.begin(version, STEPS)
    windows: list[tuple[float, datetime, datetime]] = []
    for step, weight in enumerate(STEPS):
        running.until(lambda step=step: running.stage.rollout.progress.step == step)
        followed = running.heard()
        running.until(lambda step=step: running.stage.rollout.progress.step != step or is_watched(running))
        windows.append((weight, followed, running.stage.rollout.progress.step_began_at))
    running.until(lambda: is_over(running))
    assert running.stage.rollout.progress.state is State.COMPLETED
    assert errors(running) == []
    assert rungs(running.load.told) == {"champion", "canary"}
    salt = salt_of(TENANT, (digest,))
    for weight, since, until in windows:
        told = running.load.since(since, until)
        assert any(one.served_by == "canary" for one in told), weight
        for one in told:
            assert (one.digest == digest) is (share(salt, TENANT, one.lead_id) < weight), (weight, one.served_by)
    followed = running.heard()
    assert {(one.served_by, one.digest) for one in running.load.since(followed)} == {("champion", digest)}


def test_a_model_that_fails_on_every_lead_is_rolled_back_and_no_caller_notices(running: Running) -> None:
    stage = running.stage
    bundles = stage.home.settings.bundles_path
    version = stage.add(raising(stage.registry.fetch(TENANT, 1), bundles))
    running.begin(version, (0.2, 1.0))
    decisions = running.until(lambda: is_over(running))
    assert decisions[-1].action is Action.ROLL_BACK
    assert any(one.gate == "failures" and one.standing == "bad" for one in decisions[-1].findings)
    assert not stage.rollout.is_watching
    assert stage.traffic == [(1, 1.0, "champion")]
    assert errors(running) == []
    assert rungs(running.load.told) == {"champion"}


def test_a_model_that_computes_other_numbers_never_answers(running: Running) -> None:
    stage = running.stage
    bundles = stage.home.settings.bundles_path
    version = stage.add(false_golden(stage.registry.fetch(TENANT, 1), bundles))
    running.begin(version, (0.2, 1.0))
    decisions = running.until(lambda: is_over(running))
    assert [one.action for one in decisions] == [Action.ROLL_BACK]
    assert errors(running) == []
    assert rungs(running.load.told) == {"champion"}


@pytest.mark.slow
def test_blue_green_flips_at_once_and_back_at_once(running: Running) -> None:
    version = running.candidate()
    digest = running.stage.registry.known[version]
    running.begin(version, (1.0,), Strategy.BLUE_GREEN, watch_seconds=3_600.0)
    began = running.stage.rollout.progress.began_at
    running.until(lambda: running.stage.rollout.progress.step == 0)
    flipped = running.stage.rollout.progress.step_began_at
    assert {one.digest for one in running.load.since(began, flipped)} <= {running.stage.registry.known[1]}
    followed = running.heard()
    assert {(one.served_by, one.digest) for one in running.load.since(followed)} == {("canary", digest)}
    running.until(lambda: is_watched(running))
    followed = running.heard()
    assert {(one.served_by, one.digest) for one in running.load.since(followed)} == {("champion", digest)}
    controller.roll_back(running.stage.home, TENANT, actor=ANN, reason="complaints", now=datetime.now(UTC))
    followed = running.heard()
    back = {(one.served_by, one.digest) for one in running.load.since(followed)}
    assert back == {("champion", running.stage.registry.known[1])}
    assert errors(running) == []


@pytest.mark.slow
def test_a_shadow_is_logged_and_answers_nobody(running: Running) -> None:
    version = running.candidate()
    digest = running.stage.registry.known[version]
    running.begin(version, (0.5, 1.0), Strategy.SHADOW)
    began = running.stage.rollout.progress.began_at
    running.until(lambda: is_over(running))
    assert running.stage.rollout.progress.state is State.COMPLETED
    told = running.load.since(began)
    assert errors(running) == []
    assert {(one.served_by, one.digest) for one in told} == {("champion", running.stage.registry.known[1])}
    rows = logged(running, began, shadow=True)
    shadows = [row for row in rows if row["served_by"] == "shadow"]
    assert {row["model_digest"] for row in shadows} == {digest}
    assert {(row["urgency"], row["principal"]) for row in shadows} == {("bulk", None)}
    assert all(row["served_by"] == "champion" for row in logged(running, began, shadow=False))


@pytest.mark.slow
def test_rolling_goes_worker_by_worker(running: Running) -> None:
    version = running.candidate()
    digest = running.stage.registry.known[version]
    running.begin(version, (0.5, 1.0), Strategy.ROLLING)
    running.until(lambda: running.stage.rollout.progress.step == 0)
    followed = running.heard(60)
    both = {(one.served_by, one.digest) for one in running.load.since(followed)}
    assert both == {("champion", running.stage.registry.known[1]), ("canary", digest)}
    running.until(lambda: running.stage.rollout.progress.step == 1)
    followed = running.heard()
    assert {one.digest for one in running.load.since(followed)} == {digest}
    running.until(lambda: is_over(running))
    assert running.stage.rollout.progress.state is State.COMPLETED
    assert errors(running) == []


def asked_often(running: Running, digest: str) -> list[str]:
    """All leads, and between each two of them one of the candidate's first ones."""
    salt = salt_of(TENANT, (digest,))
    first = [lead for lead in running.stage.lead_ids if share(salt, TENANT, lead) < STEPS[0]]
    return [one for place, lead in enumerate(running.stage.lead_ids) for one in (lead, first[place % len(first)])]


def is_watched(running: Running) -> bool:
    return running.stage.rollout.is_watching


def logged(running: Running, since: datetime, *, shadow: bool) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = running.stage.home.predictions.read_newest(TENANT, since, shadow=shadow).to_pylist()
    return rows
