"""Published recordings, where there is a mirror of them."""

import os
from pathlib import Path

import pytest

_MIRROR = Path(os.environ.get("LINTEL_DATA_MIRROR") or Path(__file__).parents[3] / "shared" / "data")


def published(name: str) -> Path:
    """A file or folder of the mirror, as in ``published("misc_speech/audio/jfk.flac")``; skips where it is absent."""
    if not (_MIRROR / name).exists():
        pytest.skip(f"no {name} in {_MIRROR} (set LINTEL_DATA_MIRROR)")
    return _MIRROR / name
