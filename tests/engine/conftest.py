"""The whole service over real stores and a real, small champion; each test has a copy of the home of its own."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from shutil import copytree

import pytest

import serving.engine
from lintel.home import Home
from lintel.scoring.bundle import Bundle
from lintel.settings import Settings
from lintel.store.tenants import Clock as TenantClock
from serving.application import application
from tests.bentos.conftest import TENANT, Brokerage, brokerage
from tests.engine.service import Service
from tests.serving.clients import Clock, opened

__all__ = ["brokerage"]

WHEN = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def bundle(brokerage: Brokerage) -> Bundle:
    return Bundle.load(brokerage.bundle)


@pytest.fixture
def settings(brokerage: Brokerage, tmp_path: Path) -> Settings:
    copytree(brokerage.settings.home, tmp_path / "home")
    return Settings(
        home=tmp_path / "home", traffic_poll_seconds=60, prediction_log_feature_rate=0.5, interactive_timeout_ms=20_000
    )


@pytest.fixture
def home(settings: Settings) -> Iterator[Home]:
    """Another process's handles on the same stores."""
    with Home(settings) as home:
        yield home


@pytest.fixture
def live(home: Home) -> None:
    """The tenant's clock shows now, not the end of its log."""
    home.events.put_tenant(replace(home.events.tenant(TENANT), clock=TenantClock.LIVE))


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no store that is away; tests of outages set the time that holds."""
    monkeypatch.setattr(serving.engine, "STORE_SECONDS", 10.0)


@pytest.fixture
def clock() -> Clock:
    """The wall clock of the service."""
    return Clock(WHEN)


@pytest.fixture
def serve(settings: Settings, brokerage: Brokerage, clock: Clock) -> Callable[..., AbstractContextManager[Service]]:
    """Opens the service with some settings changed."""

    @contextmanager
    def open_service(**changes: object) -> Iterator[Service]:
        changed = settings.model_copy(update=changes)
        with opened(application(changed, now=clock), brokerage.key) as client, Home(changed) as home:
            yield Service(client, home)

    return open_service


@pytest.fixture
def service(serve: Callable[..., AbstractContextManager[Service]]) -> Iterator[Service]:
    with serve() as service:
        yield service
