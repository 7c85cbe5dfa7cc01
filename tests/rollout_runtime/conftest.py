"""Homes with a champion and a candidate."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bentos.conftest import Brokerage, brokerage
from tests.rollout_runtime.stage import Stage, stage_in

__all__ = ["brokerage"]


@pytest.fixture
def stage(brokerage: Brokerage, tmp_path: Path) -> Iterator[Stage]:
    made = stage_in(brokerage, tmp_path / "home")
    yield made
    made.home.close()
