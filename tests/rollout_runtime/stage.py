"""A home with a champion and a candidate, and a service that is only pretended: its words and its log."""

import itertools
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lintel.errors import NotFoundError
from lintel.events.moments import to_microseconds
from lintel.home import Home
from lintel.registry.actor import machine, person
from lintel.registry.lifecycle import State as ModelState
from lintel.registry.models import CHAMPION, ModelVersion, model_name
from lintel.registry.risk import Risk
from lintel.registry.traffic import TrafficEntry
from lintel.rollouts import controller
from lintel.rollouts.decision import Decision
from lintel.rollouts.draw import salt_of, share
from lintel.rollouts.plan import Plan, Strategy
from lintel.rollouts.rollout import Rollout
from lintel.rollouts.workers import WorkerModels, write_word
from lintel.scoring.bundle import Bundle
from lintel.scoring.decision_id import decision_id
from lintel.settings import Settings
from lintel.store.prediction import SHADOW
from tests.bentos.conftest import TENANT, Brokerage
from tests.store.predicting import prediction, put_segment

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANN = person("ann")
NIGHTLY = machine("nightly")
_NUMBERS = itertools.count(1)


class KnownVersions:
    """The registry as far as rollouts ask it, without MLflow, which takes seconds to open."""

    def __init__(self, bundles: Path) -> None:
        self._bundles = bundles
        self.known: dict[int, str] = {}
        self.champion: int | None = None

    def versions(self, scope: str) -> list[ModelVersion]:
        return [self.version(scope, number) for number in sorted(self.known, reverse=True)]

    def version(self, scope: str, version: int) -> ModelVersion:
        if version not in self.known:
            raise NotFoundError(f"no version {version}")
        aliases = (CHAMPION,) if version == self.champion else ()
        return ModelVersion(model_name(scope), version, self.known[version], "run", NOW, aliases, {})

    def fetch(self, scope: str, version: int) -> Path:
        return self._bundles / self.version(scope, version).digest.removeprefix("sha256:")

    def mirror_champion(self, scope: str, version: int) -> None:
        self.champion = version

    def mirrored(self, scope: str) -> int | None:
        return self.champion

    def note(self, scope: str, version: int, tags: Any) -> None:
        """Nobody looks at MLflow here."""


@dataclass
class Stage:
    """One tenant; version 1 is the champion. `now` goes on by hand."""

    home: Home
    lead_ids: tuple[str, ...]
    now: datetime = NOW
    registry: KnownVersions = field(init=False)

    def __post_init__(self) -> None:
        self.registry = KnownVersions(self.home.settings.bundles_path)
        self.home.__dict__["registry"] = self.registry
        (entry,) = self.home.traffic.read(TENANT)
        self.registry.known[1] = entry.digest
        self.registry.champion = 1

    def add(self, digest: str, state: ModelState = ModelState.APPROVED) -> int:
        """Register a bundle that lies in the folder already; its version."""
        version = max(self.registry.known) + 1
        self.registry.known[version] = digest
        self.home.states.adopt(TENANT, version, digest, state, risk=Risk.STANDARD, now=self.now)
        return version

    def twin(self, seed: int = 101) -> str:
        """A bundle that differs from the champion in what it says of itself only."""
        bundles = self.home.settings.bundles_path
        champion = Bundle.load(self.registry.fetch(TENANT, 1))
        folder = bundles / "twin"
        digest = replace(champion, manifest=replace(champion.manifest, seed=seed)).save(folder).digest
        folder.rename(bundles / digest.removeprefix("sha256:"))
        return digest

    def begin(self, version: int = 2, **plan: Any) -> str:
        chosen = Plan(
            **{"strategy": Strategy.CANARY, "steps": (0.1, 0.5, 1.0), "step_seconds": 60.0, "step_answers": 20} | plan
        )
        return controller.begin(self.home, TENANT, version, chosen, actor=ANN, reason="it is better", now=self.now)

    def advance(self, seconds: float = 0.0) -> Decision:
        self.now += timedelta(seconds=seconds)
        decision = controller.advance(self.home, TENANT, self.now)
        assert decision is not None
        return decision

    @property
    def rollout(self) -> Rollout:
        return self.home.rollouts.list(TENANT, limit=1)[0]

    @property
    def traffic(self) -> list[tuple[int, float, str]]:
        return [(one.model_version, one.weight, one.mode) for one in self.home.traffic.read(TENANT)]

    def states(self) -> dict[int, str]:
        return {one.version: str(one.state) for one in self.home.states.all(TENANT)}

    def acts(self) -> list[str]:
        """Acts on rollouts in the audit log, oldest first."""
        lines = self.home.audit.read(TENANT, limit=1_000)
        return [one["act"] for one in reversed(lines) if one["act"].startswith("rollout.")]

    def workers(self, count: int = 2, *, missing: Sequence[str] = (), version: int | None = None) -> None:
        """Let so many workers say that they follow the newest traffic."""
        entries = self.home.traffic.read(TENANT)
        loaded = tuple((one.digest, str(one.mode)) for one in entries if one.digest not in missing)
        for number in range(count):
            word = WorkerModels(
                worker=f"worker{number}",
                began_at=to_microseconds(NOW),
                told_at=to_microseconds(self.now),
                version=self.home.traffic.version() if version is None else version,
                since=to_microseconds(self.now),
                models=loaded,
                missing=tuple(missing),
            )
            write_word(self.home.settings.worker_models_path, word)

    def answer(self, times: int = 1, *, failing: bool = False, slow: float = 1.0) -> None:
        """Log answers about all leads as the service would give them now. A candidate that fails leaves its leads to
        the champion; a slow one takes so many times as long."""
        entries = {one.mode: one for one in self.home.traffic.read(TENANT)}
        champion, canary, shadow = (entries.get(mode) for mode in ("champion", "canary", SHADOW))
        assert champion is not None
        rows = []
        for lead in self.lead_ids * times:
            served = champion
            if canary is not None and self._draws(lead, canary) and not failing:
                served = canary
            took = 2.0 * (slow if served is canary else 1.0)
            rows.append(self._row(lead, served, str(served.mode), took))
            if shadow is not None and self._draws(lead, shadow) and not failing:
                rows.append(self._row(lead, shadow, SHADOW, took))
        put_segment(self.home.settings.prediction_segments_path, [rows], number=next(_NUMBERS))

    def _draws(self, lead: str, entry: TrafficEntry) -> bool:
        return share(salt_of(TENANT, (entry.digest,)), TENANT, lead) < entry.weight

    def _row(self, lead: str, entry: TrafficEntry, rung: str, took: float) -> Any:
        end = self.home.events.state(TENANT).newest_known_at
        return prediction(
            0,
            tenant=TENANT,
            lead_id=lead,
            decision_id=decision_id(self.now),
            answered_at=to_microseconds(self.now),
            as_of=end,
            seq=self.home.events.latest_seq(TENANT),
            model_digest=entry.digest,
            model_version=entry.model_version,
            served_by=rung,
            compute_ms=took + next(_NUMBERS) % 7 / 10,
        )


def stage_in(brokerage: Brokerage, folder: Path) -> Stage:
    """A copy of the brokerage's home, with a candidate that is as good as the champion as version 2."""
    shutil.copytree(brokerage.settings.home, folder)
    stage = Stage(Home(Settings(home=folder)), brokerage.lead_ids)
    stage.add(stage.twin())
    return stage
