"""Fixtures that several packages share, and how Hypothesis draws."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

from lintel.settings import Settings, settings
from tests.orchestration.nightly_home import NightlyHome, at_home, built_once, copied

# the same examples everywhere, and no busy machine fails a test
hypothesis_settings.register_profile("lintel", deadline=None, derandomize=True)
hypothesis_settings.load_profile("lintel")


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all processes of a test run."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def nightly_home(shared_folder: Path) -> NightlyHome:
    """A home after one nightly run. Tests read it; those that change anything take `own_nightly_home`."""
    return built_once(shared_folder)


@pytest.fixture
def own_nightly_home(nightly_home: NightlyHome, tmp_path: Path) -> NightlyHome:
    return copied(nightly_home, tmp_path / "home")


@pytest.fixture
def make_home(tmp_path: Path) -> Iterator[Callable[[], Settings]]:
    """An empty home that the process's settings point at."""
    with at_home(tmp_path / "home"):
        yield settings
