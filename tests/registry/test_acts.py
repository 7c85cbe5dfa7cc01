"""Acts on versions over a home with a champion: the same policy and the same lines for everybody who acts."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import mlflow
import pytest

from lintel.errors import IncompatibleError, InputError, NotFoundError, RefusedError
from lintel.home import Home
from lintel.registry import acts
from lintel.registry.actor import Actor, machine, person
from lintel.registry.alias import watch
from lintel.registry.champion import champion_entry
from lintel.registry.compliance import compliance_report
from lintel.registry.examination import examine
from lintel.registry.gates import Examined
from lintel.registry.history import changes, scored_at, traffic_at
from lintel.registry.lifecycle import ModelState, State
from lintel.registry.models import ModelVersion, model_name
from lintel.registry.promotion import Verdict
from lintel.registry.risk import Risk
from lintel.rollouts.plan import Plan, Strategy
from lintel.scoring.bundle import Bundle
from lintel.scoring.examples import Examples
from tests.orchestration.nightly_home import TENANT, NightlyHome

NOW = datetime(2026, 12, 2, tzinfo=UTC)
NIGHTLY, EVA, TOM = machine("nightly"), person("eva"), person("tom")
BETTER = Verdict(True, ("better beyond noise",))


@pytest.fixture
def home(own_nightly_home: NightlyHome) -> Iterator[Home]:
    with Home(own_nightly_home.settings) as home:
        yield home


@pytest.fixture
def high(own_nightly_home: NightlyHome) -> Iterator[Home]:
    """The same, of a tenant for whom a person always decides."""
    settings = own_nightly_home.settings.model_copy(update={"risk_overrides": {TENANT: Risk.HIGH}})
    with Home(settings) as home:
        yield home


def second(home: Home, tmp_path: Path) -> ModelVersion:
    """The same models under another seed's name."""
    (first, *_) = home.registry.versions(TENANT)
    bundle = Bundle.load(home.registry.bundle_path(first.digest))
    path = tmp_path / "second"
    replace(bundle, manifest=replace(bundle.manifest, seed=99)).save(path)
    return home.registry.register(path, scope=TENANT, tags={})


def examined(home: Home, version: ModelVersion) -> Examined:
    path, examples = home.registry.bundle_path(version.digest), Examples.load(home.work(TENANT, "examples.parquet"))
    current = champion_entry(home.traffic, TENANT)
    return examine(path, current, examples, registry=home.registry, scope=TENANT, fairness=None)


def candidate(home: Home, tmp_path: Path, *, trained_by: Actor = NIGHTLY, better: bool = True) -> int:
    """A version that was judged: like the champion in all but what is said of it."""
    version = second(home, tmp_path)
    acts.register(home, TENANT, version, trained_by=trained_by, actor=NIGHTLY, now=NOW)
    found = examined(home, version)
    verdict = BETTER if better else Verdict(False, ("no more than noise",))
    acts.judge(home, TENANT, version.version, replace(found, against_champion=verdict), actor=NIGHTLY, now=NOW)
    return version.version


def promote(home: Home, version: int) -> None:
    acts.promote(home, TENANT, version, actor=EVA, reason="because", now=NOW)


def state(home: Home, version: int) -> State:
    return home.states.read(TENANT, version).state


def lines(home: Home, version: int) -> list[str]:
    return [one["act"] for one in reversed(home.audit.read(TENANT, f"model:{TENANT}/{version}"))]


# what a night leaves behind


def test_a_night_takes_a_version_from_draft_to_champion(home: Home) -> None:
    found = home.states.read(TENANT, 1)
    assert found.state is State.CHAMPION
    assert lines(home, 1) == [f"model.{one}" for one in ("register", "judge", "validated", "approved", "champion")]
    names = {one.name for one in found.gates}
    assert {"beats_baselines", "beats_champion", "model_card", "calibration", "coverage", "fairness"} <= names
    assert {"latency", "size", "golden_request"} <= names
    assert home.audit.verify().fault is None
    tags = home.registry.version(TENANT, 1).tags or {}
    assert tags["lintel.state"] == "champion"
    assert tags["lintel.gate.beats_baselines"].startswith("passed: ")
    assert tags["lintel.code"].startswith("sha256:")


