"""The autoscaling policy beside fixed fleets and a CPU target, in a discrete-event simulation.

``python -m benchmarks.autoscaling [--json]``. Service times are those measured of one worker (`--batch-ms`,
`--row-ms`, `--start-seconds`); arrivals are Poisson, of requests of 1, 10 and 40 leads in one class. Two loads: a surge
to ten times the load for three minutes, which takes some 100 workers; and the curve of a day (night, morning peak,
lunch, evening peak) run 24 times as fast as a day, which is harder on every policy. Everything is seeded. The CPU
target is the one of the Kubernetes horizontal pod autoscaler with its defaults: every 15 s, 70 %, tolerance 10 %, at
most doubling or 4 more at a time, down after 300 s.
"""

import argparse
import json
import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks.simulated_fleet import Floats, Outcome, Scaler, Service, Simulation, Worker
from serving.autoscaling.policy import Policy, PolicySettings, WorkerLoad

ROWS = np.array([1, 10, 40])
SHARES = np.array([0.6, 0.3, 0.1])
MEAN_ROWS = float(ROWS @ SHARES)
TARGET = 0.7
MOST = 100
LATE_SECONDS = 0.1
SURGE_SECONDS = (120, 180, 480)
"""Before, during and after."""
DAY_HOURS = (0.15, 0.1, 0.1, 0.1, 0.1, 0.15, 0.25, 0.45, 0.75, 1.0, 0.95, 0.85)
DAY_HOURS += (0.7, 0.75, 0.85, 0.85, 0.8, 0.8, 0.9, 0.95, 0.8, 0.55, 0.35, 0.2)


@dataclass(frozen=True, slots=True)
class Load:
    """Rows a second at the middle of each step of `step_seconds`, linear between them."""

    name: str
    rows_per_second: Floats
    step_seconds: float

    def arrivals(self, seed: int) -> Iterator[tuple[float, int]]:
        """Poisson, second by second."""
        rng = np.random.default_rng(seed)
        steps = (np.arange(len(self.rows_per_second)) + 0.5) * self.step_seconds
        for second in range(int(len(self.rows_per_second) * self.step_seconds)):
            rate = float(np.interp(second, steps, self.rows_per_second)) / MEAN_ROWS
            number = int(rng.poisson(rate))
            times = second + np.sort(rng.random(number))
            yield from zip(times.tolist(), rng.choice(ROWS, number, p=SHARES).tolist(), strict=True)

    def workers(self, service: Service, rows_per_second: float) -> int:
        return max(1, math.ceil(rows_per_second / (service.rate * TARGET)))


def surge(service: Service, most: int, seconds: tuple[int, int, int]) -> Load:
    """A tenth of what `most` workers should take, then all of it, then a tenth."""
    peak = most * service.rate * TARGET
    levels = [peak / 10] * seconds[0] + [peak] * seconds[1] + [peak / 10] * seconds[2]
    return Load("surge", np.array(levels), 1.0)


def day(service: Service, most: int, seconds: float) -> Load:
    """The hours of a day in so many seconds; its peak is what `most` workers should take."""
    return Load("day", np.array(DAY_HOURS) * most * service.rate * TARGET, seconds / len(DAY_HOURS))


@dataclass(slots=True)
class Fixed:
    """As many as there are."""

    first: int
    every_seconds: float = 15.0

    def wanted(self, *_: object) -> int:
        return self.first


class ByPolicy:
    """Ours: told each second what the workers would tell."""

    every_seconds = 1.0

    def __init__(self, service: Service, first: int, most: int) -> None:
        self.first = first
        self._service = service
        self._policy = Policy(PolicySettings(least=1, most=most, target_utilisation=TARGET))
        self._policy.start_with(first)

    def wanted(self, now: float, ready: list[Worker], seconds: float) -> int:
        self._policy.observe(now, [self._load(worker, seconds) for worker in ready])
        return self._policy.wanted(now).workers

    def _load(self, worker: Worker, seconds: float) -> WorkerLoad:
        rate = self._service.rate
        return WorkerLoad(
            pid=worker.pid,
            utilisation=min(1.0, worker.computed_rows / seconds / rate),
            queue_wait_seconds=float(np.quantile(worker.waits, 0.9)) if worker.waits else 0.0,
            queue_rows=worker.waiting_rows,
            drain_rate=rate,
            offered_rate=worker.offered_rows / seconds,
        )


