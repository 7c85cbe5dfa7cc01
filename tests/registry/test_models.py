"""The registry over a real MLflow on SQLite: versions by digest, files that come back, and nothing that executes."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import mlflow
import pandas as pd
import pytest

from lintel.errors import IncompatibleError, InputError, NotFoundError, UnavailableError
from lintel.events.schema import INCOMING_SCHEMA
from lintel.home import Home
from lintel.registry import acts
from lintel.registry.actor import machine
from lintel.registry.champion import champion_bundle, champion_entry
from lintel.registry.lifecycle import State
from lintel.registry.models import ModelRegistry, ModelVersion
from lintel.registry.promotion import challenge
from lintel.registry.rollout import mirror
from lintel.registry.traffic import Traffic
from lintel.scoring.bundle import Bundle
from lintel.scoring.examples import Examples
from tests.orchestration.nightly_home import TENANT, NightlyHome

NOW = datetime(2026, 3, 2, tzinfo=UTC)
PICKLES = (".pkl", ".pickle", ".joblib", ".cloudpickle", ".dill")


@pytest.fixture
def home(own_nightly_home: NightlyHome) -> Iterator[Home]:
    """A home with one registered, promoted bundle."""
    with Home(own_nightly_home.settings) as home:
        yield home


@pytest.fixture
def first(home: Home) -> ModelVersion:
    (version,) = home.registry.versions(TENANT)
    return version


@pytest.fixture
def make_bundle(home: Home, first: ModelVersion, tmp_path: Path) -> Callable[..., Path]:
    """The same models under another seed's name: another digest."""

    def make(seed: int = 99) -> Path:
        bundle = Bundle.load(home.registry.bundle_path(first.digest))
        path = tmp_path / f"bundle-{seed}"
        replace(bundle, manifest=replace(bundle.manifest, seed=seed)).save(path)
        return path

    return make


def register(registry: ModelRegistry, path: Path) -> ModelVersion:
    return registry.register(path, scope=TENANT, tags={"dagster_run_id": "run-2"})


def put(home: Home, version: ModelVersion, reason: str = "better") -> None:
    """Make a version the champion, as if its gates had let it."""
    tests = machine("tests")
    acts.register(home, TENANT, version, trained_by=tests, actor=tests, now=NOW)
    if home.states.read(TENANT, version.version).state is State.DRAFT:
        for state in (State.VALIDATED, State.APPROVED):
            home.states.move(TENANT, version.version, state, actor=tests, reason="a test", now=NOW)
    acts.promote(home, TENANT, version.version, actor=tests, reason=reason, now=NOW)


# versions


def test_a_bundle_is_registered_once(home: Home, first: ModelVersion, make_bundle: Callable[..., Path]) -> None:
    assert register(home.registry, home.registry.bundle_path(first.digest)) == first
    second = register(home.registry, make_bundle())
    assert (second.version, second.aliases) == (first.version + 1, ())
    assert second.tags is not None
    assert second.tags["dagster_run_id"] == "run-2"
    assert register(home.registry, make_bundle(98)).version == second.version + 1
    versions = home.registry.versions(TENANT)
    assert [one.version for one in versions] == [3, 2, 1]
    assert len({one.digest for one in versions}) == len(versions)
    assert [one.aliases for one in versions] == [(), (), ("champion",)]


