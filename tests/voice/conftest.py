"""Fixtures of the voice tests."""

from pathlib import Path

import pytest

from lintel.settings import Settings
from tests.voice.weights import weights_at_hand


@pytest.fixture(scope="session")
def weights() -> Path:
    """See `weights_at_hand`."""
    return weights_at_hand()


@pytest.fixture
def with_weights(weights: Path, tmp_path: Path) -> Settings:
    """Settings of an empty home that has them."""
    return Settings(home=tmp_path / "home", weights_path=weights)
