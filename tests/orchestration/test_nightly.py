"""What one nightly run leaves behind, what a second one changes, and what a broken one stops."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import mlflow
import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import assets.features
import assets.training
from cli.nightly import NightlyFailedError
from lintel.errors import InputError
from lintel.features.catalogue import catalogue
from lintel.features.drivers import nightly_features
from lintel.home import Home
from lintel.labels.outcomes import Outcome
from lintel.registry.champion import champion_bundle, champion_entry
from lintel.scoring.answers import score_leads
from lintel.scoring.examples import Examples, build_examples
from lintel.store.log import TenantLog
from orchestration.instance import open_instance
from tests.orchestration.nightly_home import TENANT, NightlyHome, nightly
from tests.orchestration.specs import specs

ASSETS = {
    "event_lake": {"dagster/row_count", "digest", "watermark", "quarantined", "events_added"},
    "lead_features": {"dagster/row_count", "as_of", "feature_version", "constant_here"},
    "training_examples": {"dagster/row_count", "digest", "labels", "leads"},
    "score_bundle": {"digest", "model_card", "churn/auc", "plot/churn_roc"},
    "model_version": {"version", "digest", "mlflow_run_id"},
    "champion": {"promoted", "reason", "version", "digest"},
    "lead_scores": {"dagster/row_count", "as_of", "model_version"},
    "lead_scoring_bento": {"tag", "bundle"},
}
CHECKS = {one["name"]: one["blocking"] for one in specs()["checks"]}


@pytest.fixture
def home(nightly_home: NightlyHome) -> Iterator[Home]:
    with Home(nightly_home.settings) as home:
        yield home


def materialised(home: NightlyHome) -> dict[str, dict[str, Any]]:
    """The metadata of each asset's newest materialisation."""
    found = {}
    with open_instance(home.settings) as instance:
        for name in ASSETS:
            event = instance.get_latest_materialization_event(dg.AssetKey(name))
            assert event is not None, name
            made = event.asset_materialization
            assert made is not None
            found[name] = {key: one.value for key, one in made.metadata.items()}
    return found


def events_of(home: NightlyHome, run_id: str) -> list[dg.DagsterEvent]:
    with open_instance(home.settings) as instance:
        return [entry.dagster_event for entry in instance.all_logs(run_id) if entry.dagster_event]


def newest_run(home: NightlyHome) -> str:
    with open_instance(home.settings) as instance:
        return instance.get_runs(limit=1)[0].run_id


def done(home: NightlyHome, run_id: str) -> set[str]:
    return {event.step_key for event in events_of(home, run_id) if event.is_step_success and event.step_key}


# one run


@pytest.mark.parametrize("name", ASSETS)
def test_every_materialisation_says_what_it_made(nightly_home: NightlyHome, name: str) -> None:
    metadata = materialised(nightly_home)[name]
    assert ASSETS[name] <= metadata.keys()
    assert all(metadata[key] not in (None, "") for key in ASSETS[name])
    assert metadata.get("dagster/row_count", 1) > 0


def test_one_digest_goes_from_the_bundle_to_the_bento(nightly_home: NightlyHome, home: Home) -> None:
    made = materialised(nightly_home)
    digest = made["score_bundle"]["digest"]
    assert {made[name]["digest"] for name in ("model_version", "champion")} == {digest}
    assert made["lead_scoring_bento"]["bundle"] == digest
    assert made["lead_scoring_bento"]["tag"] == nightly_home.value["bento"]
    assert champion_bundle(home.traffic, home.settings.bundles_path, TENANT).bundle.digest == digest


def test_row_counts_are_those_of_the_stores(nightly_home: NightlyHome, home: Home) -> None:
    made = materialised(nightly_home)
    assert made["event_lake"]["dagster/row_count"] == home.events.count(TENANT) == len(home.lake.read(TENANT))
    assert made["lead_features"]["dagster/row_count"] == len(home.events.lead_ids(TENANT))
    page = home.scores.page(TENANT, limit=200)
    assert made["lead_scores"]["dagster/row_count"] == len(page.leads)