def test_a_version_has_its_digest_from_its_first_moment(
    home: Home, make_bundle: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that dies right after the version was made must find it again by its digest."""

    def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    path = make_bundle()
    monkeypatch.setattr(ModelRegistry, "publish", dies)
    with pytest.raises(KeyboardInterrupt):
        register(home.registry, path)
    monkeypatch.undo()
    assert register(home.registry, path).version == 2
    assert len(home.registry.versions(TENANT)) == 2


def test_unknown_scopes_versions_and_digests(home: Home) -> None:
    assert home.registry.versions("nobody") == []
    with pytest.raises(NotFoundError, match="version 17"):
        home.registry.fetch(TENANT, 17)
    with pytest.raises(NotFoundError, match="digest"):
        home.registry.by_digest(TENANT, "sha256:" + "0" * 64)


def test_two_registries_in_one_process_keep_apart(
    home: Home, first: ModelVersion, make_bundle: Callable[..., Path], tmp_path: Path
) -> None:
    """MLflow's functions know one address a process."""
    url = f"sqlite:///{tmp_path / 'other.db'}"
    shutil.copy(tmp_path / "home" / "mlflow.db", tmp_path / "other.db")
    other = ModelRegistry(url, artifacts=tmp_path / "other", bundles=tmp_path / "other-bundles")
    register(home.registry, make_bundle())
    assert [one.version for one in other.versions(TENANT)] == [first.version]
    assert len(home.registry.versions(TENANT)) == 2


# files


def test_nothing_under_a_registered_model_is_a_pickle(home: Home, first: ModelVersion) -> None:
    files = [path for path in home.settings.artifacts_path.rglob("*") if path.is_file()]
    assert {"MLmodel", "bundle.json", "model_card.md", "metrics.json"} <= {path.name for path in files}
    for path in files:
        assert path.suffix not in PICKLES, path
        assert path.read_bytes()[:2] not in {b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"}, path


def test_publishing_is_whole_or_not_at_all(
    home: Home, make_bundle: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_bundle()
    digest = Bundle.load(path).digest

    def full(source: Path, target: Path) -> None:
        target.mkdir()
        (target / "bundle.json").write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copytree", full)
    with pytest.raises(OSError, match="No space"):
        home.registry.publish(path, digest)
    assert not home.registry.bundle_path(digest).exists()
    monkeypatch.undo()
    target = home.registry.publish(path, digest)
    assert Bundle.load(target).digest == digest
    before = target.stat().st_mtime_ns
    assert home.registry.publish(path, digest) == target
    assert target.stat().st_mtime_ns == before
    assert not [one for one in target.parent.iterdir() if one.name.startswith(".")]


def test_a_deleted_bundle_comes_back_from_mlflow(home: Home, first: ModelVersion) -> None:
    target = home.registry.bundle_path(first.digest)
    shutil.rmtree(target)
    with pytest.raises(UnavailableError, match=r"not in the bundle folder.*lintel models fetch"):
        champion_bundle(home.traffic, home.settings.bundles_path, TENANT)
    assert home.registry.fetch(TENANT, first.version) == target
    assert champion_bundle(home.traffic, home.settings.bundles_path, TENANT).bundle.digest == first.digest


def test_a_bundle_that_was_changed_here_is_replaced(home: Home, first: ModelVersion) -> None:
    target = home.registry.bundle_path(first.digest)
    (target / "model_card.md").write_text("all is well")
    with pytest.raises(IncompatibleError, match=r"model_card\.md"):
        champion_bundle(home.traffic, home.settings.bundles_path, TENANT)
    assert home.registry.fetch_digest(TENANT, first.digest) == target
    assert Bundle.load(target).digest == first.digest
    assert os.listdir(target.parent) == [target.name]


@pytest.mark.parametrize("also_here", [False, True])
def test_a_bundle_that_was_changed_in_mlflow_is_refused(home: Home, first: ModelVersion, also_here: bool) -> None:
    (card,) = [path for path in home.settings.artifacts_path.rglob("model_card.md") if path.parent.name == "bundle"]
    card.write_text("all is well")
    if also_here:
        assert home.registry.fetch(TENANT, first.version)  # what is here and whole needs no MLflow
    shutil.rmtree(home.registry.bundle_path(first.digest))
    with pytest.raises(IncompatibleError, match=r"model_card\.md"):
        home.registry.fetch(TENANT, first.version)
    assert not home.registry.bundle_path(first.digest).exists()


def test_another_bundle_in_its_place_is_refused(
    home: Home, first: ModelVersion, make_bundle: Callable[..., Path]
) -> None:
    (card,) = [path for path in home.settings.artifacts_path.rglob("model_card.md") if path.parent.name == "bundle"]
    shutil.rmtree(card.parent)
    shutil.copytree(make_bundle(), card.parent)
    shutil.rmtree(home.registry.bundle_path(first.digest))
    with pytest.raises(IncompatibleError, match="not the bundle that was registered"):
        home.registry.fetch(TENANT, first.version)


def test_files_that_are_gone_everywhere_are_unavailable(home: Home, first: ModelVersion) -> None:
    shutil.rmtree(home.registry.bundle_path(first.digest))
    shutil.rmtree(home.settings.artifacts_path)
    with pytest.raises(UnavailableError, match=r"has no files|does not give the files"):
        home.registry.fetch(TENANT, first.version)


# promotion


def test_promoting_twice_is_a_no_op(home: Home, first: ModelVersion) -> None:
    version, history = home.traffic.version(), home.traffic.history(TENANT)
    put(home, first)
    put(home, first)
    assert (home.traffic.version(), home.traffic.history(TENANT)) == (version, history)
    assert home.registry.versions(TENANT)[0].aliases == ("champion",)


def test_the_alias_follows_the_traffic_back_and_forth(
    home: Home, first: ModelVersion, make_bundle: Callable[..., Path]
) -> None:
    second = register(home.registry, make_bundle())
    for chosen in (second, first):
        put(home, chosen)
        (champion,) = [one for one in home.registry.versions(TENANT) if one.aliases == ("champion",)]
        entry = champion_entry(home.traffic, TENANT)
        assert entry is not None
        assert champion.digest == chosen.digest == entry.digest
    assert [one["reason"] for one in home.traffic.history(TENANT)][:2] == ["better", "better"]


def test_a_stale_alias_is_mended_by_the_next_run(
    home: Home, make_bundle: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a crash between the table and the alias."""
    second = register(home.registry, make_bundle())
    monkeypatch.setattr(ModelRegistry, "mirror_champion", lambda *_: None)
    put(home, second)
    assert home.registry.versions(TENANT)[0].aliases == ()
    monkeypatch.undo()
    mirror(home.registry, home.traffic, scope=TENANT)
    assert [one.aliases for one in home.registry.versions(TENANT)] == [("champion",), ()]


def test_a_bundle_that_cannot_be_loaded_is_not_promoted(
    home: Home, first: ModelVersion, make_bundle: Callable[..., Path]
) -> None:
    second = register(home.registry, make_bundle())
    shutil.rmtree(home.registry.bundle_path(second.digest))
    shutil.rmtree(home.settings.artifacts_path)
    with pytest.raises(UnavailableError):
        put(home, second)
    entry = champion_entry(home.traffic, TENANT)
    assert entry is not None
    assert entry.digest == first.digest


def test_a_scope_without_a_champion_says_what_to_do(home: Home, tmp_path: Path) -> None:
    with Traffic.open(f"sqlite:///{tmp_path / 'empty.db'}") as traffic:
        with pytest.raises(NotFoundError, match=r"No model serves 'acme' yet\. Run `lintel nightly --tenant acme`"):
            champion_bundle(traffic, home.settings.bundles_path, "acme")
        mirror(home.registry, traffic, scope=TENANT)  # nothing to mirror, nothing to fail


# who takes over


@pytest.fixture
def examples(home: Home) -> Examples:
    return Examples.load(home.work(TENANT, "examples.parquet"))


def test_an_equal_model_does_not_take_over_and_the_champion_itself_stays(
    home: Home, first: ModelVersion, examples: Examples, make_bundle: Callable[..., Path]
) -> None:
    current = champion_entry(home.traffic, TENANT)
    same = Bundle.load(home.registry.bundle_path(first.digest))
    verdict = challenge(same, current, examples, registry=home.registry, scope=TENANT)
    assert verdict.reasons == ("it is the champion already",)
    verdict = challenge(Bundle.load(make_bundle()), current, examples, registry=home.registry, scope=TENANT)
    assert not verdict.passed
    assert "on the same newest fold" in verdict.reasons[0]


def test_the_champion_calibrated_anew_only_has_to_be_no_worse(
    home: Home, first: ModelVersion, examples: Examples
) -> None:
    current = champion_entry(home.traffic, TENANT)
    champion = Bundle.load(home.registry.bundle_path(first.digest))
    anew = replace(champion, manifest=replace(champion.manifest, recalibrated_from=champion.digest), digest="sha256:1")
    assert challenge(anew, current, examples, registry=home.registry, scope=TENANT).passed
    other = replace(anew, manifest=replace(anew.manifest, recalibrated_from="sha256:another"))
    assert not challenge(other, current, examples, registry=home.registry, scope=TENANT).passed


def test_a_champion_that_this_code_cannot_load_is_replaced(
    home: Home, first: ModelVersion, examples: Examples, make_bundle: Callable[..., Path]
) -> None:
    """As after an upgrade that computes other features: otherwise no model could ever take over again."""
    candidate = Bundle.load(make_bundle())
    manifest = home.registry.bundle_path(first.digest) / "bundle.json"
    content = json.loads(manifest.read_text())
    content["manifest"]["feature_digest"] = "sha256:" + "0" * 64
    manifest.write_text(json.dumps(content))
    shutil.rmtree(home.settings.artifacts_path)
    current = champion_entry(home.traffic, TENANT)
    verdict = challenge(candidate, current, examples, registry=home.registry, scope=TENANT)
    assert verdict.passed
    assert f"version {first.version}, cannot answer any more" in verdict.reasons[0]


# MLflow's own door


@pytest.fixture
def rows(home: Home) -> pd.DataFrame:
    """Events of twenty leads, as a caller of MLflow's server would send them."""
    leads = home.events.lead_ids(TENANT)[:20]
    table = home.events.lead_events(TENANT, leads)
    names = [name for name in INCOMING_SCHEMA.names if name in table.column_names]
    rows = table.select(names).to_pandas()
    bodies = home.events.bodies(TENANT, rows["event_id"].tolist())
    rows["text"] = [bodies[one].text if one in bodies else None for one in rows["event_id"]]
    return rows


def test_mlflow_loads_the_bundle_and_scores_as_it_does(home: Home, first: ModelVersion, rows: pd.DataFrame) -> None:
    as_of = rows["known_at"].max().isoformat()
    with home.registry._connected():
        model = mlflow.pyfunc.load_model(f"models:/{first.name}@champion")
        answered = model.predict(rows, params={"as_of": as_of, "time_zone": "America/Denver"})
    bundle = Bundle.load(home.registry.bundle_path(first.digest))
    leads = sorted(rows["lead_id"].unique())
    events = home.events.lead_events(TENANT, leads)
    moment = datetime.fromisoformat(as_of)
    expected = bundle.score(events, moment, lead_ids=leads, time_zone="America/Denver")
    found = [json.loads(one) for one in answered]
    assert [one["lead_id"] for one in found] == leads
    assert any("dimensions" in one for one in found)
    assert rows["text"].notna().any(), "no signals were compared"
    assert found == json.loads(json.dumps(expected))


def test_mlflow_refuses_a_row_that_is_no_event(home: Home, first: ModelVersion, rows: pd.DataFrame) -> None:
    with home.registry._connected():
        model = mlflow.pyfunc.load_model(f"models:/{first.name}/{first.version}")
    with pytest.raises(InputError, match="1 rows are no events; the first: row 1, column kind"):
        model.predict(rows.astype({"kind": str}).assign(kind=["no.kind", *rows["kind"].astype(str)[1:]]))
