"""Weights of voice models, where a folder of them is named: tests that need some skip without it."""

import os
from pathlib import Path

import pytest

from lintel.settings import Settings
from lintel.voice.transcription.weights import RECORD, WEIGHTS

FOLDER = os.environ.get("LINTEL_TEST_WEIGHTS")


@pytest.fixture(scope="session")
def weights() -> Path:
    """A folder that `lintel models pull tiny.en base minilm voice-encoder silero --to FOLDER` filled."""
    if not FOLDER:
        pytest.skip("no weights of voice models at hand (set LINTEL_TEST_WEIGHTS to a folder of them)")
    missing = [name for name in WEIGHTS if not (Path(FOLDER) / name / RECORD).is_file()]
    if missing:
        pytest.skip(f"{FOLDER} lacks the weights {', '.join(missing)} (`lintel models pull ... --to {FOLDER}`)")
    return Path(FOLDER)


@pytest.fixture
def with_weights(weights: Path, tmp_path: Path) -> Settings:
    """Settings of an empty home that has them."""
    return Settings(home=tmp_path / "home", weights_path=weights)
