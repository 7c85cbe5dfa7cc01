"""A tenant whose model learnt from the first part of its log and answered in the weeks after."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lintel.events.moments import to_microseconds
from lintel.features.catalogue import catalogue
from lintel.home import Home
from lintel.labels.definition import load_label_set
from lintel.registry.actor import machine
from lintel.registry.traffic import TrafficEntry
from lintel.scoring.answers import score_batch
from lintel.scoring.bundle import Bundle
from lintel.scoring.examples import build_examples
from lintel.scoring.training import train
from lintel.settings import Settings
from lintel.sources.simulator import Simulator, preset
from lintel.store.ingest import ingest
from lintel.store.prediction import prediction_of
from lintel.store.scores import ScoreRow
from lintel.store.tenants import Clock
from tests.scoring.small import small_ensemble
from tests.store.predicting import put_segment

TENANT, LEADS, SEED = "sim-denver", 900, 7
NOW = datetime(2026, 3, 1, tzinfo=UTC)
WEEKS = 10


@dataclass(frozen=True)
class Past:
    """A home, and the moments (UTC) at which every open lead was scored by version 1."""

    path: Path
    nights: tuple[datetime, ...]
    digest: str

    @property
    def home(self) -> Home:
        return Home(Settings(home=self.path))


def answers_of(home: Home, bundle: Bundle, night: datetime) -> list[dict[str, Any]]:
    """What the model says of all leads that are open at a moment, knowing no later event."""
    log = replace(home.log(TENANT, now=NOW), as_of=night)
    return score_batch(bundle, log, seq=home.lake.watermark(TENANT), model_version=1, now=NOW)


@pytest.fixture(scope="session")
def sealed_past(tmp_path_factory: pytest.TempPathFactory) -> Past:
    path = tmp_path_factory.mktemp("past") / "home"
    with Home(Settings(home=path)) as home:
        source = Simulator(preset("demo"), TENANT, seed=SEED, leads=LEADS)
        home.events.put_tenant(replace(source.tenant_settings(), clock=Clock.LOG_END))
        ingest(home.events, source, TENANT, now=NOW)
        home.lake.advance(home.events, TENANT, now=NOW)
        log = home.log(TENANT, now=NOW)
        nights = tuple(log.as_of - timedelta(weeks=back) for back in range(WEEKS, -1, -1))
        examples = build_examples(replace(log, as_of=nights[0]), seed=SEED)
        labels = load_label_set(log.tenant.labels)
        trained = train(
            examples, labels, catalogue(), scope=TENANT, seed=SEED, hyperparameters=small_ensemble(25, patience=5)
        )
        saved = trained.save(path / "trained")
        folder = home.settings.bundles_path / saved.digest.removeprefix("sha256:")
        folder.parent.mkdir(parents=True)
        (path / "trained").rename(folder)
        entry = TrafficEntry(saved.digest, trained.name, 1, 1.0, "champion")
        home.traffic.assign(TENANT, [entry], actor=machine("tests"), reason="first", now=NOW)
        for night in nights:
            told = answers_of(home, saved, night)
            home.scores.put(TENANT, [ScoreRow.of(one, NOW) for one in told])
        return Past(path, nights, saved.digest)


@pytest.fixture
def past(sealed_past: Past, tmp_path: Path) -> Past:
    """A copy of one's own."""
    shutil.copytree(sealed_past.path, tmp_path / "home")
    return replace(sealed_past, path=tmp_path / "home")


@pytest.fixture
def home(past: Past) -> Iterator[Home]:
    with past.home as home:
        yield home


def log_answers(home: Home, answers: list[dict[str, Any]], *, number: int = 1, **changes: Any) -> None:
    """Let a worker have given these answers, and compact its segment."""
    rows = [
        prediction_of(
            one, TENANT, answered_at=to_microseconds(NOW), urgency="bulk", features=None, feature_rate=0.0, **changes
        )
        for one in answers
    ]
    put_segment(home.settings.prediction_segments_path, [rows], number=number)
    home.predictions.compact(now=NOW, keep_days=10_000)
