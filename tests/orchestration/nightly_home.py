"""A small home in which one nightly run was made: a simulated brokerage of 300 leads and quickly grown trees."""

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Any

import pytest

import assets.training
from cli.nightly import run_nightly
from lintel.home import Home
from lintel.settings import Settings, settings
from lintel.sources.simulator import Simulator, preset
from lintel.store.ingest import ingest
from tests.scoring.small import small_ensemble

TENANT, LEADS, SEED = "sim-denver", 300, 7
NOW = datetime(2026, 3, 1, tzinfo=UTC)

_ADDRESSES = {
    "experiments": ("artifact_location",),
    "runs": ("artifact_uri",),
    "model_versions": ("source", "storage_location"),
    "logged_models": ("artifact_location",),
}
"""Columns in which MLflow keeps absolute addresses."""


@dataclass(frozen=True)
class NightlyHome:
    """A home, what `lintel nightly --json` printed about the run in it, and a copy that nobody opens."""

    path: Path
    value: dict[str, Any]
    sealed: Path

    @property
    def settings(self) -> Settings:
        return Settings(home=self.path)


@contextmanager
def at_home(path: Path) -> Iterator[Settings]:
    """Everything that asks for the process's settings finds this home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LINTEL_HOME", str(path))
        settings.cache_clear()
        try:
            yield settings()
        finally:
            settings.cache_clear()


@contextmanager
def quick_trees() -> Iterator[None]:
    """Models that are learnt in a second: what a run does with them is tested here, not how good they are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assets.training, "Hyperparameters", lambda **_: small_ensemble(25, patience=5))
        yield


def nightly(path: Path, tenant: str = TENANT) -> dict[str, Any]:
    with at_home(path), quick_trees():
        return run_nightly(tenant)


def take_in(path: Path) -> None:
    """A home with the tenant's events and nothing else."""
    source = Simulator(preset("demo"), TENANT, seed=SEED, leads=LEADS)
    with Home(Settings(home=path)) as home:
        home.events.put_tenant(source.tenant_settings())
        ingest(home.events, source, TENANT, now=NOW)


def built_once(root: Path) -> NightlyHome:
    """The home under `root`, made by the first process that asks; the others wait for it."""
    path, sealed, done = root / "nightly-home", root / "sealed-home", root / "nightly-home.json"
    with (root / "nightly-home.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        if not done.exists():
            for folder in (path, sealed):
                shutil.rmtree(folder, ignore_errors=True)
            take_in(path)
            value = nightly(path)
            shutil.copytree(path, sealed)
            done.write_text(json.dumps(value))
        return NightlyHome(path, json.loads(done.read_text()), sealed)


def copied(home: NightlyHome, to: Path) -> NightlyHome:
    """A home of one's own with the same things in it; MLflow's absolute addresses are moved along."""
    shutil.copytree(home.sealed, to)
    with closing(sqlite3.connect(to / "mlflow.db")) as connection, connection:
        for table, columns in _ADDRESSES.items():
            for column in columns:
                change = f"UPDATE {table} SET {column} = replace({column}, ?, ?)"  # noqa: S608 - our own names
                connection.execute(change, (str(home.path), str(to)))
    return replace(home, path=to)


def environment(path: Path) -> dict[str, str]:
    """Of a child process that is at home there."""
    return {**os.environ, "LINTEL_HOME": str(path)}
