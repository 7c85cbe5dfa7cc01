import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

av = pytest.importorskip("av", reason="the voice extra is not installed")
pytest.importorskip("soxr", reason="the voice extra is not installed")

HOURS = 3
RATE = 8_000
MEASURE = """
import sys
from pathlib import Path
from lintel.voice.audio.files import read

def private_mib():
    said = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(said["RssAnon"].split()[0]) / 1024

before = private_mib()
recording = read(Path(sys.argv[1]), longest_seconds=1e6)
print(len(recording.channels[0]), before, private_mib())
"""


def write_long_flac(path: Path) -> None:
    minute = (3_000 * np.sin(np.arange(60 * RATE) / 3)).astype("<i2")[None]
    with av.open(str(path), "w", format="flac") as file:
        stream = file.add_stream("flac", rate=RATE, layout="mono")
        for number in range(HOURS * 60):
            frame = av.AudioFrame.from_ndarray(minute, format="s16", layout="mono")
            frame.sample_rate, frame.pts = RATE, number * minute.shape[1]
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


@pytest.mark.slow
def test_hours_are_read_in_memory_that_does_not_grow(tmp_path: Path) -> None:
    """Whole, three hours at 16 kHz take 691 MB."""
    write_long_flac(tmp_path / "long.flac")
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path / "long.flac")], capture_output=True, text=True, check=True
    )
    samples, before, after = (float(value) for value in done.stdout.split())
    assert samples == HOURS * 3_600 * 16_000
    assert after - before < 100
