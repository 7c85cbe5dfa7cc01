"""A small simulated brokerage with a champion, where there is no home: quick to make, and nothing like real figures."""

from datetime import UTC, datetime
from pathlib import Path

from lintel.features.catalogue import catalogue
from lintel.home import Home
from lintel.labels.definition import load_label_set
from lintel.registry.actor import machine
from lintel.registry.traffic import TrafficEntry
from lintel.scoring.examples import build_examples
from lintel.scoring.hyperparameters import Hyperparameters
from lintel.scoring.lightgbm_member import LeafSettings
from lintel.scoring.training import train
from lintel.scoring.xgboost_member import TreeSettings
from lintel.settings import Settings
from lintel.sources.simulator import Simulator, preset
from lintel.store.ingest import ingest

TENANT, LEADS, TREES, SEED = "simulated", 250, 10, 7
_NOW = datetime(2026, 3, 1, tzinfo=UTC)


def simulated_home(folder: Path) -> Path:
    """A home in `folder` with events, a lake and a champion of few trees."""
    settings = Settings(home=folder, store_url=None)
    with Home(settings) as home:
        source = Simulator(preset("demo"), tenant=TENANT, seed=SEED, leads=LEADS)
        home.events.put_tenant(source.tenant_settings())
        ingest(home.events, source, TENANT, now=_NOW)
        home.lake.advance(home.events, TENANT, now=_NOW)
        _promote_champion(home)
    return folder


def _promote_champion(home: Home) -> None:
    labels = load_label_set(home.events.tenant(TENANT).labels)
    examples = build_examples(home.log(TENANT, now=_NOW), seed=SEED)
    trained = train(examples, labels, catalogue(), scope=TENANT, seed=SEED, hyperparameters=_few_trees())
    partial = home.settings.home / "trained"
    digest = trained.save(partial).digest
    path = home.settings.bundles_path / digest.removeprefix("sha256:")
    path.parent.mkdir(parents=True)
    partial.rename(path)
    entry = TrafficEntry(digest=digest, model_name=trained.name, model_version=1, weight=1.0, mode="champion")
    home.traffic.assign(TENANT, [entry], actor=machine("load laboratory"), reason="first", now=_NOW)


def _few_trees() -> Hyperparameters:
    trees = TreeSettings(max_trees=TREES, patience=8, learning_rate=0.15, min_child_weight=5, max_bin=32, threads=1)
    leaves = LeafSettings(max_trees=TREES, patience=8, learning_rate=0.15, min_data_in_leaf=10, max_bin=31, threads=1)
    return Hyperparameters(kinds=("xgboost", "lightgbm"), trees=trees, leaves=leaves, draws=40)