def test_what_the_gates_rest_on_is_measured(home: Home) -> None:
    found = examined(home, home.registry.version(TENANT, 1))
    assert found.latency is not None
    assert found.latency.champion_ms is not None
    assert 0.2 < found.latency.candidate_ms / found.latency.champion_ms < 5  # the same bundle twice, on a busy machine
    assert 0.05 < found.megabytes < 100
    assert (found.golden, found.against_champion.passed) == ("", True)


# approval


def test_where_the_risk_is_high_a_person_decides(high: Home, tmp_path: Path) -> None:
    version = candidate(high, tmp_path)
    assert state(high, version) is State.PENDING
    with pytest.raises(IncompatibleError, match="may not answer"):
        promote(high, version)
    with pytest.raises(RefusedError, match="machine"):
        acts.approve(high, TENANT, version, actor=NIGHTLY, reason="I say so", now=NOW)
    approved = acts.approve(high, TENANT, version, actor=EVA, reason="looked at the card", now=NOW)
    assert approved.state is State.APPROVED
    promote(high, version)
    assert (state(high, 1), state(high, version)) == (State.RETIRED, State.CHAMPION)
    entry = champion_entry(high.traffic, TENANT)
    assert entry is not None
    assert entry.model_version == version
    assert high.registry.version(TENANT, version).aliases == ("champion",)
    tags = [(one.tags or {})["lintel.state"] for one in high.registry.versions(TENANT)]
    assert tags == ["champion", "retired"]


def test_four_eyes_are_four(high: Home, tmp_path: Path) -> None:
    version = candidate(high, tmp_path, trained_by=EVA)
    with pytest.raises(RefusedError, match="somebody else"):
        acts.approve(high, TENANT, version, actor=EVA, reason="mine is good", now=NOW)
    assert state(high, version) is State.PENDING
    acts.approve(high, TENANT, version, actor=TOM, reason="eva's is good", now=NOW)
    (approval, *_) = high.audit.read(TENANT, f"model:{TENANT}/{version}")
    assert (approval["act"], approval["actor"], approval["details"]["trained_by"]) == ("model.approved", "tom", "eva")


def test_who_registered_it_cannot_approve_it_either(high: Home, tmp_path: Path) -> None:
    version = second(high, tmp_path)
    acts.register(high, TENANT, version, trained_by=NIGHTLY, actor=TOM, now=NOW)
    found = replace(examined(high, version), against_champion=BETTER)
    acts.judge(high, TENANT, version.version, found, actor=NIGHTLY, now=NOW)
    with pytest.raises(RefusedError):
        acts.approve(high, TENANT, version.version, actor=TOM, reason="mine", now=NOW)
    acts.approve(high, TENANT, version.version, actor=EVA, reason="tom's", now=NOW)


def test_what_fails_a_hard_gate_cannot_be_approved_by_anybody(home: Home, tmp_path: Path) -> None:
    version = candidate(home, tmp_path, better=False)
    assert state(home, version) is State.REJECTED
    with pytest.raises(IncompatibleError, match="nothing to approve"):
        acts.approve(home, TENANT, version, actor=EVA, reason="please", now=NOW)
    assert acts.awaits_judgement(home, TENANT, version, now=NOW)  # by a machine, so that it may be judged anew


def test_putting_a_version_aside_is_no_way_around_approval(high: Home, tmp_path: Path) -> None:
    version = candidate(high, tmp_path, trained_by=EVA)
    acts.retire(high, TENANT, version, actor=EVA, reason="put aside", now=NOW)
    before = high.audit.head(), high.traffic.version()
    with pytest.raises(IncompatibleError, match="without having been approved"):
        promote(high, version)
    with pytest.raises(IncompatibleError, match="without having been approved"):
        acts.roll_out(high, TENANT, version, actor=EVA, reason="then so", now=NOW, plan=Plan(Strategy.CANARY))
    assert (high.audit.head(), high.traffic.version()) == before
    assert high.rollouts.live(TENANT) is None


