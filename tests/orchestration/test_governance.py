"""What a night does with versions that it may not simply promote."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from shutil import copytree, rmtree
from typing import Any

import dagster as dg
import pytest
from dagster._core.storage.tags import PARTITION_NAME_TAG

import assets.registry
import orchestration.governance_sensors
from assets.registry import champion, model_gates
from assets.trainer import PERSON_TAG, trainer
from assets.training import BUNDLE
from lintel.errors import UnavailableError
from lintel.home import Home
from lintel.registry import acts
from lintel.registry.actor import machine, person
from lintel.registry.alias import watch
from lintel.registry.champion import champion_entry
from lintel.registry.lifecycle import State
from lintel.registry.promotion import Verdict
from lintel.registry.risk import Risk
from lintel.rollouts import controller
from lintel.rollouts.plan import Plan, Strategy
from lintel.scoring.bundle import Bundle
from orchestration.abandoned import process_tags
from orchestration.governance_sensors import approved_versions, champion_alias
from orchestration.instance import open_instance
from tests.orchestration.nightly_home import TENANT, NightlyHome, nightly, take_in
from tests.orchestration.test_abandoned import started
from tests.orchestration.ticking import tick

NIGHTLY, EVA = machine("nightly"), person("eva")
NOW = datetime(2026, 12, 2, tzinfo=UTC)


def materialise(asset: dg.AssetsDefinition, home: Home) -> dict[str, Any]:
    """The metadata of one materialisation, without the run around it."""
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_op_context(partition_key=TENANT, instance=instance)
        result = asset.op.compute_fn.decorated_fn(context, home)  # type: ignore[attr-defined]
    return {name: getattr(value, "value", value) for name, value in result.metadata.items()}


@pytest.fixture
def home(own_nightly_home: NightlyHome, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """After a night that trained a second version, of which its gates will say that it is better."""

    def better(*args: Any, **kwargs: Any) -> Any:
        return replace(examine(*args, **kwargs), against_champion=Verdict(True, ("better beyond noise",)))

    examine = assets.registry.examine
    monkeypatch.setattr(assets.registry, "examine", better)
    with Home(own_nightly_home.settings) as home:
        train(home)
        yield home


def train(home: Home, seed: int = 99) -> None:
    path = home.work(TENANT, BUNDLE)
    bundle = Bundle.load(path)
    rmtree(path)
    replace(bundle, manifest=replace(bundle.manifest, seed=seed)).save(path)
    version = home.registry.register(path, scope=TENANT, tags={})
    acts.register(home, TENANT, version, trained_by=NIGHTLY, actor=NIGHTLY, now=NOW)


def with_settings(home: Home, **changes: Any) -> Home:
    return Home(home.settings.model_copy(update=changes))


def serving(home: Home) -> int:
    entry = champion_entry(home.traffic, TENANT)
    assert entry is not None
    return entry.model_version


def test_a_better_version_takes_over(home: Home) -> None:
    gates = materialise(model_gates, home)
    assert (gates["state"], gates["version"]) == ("approved", 2)
    assert "| beats_baselines | hard | passed |" in gates["gates"]
    assert gates["gate/size"] > 0
    made = materialise(champion, home)
    assert (made["promoted"], made["version"], made["reason"]) == (True, 2, "better beyond noise")
    assert made["alias"] == "it mirrors the traffic table"
    again = materialise(model_gates, home)
    assert (again["state"], again["reason"]) == ("champion", "it is the champion already")


def test_where_the_risk_is_high_it_waits_for_a_person(home: Home) -> None:
    with with_settings(home, risk=Risk.HIGH) as careful:
        assert materialise(model_gates, careful)["state"] == "pending"
        made = materialise(champion, careful)
        assert (made["promoted"], made["state"], made["version"]) == (False, "pending", 1)
        assert "a person decides" in made["reason"]
        acts.approve(careful, TENANT, 2, actor=EVA, reason="looked at the card", now=NOW)
        assert materialise(champion, careful)["promoted"] is True
        assert serving(careful) == 2


def test_a_rejected_version_is_judged_anew_the_next_night(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        better = assets.registry.examine
        noise = Verdict(False, ("no more than noise",))
        patch.setattr(assets.registry, "examine", lambda *a, **k: replace(better(*a, **k), against_champion=noise))
        assert materialise(model_gates, home)["state"] == "rejected"
        made = materialise(champion, home)
        assert (made["promoted"], made["reason"], made["version"]) == (False, "no more than noise", 1)
    assert materialise(model_gates, home)["state"] == "approved"


def test_an_approved_version_is_rolled_out_where_the_settings_say_so(home: Home) -> None:
    materialise(model_gates, home)
    with with_settings(home, rollout_strategy=Strategy.CANARY) as careful:
        made = materialise(champion, careful)
        live = careful.rollouts.live(TENANT)
        assert live is not None
        assert (made["rollout"], made["state"], made["promoted"]) == (live.rollout_id, "rolling", False)
        assert serving(careful) == 1
        again = materialise(champion, careful)
        assert (again["state"], again["rollout"]) == ("rolling", None)


def test_the_night_does_not_come_in_the_way_of_a_rollout(home: Home) -> None:
    materialise(model_gates, home)
    shadow = Plan(Strategy.SHADOW, (1.0,))
    controller.begin(home, TENANT, 2, shadow, actor=EVA, reason="a look first", now=NOW)
    train(home, seed=100)
    assert materialise(model_gates, home)["state"] == "approved"
    made = materialise(champion, home)
    assert (made["promoted"], made["state"], serving(home)) == (False, "approved", 1)
    assert "version 2 is being rolled out" in made["reason"]
    assert home.rollouts.live(TENANT) is not None


def test_what_was_rolled_back_the_night_does_not_bring_again(home: Home) -> None:
    materialise(model_gates, home)
    canary = Plan(Strategy.CANARY)
    controller.begin(home, TENANT, 2, canary, actor=EVA, reason="a look first", now=NOW)
    controller.roll_back(home, TENANT, actor=EVA, reason="the calls went badly", now=NOW)
    made = materialise(champion, home)
    assert (made["promoted"], serving(home)) == (False, 1)
    assert "rolled back before" in made["reason"]


@pytest.mark.parametrize("by_machine", [True, False])
def test_what_a_person_or_a_rollout_rejected_is_not_judged_anew(home: Home, by_machine: bool) -> None:
    materialise(model_gates, home)
    if by_machine:
        home.states.move(TENANT, 2, State.ROLLING, actor=NIGHTLY, reason="test", now=NOW)
        home.states.move(TENANT, 2, State.REJECTED, actor=machine("rollout judge"), reason="worse", now=NOW)
    else:
        acts.reject(home, TENANT, 2, actor=EVA, reason="no", now=NOW)
    assert materialise(model_gates, home)["state"] == "rejected"
    assert materialise(champion, home)["promoted"] is False


def asked(home: Home) -> list[dg.RunRequest]:
    with open_instance(home.settings) as instance:
        found = tick(approved_versions, instance, home)
    assert found.run_requests or found.skip_message == "No approved version waits."
    return list(found.run_requests or ())


def told(home: Home) -> str:
    with open_instance(home.settings) as instance:
        found = tick(champion_alias, instance, home)
    assert not found.run_requests
    return str(found.skip_message)


def test_an_approval_is_followed_within_a_minute_and_once(home: Home) -> None:
    with with_settings(home, risk=Risk.HIGH) as careful:
        materialise(model_gates, careful)
        assert not asked(careful)
        acts.approve(careful, TENANT, 2, actor=EVA, reason="looked at the card", now=NOW)
        (first,), (again,) = asked(careful), asked(careful)
        assert first.partition_key == TENANT
        assert first.run_key == again.run_key  # Dagster starts one run of a key
        materialise(champion, careful)
        assert not asked(careful)


def test_an_approved_version_that_is_not_of_the_newest_bundle_goes_on_too(home: Home) -> None:
    """As the champion calibrated anew, after a night whose own training was rejected."""
    with with_settings(home, risk=Risk.HIGH) as careful:
        materialise(model_gates, careful)
        path = home.work(TENANT, BUNDLE)
        rmtree(path)
        copytree(home.registry.bundle_path(home.states.read(TENANT, 1).digest), path)
        acts.approve(careful, TENANT, 2, actor=EVA, reason="looked at the card", now=NOW)
        assert len(asked(careful)) == 1
        made = materialise(champion, careful)
        assert (made["promoted"], made["challenger"], serving(careful)) == (True, 2, 2)


def test_an_approval_waits_for_the_end_of_a_rollout(home: Home) -> None:
    materialise(model_gates, home)
    shadow = Plan(Strategy.SHADOW, (1.0,))
    controller.begin(home, TENANT, 2, shadow, actor=EVA, reason="a look first", now=NOW)
    train(home, seed=100)
    materialise(model_gates, home)
    assert home.states.read(TENANT, 3).state is State.APPROVED
    assert not asked(home)
    controller.complete(home, TENANT, actor=EVA, reason="seen enough", now=NOW)
    assert len(asked(home)) == 1


def test_an_alias_moved_by_hand_is_put_back_within_minutes(home: Home) -> None:
    assert told(home) == "Every alias mirrors the traffic table."
    home.registry._client.set_registered_model_alias(f"lead-scoring.{TENANT}", "champion", "2")
    assert "was moved by hand" in told(home)
    assert home.registry.version(TENANT, 1).aliases == ("champion",)
    assert told(home) == "Every alias mirrors the traffic table."


def test_a_scope_whose_alias_cannot_be_looked_at_hides_no_other(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def looked(at: Home, scope: str, *, now: datetime) -> Any:
        if scope == "broken":
            raise UnavailableError("MLflow is away.")
        return watch(at, scope, now=now)

    monkeypatch.setattr(orchestration.governance_sensors, "watch", looked)
    monkeypatch.setattr(type(home.traffic), "scopes", lambda _: ["broken", TENANT])
    home.registry._client.set_registered_model_alias(f"lead-scoring.{TENANT}", "champion", "2")
    assert told(home).startswith("broken: MLflow is away.; ")
    assert home.registry.version(TENANT, 1).aliases == ("champion",)


def test_an_approval_waits_while_a_run_of_the_tenant_is_at_work(home: Home) -> None:
    with with_settings(home, risk=Risk.HIGH) as careful:
        materialise(model_gates, careful)
        acts.approve(careful, TENANT, 2, actor=EVA, reason="looked at the card", now=NOW)
        with open_instance(careful.settings) as instance:
            run = started(instance, {**process_tags(), PARTITION_NAME_TAG: TENANT})
            assert not asked(careful)
            instance.report_run_failed(run)
        assert len(asked(careful)) == 1


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"dagster/schedule_name": "nightly_by_tenant"}, machine("nightly")),
        ({"dagster/sensor_name": "drift_alarms"}, machine("nightly")),
        ({"dagster/sensor_name": "asked_for", PERSON_TAG: "eva"}, EVA),
        ({PERSON_TAG: "eva"}, EVA),
        ({}, person("somebody in the Dagster UI")),
    ],
)
def test_who_launches_a_run_trains(tags: dict[str, str], expected: object) -> None:
    assert trainer(tags) == expected


@pytest.mark.slow
def test_a_first_version_that_waits_for_a_person_goes_on_the_next_night(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_in(tmp_path / "home")
    monkeypatch.setenv("LINTEL_RISK", "high")
    nightly(tmp_path / "home")
    with Home(NightlyHome(tmp_path / "home", {}, tmp_path).settings) as home:
        assert home.states.read(TENANT, 1).state is State.PENDING
        assert champion_entry(home.traffic, TENANT) is None
        acts.approve(home, TENANT, 1, actor=person("somebody else"), reason="looked at the card", now=NOW)
    nightly(tmp_path / "home")
    with Home(NightlyHome(tmp_path / "home", {}, tmp_path).settings) as home:
        assert home.states.read(TENANT, 1).state is State.CHAMPION
        assert home.scores.page(TENANT, limit=1).leads
