"""The application opens what it needs, closes all of it, and can do so any number of times."""

import gc
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lintel.errors import UnavailableError
from lintel.home import Home
from lintel.settings import Settings
from serving.application import application
from tests.serving.clients import TENANT, opened

CYCLES = 50
SETTLING_SECONDS = 5.0


def held() -> tuple[int, int]:
    """Open descriptors and threads of this process."""
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()


def settled() -> tuple[int, int]:
    """What is held once nothing changes any more: threads of an event loop end a moment after it."""
    found, patience = held(), time.monotonic() + SETTLING_SECONDS
    while time.monotonic() < patience:
        time.sleep(0.2)
        before, found = found, held()
        if found == before:
            break
    return found


def test_opening_and_closing_leaves_nothing_behind(
    settings: Settings, home: Home, put_bundle: Callable[..., Path], promote: Callable[..., None]
) -> None:
    put_bundle()
    promote()
    key = home.keys.create(TENANT, "tests", "write")

    def cycle() -> None:
        with opened(application(settings), key) as client:
            assert client.score("lead-0").status_code == 200

    cycle()
    before = settled()
    for _ in range(CYCLES):
        cycle()
    patience = time.monotonic() + SETTLING_SECONDS
    while held() != before and time.monotonic() < patience:
        time.sleep(0.01)  # threads of an event loop end a moment after it
    assert held() == before


def test_nothing_is_opened_before_the_lifespan(settings: Settings) -> None:
    application(settings)
    assert not settings.home.exists()


def test_a_store_that_is_none_stops_the_start(settings: Settings, home: Home) -> None:
    home.close()
    (settings.home / "state.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(UnavailableError, match="not a database"), opened(application(settings)):
        pass


def test_the_traffic_table_is_followed_in_the_background(
    tmp_path: Path, settings: Settings, put_bundle: Callable[..., Path], promote: Callable[..., None]
) -> None:
    quick = settings.model_copy(update={"traffic_poll_seconds": 0.01})
    changed = threading.Event()
    with opened(application(quick)) as client:
        models = client.app.state.runtime.models
        refresh = models.refresh

        def noticed() -> None:
            refresh()
            if models.models:
                changed.set()

        models.refresh = noticed
        put_bundle()
        promote()
        assert changed.wait(10)
        assert client.get("/readyz").status_code == 200
