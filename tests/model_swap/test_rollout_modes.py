"""Standbys, shadows and rolling bundles are loaded like any other, and answer only whom they should."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lintel.registry.actor import person
from lintel.registry.traffic import Traffic, TrafficEntry
from lintel.scoring.bundle import Bundle
from serving.autoscaling.place import Place
from serving.model import Models
from serving.router import Router, mirrored
from tests.scoring.conftest import synthetic_events, trained  # noqa: F401

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TENANT = "acme"
LEADS = [f"lead-{number}" for number in range(200)]


@dataclass
class Stage:
    """A champion and a candidate on disk, and a worker whose place can be changed."""

    traffic: Traffic
    models: Models
    first: str
    second: str
    place: list[Place | None]

    def assign(self, *parts: tuple[str, float, str]) -> None:
        entries = [TrafficEntry(digest, "lead-scoring.acme", 1, weight, mode) for digest, weight, mode in parts]
        self.traffic.assign(TENANT, entries, actor=person("test"), reason="test", now=NOW)
        self.models.refresh()

    def answering(self) -> dict[tuple[str, str], int]:
        """Leads by digest and rung."""
        split = Router(self.models).split(TENANT, LEADS)
        return {(model.digest, model.served_by): len(positions) for model, positions in split}

    def loaded(self) -> set[tuple[str, str]]:
        return {(model.digest, model.served_by) for model in self.models.models}


@pytest.fixture
def stage(tmp_path: Path, trained) -> Iterator[Stage]:  # noqa: F811
    bundles = tmp_path / "bundles"
    bundles.mkdir()
    first, second = (put(trained.bundle, bundles, seed) for seed in (101, 102))
    place: list[Place | None] = [Place(0, 2)]
    with Traffic.open(f"sqlite:///{tmp_path / 'state.db'}") as traffic:
        models = Models(traffic, bundles, tmp_path / "baked", place=lambda: place[0])
        yield Stage(traffic, models, first, second, place)


def put(bundle: Bundle, folder: Path, seed: int) -> str:
    saved = replace(bundle, manifest=replace(bundle.manifest, seed=seed)).save(folder / "new")
    (folder / "new").rename(folder / saved.digest.removeprefix("sha256:"))
    return saved.digest


def test_a_standby_is_loaded_and_answers_nobody_and_the_flip_loads_nothing(stage: Stage) -> None:
    stage.assign((stage.first, 1.0, "champion"), (stage.second, 0.0, "standby"))
    assert stage.answering() == {(stage.first, "champion"): len(LEADS)}
    assert stage.loaded() == {(stage.first, "champion"), (stage.second, "standby")}
    bundles = {model.digest: model.bundle for model in stage.models.models}
    stage.assign((stage.second, 1.0, "champion"), (stage.first, 0.0, "standby"))
    assert stage.answering() == {(stage.second, "champion"): len(LEADS)}
    assert all(model.bundle is bundles[model.digest] for model in stage.models.models)


@pytest.mark.parametrize(("weight", "answers"), [(0.5, "champion"), (1.0, "canary")])
def test_the_model_that_answers_is_the_one_that_has_all_leads(stage: Stage, weight: float, answers: str) -> None:
    stage.assign((stage.first, 1.0 - weight, "champion"), (stage.second, weight, "canary"))
    assert stage.models.answering(TENANT).served_by == answers


def test_a_shadow_is_drawn_for_its_share_and_answers_nobody(stage: Stage) -> None:
    stage.assign((stage.first, 1.0, "champion"), (stage.second, 0.5, "shadow"))
    assert stage.answering() == {(stage.first, "champion"): len(LEADS)}
    route = stage.models.route(TENANT)
    drawn = {lead for lead in LEADS if mirrored(route, TENANT, lead)}
    assert 60 < len(drawn) < 140
    stage.assign((stage.first, 1.0, "champion"), (stage.second, 0.8, "shadow"))
    assert drawn <= {lead for lead in LEADS if mirrored(stage.models.route(TENANT), TENANT, lead)}


def test_a_rolling_bundle_answers_everything_on_its_workers_and_nothing_on_others(stage: Stage) -> None:
    stage.assign((stage.first, 0.5, "champion"), (stage.second, 0.5, "rolling"))
    assert stage.answering() == {(stage.second, "canary"): len(LEADS)}
    assert stage.loaded() == {(stage.second, "canary"), (stage.first, "previous-champion")}
    assert stage.models.answering(TENANT).digest == stage.second
    for other in (Place(1, 2), None):
        stage.place[0] = other
        stage.models.refresh()  # the table stands still
        assert stage.answering() == {(stage.first, "champion"): len(LEADS)}
        assert stage.loaded() == {(stage.first, "champion"), (stage.second, "standby")}
    stage.place[0] = Place(0, 2)
    stage.models.refresh()
    assert stage.answering() == {(stage.second, "canary"): len(LEADS)}


def test_a_bundle_in_waiting_that_cannot_be_loaded_harms_nobody_and_is_missed(stage: Stage) -> None:
    for mode, weight in (("standby", 0.0), ("shadow", 1.0), ("rolling", 0.5), ("canary", 0.5)):
        own = weight if mode in ("rolling", "canary") else 0.0
        stage.assign((stage.first, 1.0 - own, "champion"), ("sha256:gone", weight, mode))
        assert stage.answering() == {(stage.first, "champion"): len(LEADS)}, mode
        assert stage.models.missing == {"sha256:gone"}
        assert any("gone" in fault for fault in stage.models.faults(TENANT))
    assert stage.models.unserved == []