@pytest.mark.parametrize("act", [acts.reject, acts.retire])
def test_what_was_promoted_meanwhile_keeps_its_state_with_its_traffic(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: Callable[..., ModelState]
) -> None:
    version = candidate(home, tmp_path)
    looked = acts._refuse_serving

    def promoted_after_the_look(*args: Any) -> None:
        looked(*args)
        promote(home, version)

    monkeypatch.setattr(acts, "_refuse_serving", promoted_after_the_look)
    with pytest.raises(IncompatibleError, match="became champion a moment ago"):
        act(home, TENANT, version, actor=TOM, reason="I do not like it", now=NOW)
    entry = champion_entry(home.traffic, TENANT)
    assert entry is not None
    assert (state(home, version), entry.model_version) == (State.CHAMPION, version)


def test_what_a_person_rejected_no_machine_takes_up_again(high: Home, tmp_path: Path) -> None:
    version = candidate(high, tmp_path)
    with pytest.raises(InputError):
        acts.reject(high, TENANT, version, actor=EVA, reason=" ", now=NOW)
    acts.reject(high, TENANT, version, actor=EVA, reason="the market has turned", now=NOW)
    assert not acts.awaits_judgement(high, TENANT, version, now=NOW)
    assert state(high, version) is State.REJECTED


def test_who_answers_is_neither_rejected_nor_retired(home: Home) -> None:
    for act in (acts.reject, acts.retire):
        with pytest.raises(IncompatibleError, match="has traffic now"):
            act(home, TENANT, 1, actor=EVA, reason="away with it", now=NOW)
    with pytest.raises(NotFoundError):
        acts.approve(home, TENANT, 17, actor=EVA, reason="?", now=NOW)


def test_the_way_back_to_a_former_champion_is_one_act(home: Home, tmp_path: Path) -> None:
    version = candidate(home, tmp_path)
    promote(home, version)
    promote(home, 1)
    assert (state(home, 1), state(home, version)) == (State.CHAMPION, State.RETIRED)
    assert len(home.traffic.history(TENANT)) == 3
    promote(home, 1)  # again: nothing changes
    assert len(home.traffic.history(TENANT)) == 3


