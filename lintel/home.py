"""Where one installation keeps its things: opens the stores and knows the paths, from one settings object."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow.compute as pc

from lintel.alerts.store import AlertStore
from lintel.automation.policy import Limits
from lintel.automation.triggers import Triggers
from lintel.errors import InputError
from lintel.events.columns import columns_from_table
from lintel.monitoring.record import MonitoringRecord
from lintel.registry.audit import AuditLog, keep
from lintel.registry.lifecycle import ModelStates
from lintel.registry.models import ModelRegistry
from lintel.registry.traffic import Traffic
from lintel.rollouts.store import RolloutStore
from lintel.scoring.pooling import SCOPE
from lintel.settings import Settings
from lintel.store.calls import CallStore
from lintel.store.events import EventStore
from lintel.store.lake import Lake
from lintel.store.last_scores import LastScores
from lintel.store.log import TenantLog
from lintel.store.predictions import PredictionLake
from lintel.store.state import KeyRing, ScoreStore
from lintel.store.tenants import Clock
from lintel.store.work_tables import erase_rows
from lintel.voice import inbox

_OPENED = ("events", "scores", "calls", "keys", "traffic", "audit", "states", "rollouts", "alerts", "triggers")
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


def check_tenant_id(tenant: str) -> None:
    """Raises InputError for an id that could not be the name of a folder and of a model."""
    if not _SAFE.fullmatch(tenant):
        raise InputError(f"{tenant!r} cannot be a tenant id.", mend="Use letters, digits, '_', '.', '-'; at most 100.")
    if tenant.partition(".")[0].lower() == SCOPE:
        raise InputError(f"{tenant!r} is the name of a pool of tenants.", mend=f"Begin it otherwise than {SCOPE!r}.")


@dataclass(frozen=True, slots=True)
class Erasure:
    """Who was erased, under every id that a merge made one with the lead, how many things of each area went, and
    whether the lead had been erased before."""

    leads: tuple[str, ...]
    removed: Mapping[str, int]
    before: bool

    @property
    def found(self) -> bool:
        """Whether anything of the lead was here."""
        return any(self.removed.values())


@dataclass(frozen=True)
class Home:
    """Everything under `settings.home`. Each store is opened on first use and closed by `close`."""

    settings: Settings

    def __post_init__(self) -> None:
        key = self.settings.audit_key
        head = self.settings.audit_head_path
        keep(self.settings.state_url, key=None if key is None else key.get_secret_value(), head=head)

    @cached_property
    def events(self) -> EventStore:
        return EventStore.open(self.settings.events_url)

    @cached_property
    def lake(self) -> Lake:
        return Lake(self.settings.lake_path)

    @cached_property
    def predictions(self) -> PredictionLake:
        return PredictionLake(self.settings.lake_path / "predictions", self.settings.prediction_segments_path)

    @cached_property
    def monitoring(self) -> MonitoringRecord:
        return MonitoringRecord(self.settings.monitoring_path)

    @cached_property
    def scores(self) -> ScoreStore:
        return ScoreStore.open(self.settings.state_url)

    @cached_property
    def calls(self) -> CallStore:
        return CallStore.open(self.settings.state_url)

    @cached_property
    def last_scores(self) -> LastScores:
        return LastScores(self.settings.last_scores_path)

    @cached_property
    def keys(self) -> KeyRing:
        return KeyRing.open(self.settings.state_url)

    @cached_property
    def traffic(self) -> Traffic:
        return Traffic.open(self.settings.state_url)

    @cached_property
    def audit(self) -> AuditLog:
        return AuditLog.open(self.settings.state_url)

    @cached_property
    def states(self) -> ModelStates:
        return ModelStates.open(self.settings.state_url)

    @cached_property
    def rollouts(self) -> RolloutStore:
        return RolloutStore.open(self.settings.state_url)

    @cached_property
    def alerts(self) -> AlertStore:
        return AlertStore.open(self.settings.state_url)

    @cached_property
    def triggers(self) -> Triggers:
        rest = timedelta(hours=self.settings.training_cool_down_hours)
        return Triggers.open(self.settings.state_url, Limits(self.settings.trainings_a_day, rest))

    @cached_property
    def registry(self) -> ModelRegistry:
        settings = self.settings
        return ModelRegistry(settings.mlflow_url, artifacts=settings.artifacts_path, bundles=settings.bundles_path)

    def log(self, tenant: str, *, now: datetime) -> TenantLog:
        """The tenant's log from the lake. Raises InputError if it has no events, NotFoundError for no such tenant."""
        known = self.events.tenant(tenant)
        events = self.lake.read(tenant)
        if not len(events):
            raise InputError(f"Tenant {tenant!r} has no events.", mend="Ingest some first: `lintel ingest --help`.")
        leads = pc.unique(events.column("lead_id")).sort()
        newest = pc.max(events.column("known_at")).as_py()
        columns, context = columns_from_table(events, leads), self.events.context.columns(tenant)
        as_of = newest if known.clock is Clock.LOG_END else now
        return TenantLog(known, tuple(leads.to_pylist()), columns, as_of, context)

    def erase(self, tenant: str, lead_id: str, *, now: datetime) -> Erasure:
        """Remove a person from everything here: events, lake, scores with their copy, calls, recordings, intermediate
        tables, and what was answered about the lead. Events that come later are withheld until `events.readmit`.

        The store goes first: it names whom the lead was merged with, and no later copy brings a row back. After a
        failure, repeat it for each of those. Raises NotFoundError for no such tenant.
        """
        known = self.events.is_erased(tenant, lead_id)
        erased = self.events.erase(tenant, lead_id)
        leads = erased.leads
        removed = {
            "events": erased.events,
            "lake": self.lake.erase(tenant, leads),
            **self._erase_computed(tenant, leads),
            "predictions": self.predictions.erase(tenant, leads, now=now),
        }
        return Erasure(leads, removed, known)

    def erase_late(self, tenant: str, leads: Iterable[str]) -> set[str]:
        """Remove what was just written of some leads, as far as they were erased meanwhile; which these are.

        Whoever computes from what was read earlier calls it after each writing: an erasure that comes later finds
        what was written, and one that came before is found here.
        """
        late = self.events.erased_among(tenant, leads)
        if late:
            self._erase_computed(tenant, late)
        return late

    def _erase_computed(self, tenant: str, leads: Collection[str]) -> dict[str, int]:
        return {
            "scores": sum(self.scores.erase(tenant, lead) for lead in leads),
            "last_scores": self.last_scores.erase(tenant, leads),
            "calls": self.calls.erase(tenant, leads),
            "recordings": self._erase_recordings(tenant, leads),
            "tables": erase_rows(self.work(tenant, ""), leads),
        }

    def _erase_recordings(self, tenant: str, leads: Collection[str]) -> int:
        names = inbox.erase(self.settings.inbox, tenant, leads)
        for name in names:
            (self.work(tenant, "calls") / f"{name}.json").unlink(missing_ok=True)
        return len(names)

    def work(self, tenant: str, name: str) -> Path:
        """Path of an intermediate result of a tenant, as in ``work("acme", "examples.parquet")``."""
        check_tenant_id(tenant)
        return self._work(tenant, name)

    def pool_work(self, scope: str, name: str) -> Path:
        """As `work`, of a pool; its scope is no tenant's id."""
        return self._work(scope, name)

    def _work(self, owner: str, name: str) -> Path:
        folder = (self.settings.home / "work" / owner).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        return folder / name

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close what was opened; it opens again on the next use."""
        for name in _OPENED:
            if name in self.__dict__:
                self.__dict__.pop(name).close()
