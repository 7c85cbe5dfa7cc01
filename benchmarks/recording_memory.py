"""Memory that the transcription of a long recording takes, beside holding the whole of it. `--json` ends in one object.

A WAV file of two channels at 8 kHz is written, then read, looked through for speech and cut into windows by the offline
path in a process of its own, with an engine that hears nothing: what is measured is what Lintel itself holds.
`private` is the most memory that was the process's alone at any moment, beyond what it had before it read;
`with pages` counts what the system kept of temporary files too, and takes back when it needs room.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import wave
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

RATE = 8_000
_MEASURE = """
import sys, threading, time
from pathlib import Path
import numpy as np
from lintel.voice.activity.energy import EnergyDetector
from lintel.voice.audio.files import Recording, read
from lintel.voice.transcription.engine import NOTHING
from lintel.voice.transcription.offline import transcribe

class Deaf:
    name, multilingual, languages, window_seconds = "deaf", False, ("en",), 6.0
    def decode(self, windows, *, language, beam_size=1):
        return [NOTHING] * len(windows)

def held():
    said = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return tuple(int(said[name].split()[0]) / 1024 for name in ("RssAnon", "VmRSS"))

peak = [0.0, 0.0]
before = held()
def watch():
    while True:
        peak[:] = map(max, peak, held())
        time.sleep(0.02)
threading.Thread(target=watch, daemon=True).start()
recording = read(Path(sys.argv[1]), longest_seconds=1e6)
if sys.argv[2] == "whole":
    recording = Recording(tuple(map(np.array, recording.channels)), recording.rate, recording.codec, ())
transcribe(recording, Deaf(), language="en", detector=EnergyDetector)
time.sleep(0.1)
print(*(most - first for most, first in zip(peak, before)))
"""


def write(path: Path, hours: float) -> None:
    """Half minutes of noise in bursts, the channels in turn."""
    rng = np.random.default_rng(0)
    burst = rng.normal(size=30 * RATE) * (np.sin(np.arange(30 * RATE) / RATE * 2) > 0) * 3_000
    quiet = np.zeros_like(burst)
    minute = np.concatenate([np.stack([burst, quiet], 1), np.stack([quiet, burst], 1)]).astype("<i2").tobytes()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        for _ in range(round(hours * 60)):
            file.writeframes(minute)


def measured(path: Path, way: str) -> dict[str, Any]:
    command = [sys.executable, "-c", _MEASURE, str(path), way]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 our own program
    private, pages = (round(float(one)) for one in done.stdout.split())
    return {"way": way, "private_mib": private, "with_pages_mib": pages}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=3.0)
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.wav"
        write(path, arguments.hours)
        rows = [measured(path, way) for way in ("lintel", "whole")]
    table = Table("way", "private, MiB", "with pages, MiB", title=f"{arguments.hours:g} hours, two channels")
    for row in rows:
        table.add_row(*map(str, row.values()))
    Console(stderr=arguments.json).print(table)
    if arguments.json:
        print(json.dumps({"hours": arguments.hours, "ways": rows}))


if __name__ == "__main__":
    main()
