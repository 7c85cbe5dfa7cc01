"""Weights of voice models, where a folder of them is named."""

import os
from pathlib import Path

import pytest

from lintel.voice.transcription.weights import RECORD, WEIGHTS


def weights_at_hand() -> Path:
    """A folder that `lintel models pull tiny.en base minilm voice-encoder silero --to FOLDER` filled; skips without."""
    folder = os.environ.get("LINTEL_TEST_WEIGHTS")
    if not folder:
        pytest.skip("no weights of voice models at hand (set LINTEL_TEST_WEIGHTS to a folder of them)")
    missing = [name for name in WEIGHTS if not (Path(folder) / name / RECORD).is_file()]
    if missing:
        pytest.skip(f"{folder} lacks the weights {', '.join(missing)} (`lintel models pull ... --to {folder}`)")
    return Path(folder)
