"""A service of two workers over real sockets, under steady load, and the rollouts of its tenant."""

import itertools
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from lintel.home import Home
from lintel.registry.champion import champion_bundle
from lintel.registry.traffic import TrafficEntry
from lintel.rollouts import controller
from lintel.rollouts.decision import Decision
from lintel.rollouts.draw import salt_of, share
from lintel.rollouts.plan import Limits, Plan, Strategy
from lintel.rollouts.workers import running_workers
from lintel.scoring.answers import score_batch
from lintel.settings import Settings
from serving.process import Endpoint, bento
from tests.bento_rollout.load import Load
from tests.bentos.conftest import NOW, TENANT, Brokerage, brokerage
from tests.rollout_runtime.stage import ANN, Stage

__all__ = ["brokerage"]

PATIENCE_SECONDS = 60.0
_SEEDS = itertools.count(1_000)


@dataclass
class Running:
    """The service, the rollouts, and the callers."""

    stage: Stage
    load: Load

    def begin(self, version: int, steps: tuple[float, ...], strategy: Strategy = Strategy.CANARY, **more: Any) -> None:
        """Steps are short, and a busy machine's times are no one's fault."""
        plan = Plan(
            strategy,
            steps,
            **{"step_seconds": 0.2, "step_answers": 10, "watch_seconds": 0.5, "limits": Limits(latency_ratio=20.0)}
            | more,
        )
        told = {"actor": ANN, "reason": "it is better", "now": datetime.now(UTC)}
        controller.begin(self.stage.home, TENANT, version, plan, **told)

    def until(self, reached: Callable[[], bool]) -> list[Decision]:
        """Advance until something holds; all judgements."""
        decisions = []
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not reached():
            assert time.monotonic() < deadline, decisions[-1:]
            decision = controller.advance(self.stage.home, TENANT, datetime.now(UTC))
            decisions += [] if decision is None else [decision]
            time.sleep(0.1)
        return decisions

    def followed(self) -> datetime:
        """When all workers follow the traffic table as it is."""
        home, deadline = self.stage.home, time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            words = running_workers(home.settings.worker_models_path, datetime.now(UTC))
            if len(words) == home.settings.inference_workers and all(
                word.version == home.traffic.version() for word in words
            ):
                return datetime.now(UTC)
            time.sleep(0.05)
        raise AssertionError("the workers do not follow")

    def heard(self, answers: int = 20) -> datetime:
        """As `followed`, and so many answers later."""
        followed, deadline = self.followed(), time.monotonic() + PATIENCE_SECONDS
        while len(self.load.since(followed)) < answers:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return followed

    def candidate(self) -> int:
        """A bundle as good as the champion, of whose first hundredth of the leads some are there."""
        for _ in range(100):
            digest = self.stage.twin(next(_SEEDS))
            salt = salt_of(TENANT, (digest,))
            if any(share(salt, TENANT, lead) < 0.01 for lead in self.stage.lead_ids):
                return self.stage.add(digest)
            shutil.rmtree(self.stage.home.settings.bundles_path / digest.removeprefix("sha256:"))
        raise AssertionError("no draw has a lead below a hundredth")

    def give_back(self) -> None:
        """Version 1 alone, whatever was before."""
        (rollout,) = self.stage.home.rollouts.list(TENANT, limit=1) or [None]
        if rollout is not None and rollout.is_live:
            controller.roll_back(self.stage.home, TENANT, actor=ANN, reason="the test is over", now=datetime.now(UTC))
        digest = self.stage.registry.known[1]
        if [one.digest for one in self.stage.home.traffic.read(TENANT)] != [digest]:
            entry = TrafficEntry(digest, "lead-scoring.acme", 1, 1.0, "champion")
            self.stage.home.traffic.assign(TENANT, [entry], actor=ANN, reason="again", now=datetime.now(UTC))
        self.followed()


@pytest.fixture(scope="module")
def served(brokerage: Brokerage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, Endpoint]]:
    folder = tmp_path_factory.mktemp("rollouts") / "home"
    shutil.copytree(brokerage.settings.home, folder)
    settings = Settings(
        home=folder,
        inference_workers=2,
        traffic_poll_seconds=0.1,
        prediction_log_flush_seconds=0.1,
        score_cache_entries=0,
        interactive_timeout_ms=20_000,
        interactive_slo_ms=20_000,  # a busy machine answers late, which is not what is looked at
    )
    home = Home(settings)
    stage = Stage(home, open_leads(home))
    with bento(settings, port=0) as endpoint:
        yield stage, endpoint
    stage.home.close()


def open_leads(home: Home) -> tuple[str, ...]:
    """Those that a model is asked about."""
    serving = champion_bundle(home.traffic, home.settings.bundles_path, TENANT)
    answers = score_batch(serving.bundle, home.log(TENANT, now=NOW), seq=0, model_version=serving.version)
    return tuple(sorted(one["lead_id"] for one in answers))


@pytest.fixture
def running(served: tuple[Stage, Endpoint], brokerage: Brokerage) -> Iterator[Running]:
    stage, endpoint = served
    with Load(endpoint.url, brokerage.key, stage.lead_ids) as load:
        found = Running(stage, load)
        found.give_back()
        yield found
        found.give_back()
