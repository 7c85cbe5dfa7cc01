"""Memory and descriptors of a service's processes while it is under load."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
import psutil

from benchmarks.load_lab.systems import System


@dataclass(frozen=True, slots=True)
class Reading:
    """Of all processes together."""

    at: float  # time.monotonic
    rss_mb: float
    descriptors: int
    processes: int


class Watch:
    """Reads every `seconds` within its block, in a thread that costs a thousandth of a core."""

    def __init__(self, system: System, *, seconds: float = 0.5) -> None:
        self._system = system
        self._seconds = seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.readings: list[Reading] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    def between(self, begin: float, end: float) -> list[Reading]:
        """Readings in a stretch of `time.monotonic`."""
        return [one for one in self.readings if begin <= one.at <= end]

    def _watch(self) -> None:
        while not self._stop.wait(self._seconds):
            reading = read(self._system)
            if reading is not None:
                self.readings.append(reading)


def read(system: System) -> Reading | None:
    """Now; None while a process comes or goes."""
    try:
        workers = system.workers
        rss = sum(one.memory_info().rss for one in workers)
        return Reading(time.monotonic(), rss / 1e6, sum(one.num_fds() for one in workers), len(workers))
    except psutil.NoSuchProcess:
        return None


def slope(readings: Sequence[Reading], name: str) -> float:
    """Theil and Sen's slope of a quantity, per hour: one jump, as of a swap of models, does not move it."""
    at = np.array([one.at for one in readings]) / 3_600
    values = np.array([float(getattr(one, name)) for one in readings])
    if len(readings) < 2:
        return 0.0
    chosen = np.unique(np.linspace(0, len(at) - 1, 400).astype(int))
    earlier, later = np.triu_indices(len(chosen), 1)
    rise = values[chosen][later] - values[chosen][earlier]
    return float(np.median(rise / (at[chosen][later] - at[chosen][earlier])))
