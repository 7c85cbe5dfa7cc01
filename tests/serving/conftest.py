"""A whole application over real stores in a temporary home; only the models are stand-ins (`counting`)."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import serving.computation
import serving.model
from lintel.home import Home
from lintel.registry.actor import machine
from lintel.registry.traffic import TrafficEntry
from lintel.settings import Settings
from lintel.store.tenants import Tenant
from serving.application import application
from tests.serving.clients import NOW, OTHER, TENANT, Client, Clock, opened
from tests.serving.counting import DIGEST, CountingBundle, counting_answers


@pytest.fixture(autouse=True)
def counting_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving.model, "Bundle", CountingBundle)
    monkeypatch.setattr(serving.computation, "answer_leads", counting_answers)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", max_body_bytes=20_000, max_leads=5, max_events=20, traffic_poll_seconds=60)


@pytest.fixture
def home(settings: Settings) -> Iterator[Home]:
    """Two tenants, six events of the first, no model."""
    home = Home(settings)
    for tenant in (TENANT, OTHER):
        home.events.put_tenant(Tenant(id=tenant, labels="simulator"))
    yield home
    home.close()


@pytest.fixture
def put_bundle(settings: Settings) -> Callable[..., Path]:
    """Puts the files of a bundle where workers look for them."""

    def put(digest: str = DIGEST, scope: str = TENANT, path: Path | None = None) -> Path:
        path = path or settings.bundles_path / digest.removeprefix("sha256:")
        path.mkdir(parents=True)
        (path / "bundle.sha256").write_text(f"{digest} {scope}")
        return path

    return put


@pytest.fixture
def promote(home: Home) -> Callable[..., None]:
    """Names a bundle in the traffic table."""

    def assign(digest: str = DIGEST, version: int = 1, scope: str = TENANT) -> None:
        entry = TrafficEntry(
            digest=digest, model_name=f"lead-scoring.{scope}", model_version=version, weight=1.0, mode="champion"
        )
        home.traffic.assign(scope, [entry], actor=machine("test"), reason="test", now=NOW)

    return assign


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(
    settings: Settings, home: Home, put_bundle: Callable[..., Path], promote: Callable[..., None], clock: Clock
) -> Iterator[Client]:
    """A service with a champion, asked with a key that may write."""
    put_bundle()
    promote()
    with opened(application(settings, now=clock), home.keys.create(TENANT, "tests", "write")) as client:
        yield client