def test_dagster_and_mlflow_point_at_each_other(nightly_home: NightlyHome, home: Home) -> None:
    (version,) = home.registry.versions(TENANT)
    run = mlflow.MlflowClient(home.settings.mlflow_url).get_run(version.run_id)
    assert run.data.tags["dagster_run_id"] == nightly_home.value["run_id"]
    assert run.data.tags["lintel.digest"] == version.digest
    assert run.info.status == "FINISHED"
    assert materialised(nightly_home)["model_version"]["mlflow_run_id"] == version.run_id
    assert (version.tags or {})["dagster_run_id"] == nightly_home.value["run_id"]


def test_mlflow_shows_the_figures_of_the_bundle(home: Home) -> None:
    (version,) = home.registry.versions(TENANT)
    client = mlflow.MlflowClient(home.settings.mlflow_url)
    bundle = champion_bundle(home.traffic, home.settings.bundles_path, TENANT).bundle
    figures = client.get_run(version.run_id).data.metrics
    for name, values in bundle.metrics["dimensions"].items():
        if "auc" in values:
            assert figures[f"{name}.auc"] == pytest.approx(values["auc"])
    listed = {file.path for file in client.list_artifacts(version.run_id)}
    assert {"metrics.json", "model_card.md", "plots"} <= listed


def test_the_alias_mirrors_the_traffic(home: Home) -> None:
    (version,) = home.registry.versions(TENANT)
    entry = champion_entry(home.traffic, TENANT)
    assert entry is not None
    assert (entry.digest, entry.model_version) == (version.digest, version.version)
    assert version.aliases == ("champion",)
    assert (version.tags or {})["lintel.decision"] == "the first champion of this scope"


def test_every_check_was_evaluated_and_passed(nightly_home: NightlyHome) -> None:
    events = events_of(nightly_home, nightly_home.value["run_id"])
    checks = [
        event.asset_check_evaluation_data for event in events if event.event_type_value == "ASSET_CHECK_EVALUATION"
    ]
    assert {check.check_name: check.blocking for check in checks} == CHECKS
    assert [check.check_name for check in checks if not check.passed] == []


def test_stored_scores_are_those_that_the_library_gives(home: Home) -> None:
    """The nightly list and a request agree, lead by lead."""
    champion = champion_bundle(home.traffic, home.settings.bundles_path, TENANT)
    stored = {one["lead_id"]: one for one in home.scores.page(TENANT, limit=20).leads}
    tenant = home.events.tenant(TENANT)
    asked = score_leads(
        home.events,
        champion.bundle,
        tenant,
        list(stored),
        None,
        explain=False,
        model_version=champion.version,
        served_by="champion",
    )
    for one in asked:
        assert one["dimensions"] == stored[one["lead_id"]]["dimensions"]
        assert one["as_of"] == stored[one["lead_id"]]["as_of"]
    assert {one["simulated"] for one in asked} == {True}


def test_the_bento_was_built_once_and_holds_the_champion(nightly_home: NightlyHome) -> None:
    name, version = nightly_home.value["bento"].split(":")
    built = nightly_home.path / "bentoml" / "bentos" / name / version
    (baked,) = built.rglob("bundle.sha256")
    assert baked.read_text().strip() == materialised(nightly_home)["champion"]["digest"]


def test_the_home_is_closed_after_a_run(nightly_home: NightlyHome) -> None:
    assert not [path.name for path in nightly_home.path.glob("*.db-wal") if path.stat().st_size], "a log was not merged"


# a second run


def test_a_second_run_over_the_same_log_changes_nothing_that_counts(own_nightly_home: NightlyHome) -> None:
    before = materialised(own_nightly_home)
    value = nightly(own_nightly_home.path)
    after = materialised(own_nightly_home)
    assert value["bento"] == own_nightly_home.value["bento"]
    assert after["event_lake"]["events_added"] == 0
    for name in ("event_lake", "training_examples", "score_bundle", "model_version"):
        assert after[name]["digest"] == before[name]["digest"], name
    assert after["lead_scores"]["dagster/row_count"] == before["lead_scores"]["dagster/row_count"]
    assert after["champion"]["reason"] == "it is the champion already"
    with Home(own_nightly_home.settings) as home:
        (version,) = home.registry.versions(TENANT)
        assert version.aliases == ("champion",)
        assert (version.tags or {})["dagster_run_id"] == own_nightly_home.value["run_id"]
        assert len(home.traffic.history(TENANT)) == 1