def test_a_promotion_that_cannot_be_made_changes_nothing(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = candidate(home, tmp_path)
    before = home.audit.head(), home.traffic.version()

    def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(acts, "crown", dies)
    with pytest.raises(KeyboardInterrupt):
        promote(home, version)
    assert (home.audit.head(), home.traffic.version()) == before
    assert (state(home, 1), state(home, version)) == (State.CHAMPION, State.APPROVED)


def test_a_version_of_before_states_gets_one_when_it_is_asked_for(home: Home, tmp_path: Path) -> None:
    version = second(home, tmp_path).version
    assert acts.state_of(home, TENANT, version, now=NOW).state is State.DRAFT
    assert lines(home, version) == ["model.adopt"]
    with pytest.raises(IncompatibleError):
        promote(home, version)


# the alias


def client(home: Home) -> mlflow.MlflowClient:
    return mlflow.MlflowClient(home.settings.mlflow_url, registry_uri=home.settings.mlflow_url)


def test_an_alias_moved_by_hand_is_noticed_logged_and_put_back(home: Home, tmp_path: Path) -> None:
    version = second(home, tmp_path).version
    assert watch(home, TENANT, now=NOW) is None
    client(home).set_registered_model_alias(model_name(TENANT), "champion", str(version))
    moved = watch(home, TENANT, now=NOW)
    assert moved is not None
    assert (moved.wanted, moved.found, moved.restored) == (1, version, True)
    assert home.registry.version(TENANT, 1).aliases == ("champion",)
    (line,) = home.audit.read(TENANT, f"alias:{TENANT}")
    assert (line["act"], line["details"]["found"], line["actor"]) == ("alias.moved", version, "alias watch")
    assert watch(home, TENANT, now=NOW) is None
    client(home).delete_registered_model_alias(model_name(TENANT), "champion")
    moved = watch(home, TENANT, now=NOW)
    assert moved is not None
    assert "on no version" in moved.sentence
    assert home.registry.version(TENANT, 1).aliases == ("champion",)


def test_by_policy_it_is_left_and_logged_once(own_nightly_home: NightlyHome, tmp_path: Path) -> None:
    with Home(own_nightly_home.settings.model_copy(update={"restore_alias": False})) as home:
        version = second(home, tmp_path).version
        client(home).set_registered_model_alias(model_name(TENANT), "champion", str(version))
        for _ in range(3):
            moved = watch(home, TENANT, now=NOW)
            assert moved is not None
            assert not moved.restored
        assert home.registry.version(TENANT, version).aliases == ("champion",)
        assert len(home.audit.read(TENANT, f"alias:{TENANT}")) == 1


def test_a_mirror_left_behind_by_a_crash_is_mended_without_blaming_anybody(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = candidate(home, tmp_path)

    def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(acts, "mirror", dies)
    with pytest.raises(KeyboardInterrupt):
        promote(home, version)
    monkeypatch.undo()
    assert home.registry.version(TENANT, 1).aliases == ("champion",)
    assert watch(home, TENANT, now=NOW) is None
    assert home.registry.version(TENANT, version).aliases == ("champion",)
    assert home.audit.read(TENANT, f"alias:{TENANT}") == []


# history and report


def test_which_model_scored_this_lead_at_that_minute(high: Home, tmp_path: Path) -> None:
    (lead,) = [one["lead_id"] for one in high.scores.page(TENANT, limit=1).leads]
    (row,) = high.scores.history(TENANT, lead)
    found = scored_at(high, TENANT, lead, row.scored_at)
    assert found is not None
    assert (found["told_by"], found["seq"]) == ("nightly list", row.seq)
    model = found["model"]
    assert (model["version"], model["digest"]) == (1, row.bundle)
    assert model["approved"]["by"] == "nightly"
    assert model["approved"]["kind"] == "machine"
    manifest = Bundle.load(high.registry.bundle_path(row.bundle)).manifest
    assert model["data"]["data_digest"] == manifest.data_digest
    assert model["data"]["known_until"] == manifest.known_until
    assert scored_at(high, TENANT, lead, row.scored_at - timedelta(minutes=2)) is None
    assert scored_at(high, TENANT, "nobody", row.scored_at) is None


def test_every_change_of_who_answers_says_who_approved_it(high: Home, tmp_path: Path) -> None:
    version = candidate(high, tmp_path)
    acts.approve(high, TENANT, version, actor=EVA, reason="looked at the card", now=NOW)
    promote(high, version)
    newest, oldest = changes(high, TENANT)
    assert (newest["until"], oldest["until"]) == (None, newest["since"])
    (model,) = newest["models"]
    assert (model["version"], model["approved"]["by"], model["approved"]["reason"]) == (
        version,
        "eva",
        "looked at the card",
    )
    (before,) = oldest["models"]
    assert before["approved"]["by"] == "nightly"
    assert traffic_at(high, TENANT, NOW - timedelta(seconds=1)) == oldest
    assert traffic_at(high, TENANT, NOW) == newest
    assert traffic_at(high, TENANT, datetime(2020, 1, 1, tzinfo=UTC)) is None


def test_the_report_holds_everything_on_record(high: Home, tmp_path: Path) -> None:
    version = candidate(high, tmp_path, trained_by=EVA)
    acts.approve(high, TENANT, version, actor=TOM, reason="looked at the card", now=NOW)
    report = compliance_report(high, TENANT, version, now=NOW)
    assert report["model"]["state"] == "approved"
    assert report["approved"]["by"] == "tom"
    assert report["trained"] == {"by": "eva", "kind": "person"}
    assert report["lineage"]["data_digest"].startswith("sha256:")
    assert report["environment"]["xgboost"]
    assert {one["name"] for one in report["gates"]} >= {"calibration", "fairness"}
    assert "No groups were supplied" in report["fairness"]
    assert any(one.startswith("Probabilities are of the past") for one in report["limits"])
    assert any(one.startswith("fairness: Not judged") for one in report["limits"])
    assert [one["act"] for one in report["decisions"]] == ["approved", "pending"]
    assert report["traffic"] == []
    assert report["audit"]["whole"] is True
    champion = compliance_report(high, TENANT, 1, now=NOW)
    assert champion["code"]["code"].startswith("sha256:")
    assert len(champion["traffic"]) == 1
    assert champion["lineage"]["dagster_run"] != "not recorded"
