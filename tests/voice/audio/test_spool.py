"""Recordings in memory and on disk are the same, and a full disk is told."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.voice.audio.samples import SAMPLE_RATE, minutes
from lintel.voice.audio.spool import Spool

FULL = """
import resource, numpy as np
from lintel.errors import StorageFullError
from lintel.voice.audio.spool import Spool
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
with Spool(1, in_memory_seconds=1.0) as spool:
    try:
        for _ in range(100):
            spool.add([np.zeros(16_000, np.float32)])
    except StorageFullError as error:
        print(error.message, error.mend)
"""


@given(st.lists(st.integers(0, 500), max_size=12), st.integers(1, 3), st.floats(0.0, 0.1))
def test_what_goes_in_comes_out(lengths: list[int], channels: int, in_memory_seconds: float) -> None:
    rng = np.random.default_rng(0)
    pieces = [rng.normal(size=(channels, length)).astype(np.float32) for length in lengths]
    with Spool(channels, in_memory_seconds=in_memory_seconds) as spool:
        for piece in pieces:
            spool.add(tuple(piece))
        found = spool.channels()
    whole = np.concatenate([np.empty((channels, 0), np.float32), *pieces], axis=1)
    assert spool.length == whole.shape[1]
    assert np.array_equal(np.array(found), whole)
    assert all(type(channel) is np.ndarray and channel.dtype == np.float32 for channel in found)


def test_a_long_recording_is_no_copy_of_what_lies_on_disk() -> None:
    with Spool(1, in_memory_seconds=1.0) as spool:
        spool.add([np.ones(3 * SAMPLE_RATE, np.float32)])
        (channel,) = spool.channels()
    assert isinstance(channel.base, np.memmap)
    assert channel.sum() == 3 * SAMPLE_RATE  # though the spool is closed


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL], capture_output=True, text=True, check=True, env={"TMPDIR": str(tmp_path)}
    )
    assert f"does not fit into {tmp_path}" in done.stdout
    assert "TMPDIR" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("samples", [0, 1, 60 * SAMPLE_RATE, 60 * SAMPLE_RATE + 1])
def test_minutes_together_are_the_samples(samples: int) -> None:
    whole = np.arange(samples, dtype=np.float32)
    assert np.array_equal(np.concatenate([np.empty(0, np.float32), *minutes(whole)]), whole)