# broken runs


def part_of_the_lake(home: NightlyHome) -> Path:
    (part,) = (home.path / "lake").rglob("*.parquet")
    return part


def test_a_bad_row_in_the_lake_stops_everything_downstream(own_nightly_home: NightlyHome) -> None:
    part = part_of_the_lake(own_nightly_home)
    table = pq.read_table(part)
    late = pc.subtract(table.column("occurred_at"), np.timedelta64(1, "s"))
    pq.write_table(table.set_column(table.schema.get_field_index("known_at"), "known_at", late), part)
    with pytest.raises(NightlyFailedError, match="event_lake_is_sound") as raised:
        nightly(own_nightly_home.path)
    assert "lead-" not in str(raised.value)
    run = newest_run(own_nightly_home)
    assert run != own_nightly_home.value["run_id"]
    assert done(own_nightly_home, run) <= {"event_lake", "event_lake_event_lake_is_timely"}


def broken_features(*args: Any, **kwargs: Any) -> Any:
    frame = nightly_features(*args, **kwargs)
    shares = [position for position, one in enumerate(catalogue().features) if one.aggregation == "share"]
    matrix = frame.matrix.copy()
    matrix[:, shares] = 1.5
    return replace(frame, matrix=matrix)


def test_features_that_cannot_be_stop_the_scores(
    own_nightly_home: NightlyHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets.features, "nightly_features", broken_features)
    with Home(own_nightly_home.settings) as home:
        before = home.scores.page(TENANT, limit=200)
    with pytest.raises(NightlyFailedError, match="lead_features_are_sound"):
        nightly(own_nightly_home.path)
    assert "lead_scores" not in done(own_nightly_home, newest_run(own_nightly_home))
    with Home(own_nightly_home.settings) as home:
        assert home.scores.page(TENANT, limit=200) == before


def shuffled(log: TenantLog, *, seed: int) -> Examples:
    """Examples whose labels have nothing to do with their features."""
    examples = build_examples(log, seed=seed)
    random = np.random.default_rng(seed)
    return replace(examples, outcomes={name: noise(one, random) for name, one in examples.outcomes.items()})


def noise(outcome: Outcome, random: np.random.Generator) -> Outcome:
    status, mature = outcome.status.copy(), np.flatnonzero(outcome.mature)
    status[mature] = random.permutation(status[mature])
    days = None if outcome.days is None else random.permutation(outcome.days)
    return replace(outcome, status=status, days=days)


def test_a_model_of_noise_is_not_promoted_and_the_champion_goes_on(
    own_nightly_home: NightlyHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets.training, "build_examples", shuffled)
    why = "score_bundle_beats_the_base_rate: .*conversion: no_better_than_base_rate: "
    with pytest.raises(NightlyFailedError, match=why):
        nightly(own_nightly_home.path)
    assert not done(own_nightly_home, newest_run(own_nightly_home)) & {"model_version", "champion", "lead_scores"}
    with Home(own_nightly_home.settings) as home:
        champion = champion_bundle(home.traffic, home.settings.bundles_path, TENANT)
        assert champion.bundle.digest == materialised(own_nightly_home)["champion"]["digest"]
        assert len(home.registry.versions(TENANT)) == 1


def test_an_expected_error_is_told_and_an_unexpected_one_only_named(
    own_nightly_home: NightlyHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(error: Exception) -> Any:
        def raising(*_args: Any, **_kwargs: Any) -> Any:
            raise error

        return raising

    monkeypatch.setattr(assets.training, "build_examples", fail(InputError("Nothing was decided yet.")))
    with pytest.raises(NightlyFailedError, match="training_examples: Nothing was decided yet") as raised:
        nightly(own_nightly_home.path)
    assert raised.value.exit_code == InputError.exit_code
    monkeypatch.setattr(assets.training, "build_examples", fail(KeyError("jane@example.com")))
    with pytest.raises(NightlyFailedError, match="unexpected KeyError") as raised:
        nightly(own_nightly_home.path)
    assert "jane" not in str(raised.value)
    assert raised.value.exit_code == 1
    assert not list((own_nightly_home.path / "work" / TENANT).glob(".*")), "a partial file was left"
