"""One small, real champion: a simulated brokerage, trained in seconds, promoted in a home of its own."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lintel.features.catalogue import catalogue
from lintel.home import Home
from lintel.labels.definition import load_label_set
from lintel.registry.actor import machine
from lintel.registry.traffic import TrafficEntry
from lintel.scoring.examples import build_examples
from lintel.scoring.training import train
from lintel.settings import Settings
from lintel.sources.simulator import Simulator, preset
from lintel.store.ingest import ingest
from tests.scoring.small import small_ensemble

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TENANT, LEADS, SEED = "acme", 250, 7


@dataclass(frozen=True)
class Brokerage:
    """A home whose tenant has events, a champion and a key that may write."""

    settings: Settings
    bundle: Path
    digest: str
    lead_ids: tuple[str, ...]
    key: str


@pytest.fixture(scope="session")
def brokerage(tmp_path_factory: pytest.TempPathFactory) -> Brokerage:
    settings = Settings(home=tmp_path_factory.mktemp("brokerage") / "home", inference_workers=2)
    home = Home(settings)
    source = Simulator(preset("demo"), tenant=TENANT, seed=SEED, leads=LEADS)
    tenant = source.tenant_settings()
    home.events.put_tenant(tenant)
    ingest(home.events, source, TENANT, now=NOW)
    home.lake.advance(home.events, TENANT, now=NOW)
    bundle, digest = _champion(home, tenant.labels)
    lead_ids = tuple(home.events.lead_ids(TENANT))
    key = home.keys.create(TENANT, "tests", "write")
    home.close()
    return Brokerage(settings, bundle, digest, lead_ids, key)


def _champion(home: Home, label_source: str) -> tuple[Path, str]:
    examples = build_examples(home.log(TENANT, now=NOW), seed=SEED)
    trained = train(
        examples, load_label_set(label_source), catalogue(), scope=TENANT, seed=SEED, hyperparameters=small_ensemble(10)
    )
    folder = home.settings.home / "trained"
    digest = trained.save(folder).digest
    path = home.settings.bundles_path / digest.removeprefix("sha256:")
    path.parent.mkdir(parents=True)
    folder.rename(path)
    entry = TrafficEntry(digest=digest, model_name=trained.name, model_version=1, weight=1.0, mode="champion")
    home.traffic.assign(TENANT, [entry], actor=machine("tests"), reason="first", now=NOW)
    return path, digest
