"""Drift in the nightly run: a finding, Evidently's page, and a check that only warns."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from assets.drift import AREA, REPORT, drift, drift_is_small
from assets.drift_report import write_report
from lintel.events.moments import to_microseconds
from lintel.home import Home
from lintel.monitoring.drift.finding import NO_REFERENCE
from lintel.monitoring.drift.reference import FILE
from lintel.registry.champion import champion_bundle
from lintel.scoring.answers import score_batch
from lintel.store.prediction import Prediction, prediction_of
from tests.orchestration.nightly_home import TENANT, NightlyHome
from tests.store.predicting import put_segment

WARN = dg.AssetCheckSeverity.WARN


@pytest.fixture
def own_home(own_nightly_home: NightlyHome) -> Iterator[Home]:
    with Home(own_nightly_home.settings) as opened:
        yield opened


def judge(home: Home) -> dg.ExecuteInProcessResult:
    """Drift and its check alone, of what is in the home."""
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("tenants", [TENANT])
        return dg.materialize(
            [drift, drift_is_small], partition_key=TENANT, resources={"home": home}, instance=instance
        )


def test_the_nightly_run_judges_the_champion_and_draws_a_report(own_home: Home) -> None:
    finding = own_home.monitoring.newest(TENANT, AREA)
    assert finding is not None
    serving = own_home.traffic.read(TENANT)[0]
    assert (finding["status"], finding["model_digest"]) == ("judged", serving.digest)
    assert finding["model_version"] == serving.model_version
    assert finding["features"]["tested"] == 260
    assert finding["served"] == {}  # nobody has asked the service
    moved = len(finding["features"]["moved"]) or "None"
    assert finding["explanation"].startswith(f"{moved} of 260 features ha")
    page = own_home.work(TENANT, REPORT).read_text(encoding="utf-8")
    assert "<html" in page
    run = own_home.registry.version(TENANT, serving.model_version).run_id
    kept = list(own_home.settings.artifacts_path.glob(f"{run}/artifacts/{AREA}/{REPORT}"))
    assert [one.read_text(encoding="utf-8") == page for one in kept] == [True]


def test_a_source_that_breaks_is_a_warning_that_stops_nothing(own_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the newest rows every feature goes missing."""

    def broken(path: Path, names: tuple[str, ...], rows: np.ndarray) -> Iterator[np.ndarray]:
        return (np.full(int(rows.sum()), np.nan, np.float32) for _ in names)

    monkeypatch.setattr("lintel.monitoring.drift.current.parquet_columns", broken)
    result = judge(own_home)
    check = result.get_asset_check_evaluations()[0]
    finding = own_home.monitoring.newest(TENANT, AREA)
    assert result.success
    assert (check.passed, check.severity) == (False, WARN)
    assert finding is not None
    assert finding["alarm"]
    assert finding["moved_of_what_is_used"] > 0.5
    assert "missing" in finding["explanation"]


def test_scores_that_callers_got_are_compared_by_the_week(own_home: Home) -> None:
    """The champion's own answers of a week, of which one dimension was told quite otherwise."""
    now, serving = datetime.now(UTC), champion_bundle(own_home.traffic, own_home.settings.bundles_path, TENANT)
    log = own_home.log(TENANT, now=now)
    told = score_batch(serving.bundle, log, seq=1, model_version=serving.version, now=now)
    name = next(iter(serving.bundle.scorer.ready))
    odd = [one | {"dimensions": one["dimensions"] | {name: {"probability": 0.999}}} for one in told]
    put_segment(own_home.settings.prediction_segments_path, [[_logged(one, now) for one in odd]])
    own_home.predictions.compact(now=now, keep_days=30)
    judge(own_home)
    finding = own_home.monitoring.newest(TENANT, AREA)
    assert finding is not None
    (week,) = finding["served"][name].values()
    assert week["leads"] == len(told)
    assert week["moved"]
    assert f"Answers of {name} in the week of" in finding["explanation"]


def _logged(answer: dict[str, Any], now: datetime) -> Prediction:
    return prediction_of(
        answer, TENANT, answered_at=to_microseconds(now), urgency="bulk", features=None, feature_rate=0.0
    )


def test_a_bundle_without_a_reference_is_not_judged(own_home: Home) -> None:
    digest = own_home.traffic.read(TENANT)[0].digest
    (own_home.registry.bundle_path(digest) / FILE).rename(own_home.settings.home / "away.npz")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lintel.scoring.bundle._verified_manifest", _unverified)
        result = judge(own_home)
    finding = own_home.monitoring.newest(TENANT, AREA)
    assert finding is not None
    assert (finding["alarm"], finding["status"], finding["explanation"]) == (False, "no_reference", NO_REFERENCE)
    assert result.get_asset_check_evaluations()[0].passed


def _unverified(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "bundle.json").read_bytes())


def test_a_finding_is_of_the_moment_of_the_run(own_home: Home) -> None:
    before = datetime.now(UTC)
    judge(own_home)
    newest = own_home.monitoring.newest(TENANT, AREA)
    assert newest is not None
    assert before <= datetime.fromisoformat(newest["at"]) <= datetime.now(UTC)


def test_evidently_reaches_nothing_outside_and_skips_empty_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise AssertionError("it asked the network")

    monkeypatch.setattr("socket.socket.connect", refused)
    random = np.random.default_rng(1)
    before = pd.DataFrame(random.normal(size=(200, 3)), columns=["a", "b", "empty"])
    now = before.assign(a=before["a"] + 3.0, empty=np.nan)
    told = write_report(before, now, tmp_path / "report.html")
    assert told == {"compared": 2, "drifted": 1}
    assert (tmp_path / "report.html").stat().st_size > 10_000
