"""Typed factories of small, seeded examples, and one trained bundle on a synthetic log."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from lintel.events.columns import columns_from_table
from lintel.events.validation import check, table_from_rows
from lintel.features.catalogue import catalogue
from lintel.labels.definition import load_label_set
from lintel.scoring.bundle import Bundle
from lintel.scoring.examples import Examples, build_examples
from lintel.scoring.training import train
from lintel.store.log import TenantLog
from lintel.store.tenants import Clock, Tenant
from tests.scoring.small import small_ensemble

Float32 = NDArray[np.float32]
NAMES = ("calls", "replies", "days_idle", "amount", "noise")


@pytest.fixture
def make_features() -> Callable[..., Float32]:
    """(n, 5) features with missing values in "amount"."""

    def make(count: int = 600, seed: int = 3) -> Float32:
        random = np.random.default_rng(seed)
        features = random.normal(size=(count, len(NAMES))).astype(np.float32)
        features[random.random(count) < 0.3, 3] = np.nan
        return features

    return make


@pytest.fixture
def make_outcome() -> Callable[..., NDArray[np.bool_]]:
    """Outcomes whose log-odds are 1.5 calls - idle."""

    def make(features: Float32, seed: int = 4) -> NDArray[np.bool_]:
        random = np.random.default_rng(seed)
        log_odds = 1.5 * features[:, 0] - features[:, 2] - 0.5
        return random.random(len(features)) < 1 / (1 + np.exp(-log_odds))

    return make


START = datetime(2024, 1, 1, tzinfo=UTC)
DAYS = 150
TENANT = Tenant("acme", labels="bpic2012", time_zone="Europe/Amsterdam", clock=Clock.LOG_END, simulated=True)


@dataclass(frozen=True)
class Trained:
    """A log, what was learnt from it, and the bundle on disk."""

    events: pa.Table
    log: TenantLog
    examples: Examples
    bundle: Bundle
    path: Path


@pytest.fixture(scope="session")
def synthetic_events() -> pa.Table:
    """Events of 500 leads over 150 days: who looks at many pages answers offers more often, and is won more often."""
    random = np.random.default_rng(11)
    rows: list[dict[str, Any]] = []
    for number in range(500):
        rows += lead_rows(f"lead-{number:03d}", random)
    end = START + timedelta(days=DAYS)
    past = [row for row in rows if row["occurred_at"] <= end]
    return check(table_from_rows(past).events, tenant=TENANT.id, now=end).events


def lead_rows(lead: str, random: np.random.Generator) -> list[dict[str, Any]]:
    """One lead's story, to its end."""
    entered = START + timedelta(days=float(random.uniform(0, DAYS - 1)))
    keen = random.random()
    rows: list[dict[str, Any]] = []

    def add(kind: str, days: float, value: float | None = None) -> None:
        moment = entered + timedelta(days=days)
        event = {"event_id": f"{lead}-{len(rows)}", "lead_id": lead, "episode_id": lead, "kind": kind, "value": value}
        rows.append({**event, "occurred_at": moment})

    add("lead.created", 0.0)
    add("form.submitted", 0.001, float(random.integers(5, 50)) * 1000)
    for _ in range(random.poisson(8 * keen)):
        add("web.page_view", float(random.uniform(0.01, 4.0)), 1.0)
    add("call.completed", float(random.uniform(0.2, 2.0)), 3.0)
    add("offer.sent", 3.0, 20_000.0)
    if random.random() < 0.2 + 0.6 * keen:
        add("offer.returned", float(random.uniform(4.0, 12.0)), 20_000.0)
        add("deal.won" if random.random() < 0.8 else "deal.lost", float(random.uniform(12.5, 20.0)), 20_000.0)
    else:
        add("deal.abandoned" if random.random() < 0.6 else "deal.lost", float(random.uniform(6.0, 28.0)))
    return rows


@pytest.fixture(scope="session")
def trained(synthetic_events: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A bundle of small models; its figures are those of the synthetic log's newest fold."""
    leads = tuple(sorted(synthetic_events.column("lead_id").unique().to_pylist()))
    columns = columns_from_table(synthetic_events, pa.array(leads))
    log = TenantLog(TENANT, leads, columns, START + timedelta(days=DAYS))
    examples = build_examples(log, seed=5, per_origin=3)
    labels = load_label_set(TENANT.labels)
    bundle = train(examples, labels, catalogue(), scope=TENANT.id, seed=5, hyperparameters=small_ensemble())
    path = tmp_path_factory.mktemp("bundle") / "bundle"
    return Trained(synthetic_events, log, examples, bundle.save(path), path)