class ByCpu:
    """The horizontal pod autoscaler's formula on the share of time computing."""

    every_seconds = 15.0
    _tolerance = 0.1
    _down_seconds = 300.0

    def __init__(self, first: int, most: int) -> None:
        self.first = first
        self._most = most
        self._workers = first
        self._wished: deque[tuple[float, int]] = deque([(0.0, first)])

    def wanted(self, now: float, ready: list[Worker], seconds: float) -> int:
        used = sum(min(1.0, worker.busy_seconds / seconds) for worker in ready) / len(ready)
        ratio = used / TARGET
        wish = self._workers if abs(ratio - 1) <= self._tolerance else math.ceil(len(ready) * ratio)
        wish = min(wish, max(2 * self._workers, self._workers + 4), self._most)
        self._wished.append((now, max(1, wish)))
        while self._wished[0][0] < now - self._down_seconds:
            self._wished.popleft()
        self._workers = max(wish, max(one for _, one in self._wished) if wish < self._workers else 1)
        return self._workers


def scalers(service: Service, load: Load, most: int) -> dict[str, Callable[[], Scaler]]:
    """Each begins with the workers that the load's beginning asks for, the fixed ones with their own number."""
    rates = load.rows_per_second
    first, mean, peak = (load.workers(service, float(rate)) for rate in (rates[0], rates.mean(), rates.max()))
    return {
        "policy": lambda: ByPolicy(service, first, most),
        "cpu_target": lambda: ByCpu(first, most),
        "fixed_for_peak": lambda: Fixed(peak),
        "fixed_for_mean": lambda: Fixed(mean),
    }


def figures(outcome: Outcome) -> dict[str, float]:
    """Waits in ms of the requests that were answered, over the whole run."""
    served = outcome.waits[~outcome.refused]
    return {
        "wait_p50_ms": round(float(np.quantile(served, 0.5)) * 1e3, 1),
        "wait_p99_ms": round(float(np.quantile(served, 0.99)) * 1e3, 1),
        "shed_percent": round(float(outcome.refused.mean()) * 100, 3),
        "late_percent": round(float((outcome.waits > LATE_SECONDS).mean()) * 100, 3),
        "worker_hours": round(outcome.worker_seconds / 3600, 2),
        "most_workers": outcome.most_workers,
        "requests": len(outcome.waits),
    }


def surge_figures(outcome: Outcome, seconds: tuple[int, int, int]) -> dict[str, float]:
    """Also of the surge alone, and in how many of its seconds more than 5 % of the requests were late or refused."""
    begin, length, _ = seconds
    inside = (outcome.arrived >= begin) & (outcome.arrived < begin + length)
    late = outcome.waits[inside] > LATE_SECONDS
    second = (outcome.arrived[inside] - begin).astype(int)
    share = np.bincount(second, late, minlength=length) / np.maximum(1, np.bincount(second, minlength=length))
    waits = outcome.waits[inside & ~outcome.refused]
    return {
        "surge_wait_p99_ms": round(float(np.quantile(waits, 0.99)) * 1e3, 1),
        "surge_shed_percent": round(float(outcome.refused[inside].mean()) * 100, 3),
        "surge_seconds_late": int((share > 0.05).sum()),
    }


def measure(service: Service, most: int, day_seconds: float, surge_seconds: tuple[int, int, int], seed: int) -> Any:
    """All policies over both loads."""
    result: dict[str, Any] = {"service": asdict(service), "rows_per_second_of_a_worker": round(service.rate)}
    for load in (surge(service, most, surge_seconds), day(service, max(1, most // 5), day_seconds)):
        table = {}
        for name, scaler in scalers(service, load, most).items():
            outcome = Simulation(service, scaler(), seed).run(load.arrivals(seed))
            extra = surge_figures(outcome, surge_seconds) if load.name == "surge" else {}
            table[name] = figures(outcome) | extra
        result[load.name] = table
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--batch-ms", type=float, default=7.0, help="time of a batch without its rows")
    parser.add_argument("--row-ms", type=float, default=0.35, help="time of a row")
    parser.add_argument("--start-seconds", type=float, default=6.0)
    parser.add_argument("--most", type=int, default=MOST)
    parser.add_argument("--day-seconds", type=float, default=3600.0)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    service = Service(given.batch_ms / 1e3, given.row_ms / 1e3, given.start_seconds)
    result = measure(service, given.most, given.day_seconds, SURGE_SECONDS, given.seed)
    if given.json:
        print(json.dumps(result))
        return
    for load in ("surge", "day"):
        print(f"\n{load}")
        for name, row in result[load].items():
            print(f"  {name:15s}", "  ".join(f"{key} {value}" for key, value in row.items()))


if __name__ == "__main__":
    main()
