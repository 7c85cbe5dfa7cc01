"""What keeping state in memory saves a score, and what checking that state costs.

    python -m benchmarks.hot_state [--home .lintel] [--tenant bpic2012] [--as-of 2012-02-01T01:00:00+00:00] [--json]

Reads a home that `lintel nightly` has finished. Times are CPU time of one thread, the median of rounds, in µs: other
work on the machine moves them less than the clock's. Cold is what the store says (`read_histories`,
`stored_comparison`), hot the same from memory, checked to be equal. Also, on the wall clock, how long a request waits
for its tenant's version alone and among many, beside a thread that computes; and how far an answer moves while it may
be kept on a live clock: the probabilities of some leads as of later moments beside those now.
"""

import argparse
import asyncio
import json
import platform
import random
import statistics
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from lintel.events.moments import to_microseconds
from lintel.home import Home
from lintel.scoring.answers import read_histories
from lintel.scoring.bundle import Bundle
from lintel.scoring.comparison import stored_comparison
from lintel.settings import settings
from lintel.store.tenant_state import TenantState
from serving.hot.comparisons import HotComparisons
from serving.hot.leads import HotLeads
from serving.hot.score_cache import ScoreCache, ScoreKey, with_seq
from serving.hot.versions import Versions, stored_version

ROUNDS, SEED = 41, 3
ASKED = (1, 64)
WAITS, WAITING = 400, 64
LATER = {"10 s": 10, "1 minute": 60, "1 hour": 3_600, "1 day": 86_400}
DRIFT_LEADS = 3_000
SWITCH_SECONDS = (0.005, 0.0005)
"""How long Python lets a thread keep the interpreter: its own value, and the one that a worker sets."""


@dataclass(frozen=True, slots=True)
class Case:
    """A home's tenant, its leads, and the moment that is asked for."""

    home: Home
    state: TenantState
    lead_ids: tuple[str, ...]
    moment: datetime
    bundle: Bundle


def opened(home: Home, tenant: str, as_of: datetime | None) -> Case:
    state = home.events.state(tenant)
    entries = home.traffic.read(tenant) or home.traffic.read("global")
    champion = next((entry for entry in entries if entry.mode == "champion"), None)
    if champion is None:
        raise SystemExit(f"{tenant} has no champion; run `lintel nightly --tenant {tenant}` first.")
    bundle = Bundle.load(home.settings.bundles_path / champion.digest.removeprefix("sha256:"))
    moment = as_of or state.time(datetime.now().astimezone())
    lead_ids = tuple(home.events.lead_ids(tenant, limit=10**6))
    return Case(home, state, lead_ids, moment, bundle)


def cpu_microseconds(work: Callable[[], object], *, calls: int) -> float:
    """Median over rounds of the thread's CPU time of one call."""
    work()
    found = []
    for _ in range(ROUNDS):
        began = time.thread_time_ns()
        for _ in range(calls):
            work()
        found.append((time.thread_time_ns() - began) / calls / 1e3)
    return statistics.median(found)


def reads(case: Case) -> dict[str, Any]:
    """Histories and comparisons, cold and hot."""
    events, scores, tenant = case.home.events, case.home.scores, case.state.tenant
    hot, comparisons = HotLeads(events, settings().hot_state_mb * 1_000_000), HotComparisons(scores)
    version, digest = scores.version(tenant.id), case.bundle.digest
    found: dict[str, Any] = {}
    for count in ASKED:
        some = random.Random(SEED).sample(case.lead_ids, count)
        _check(read_histories(events, tenant, some, case.moment), hot.histories(tenant, some, case.moment))
        found[f"histories_{count}"] = compared(
            lambda some=some: read_histories(events, tenant, some, case.moment),
            lambda some=some: hot.histories(tenant, some, case.moment),
        )
        found[f"comparison_{count}"] = compared(
            lambda some=some: stored_comparison(scores, tenant, digest, case.moment, some),
            lambda some=some: comparisons.comparison(tenant, digest, case.moment, some, version=version),
        )
    return found


def compared(cold: Callable[[], object], hot: Callable[[], object]) -> dict[str, float]:
    slow, fast = cpu_microseconds(cold, calls=3), cpu_microseconds(hot, calls=50)
    return {"cold_us": round(slow, 1), "hot_us": round(fast, 1), "ratio": round(slow / fast, 1)}


def _check(cold: Any, hot: Any) -> None:
    if cold.lead_ids != hot.lead_ids or any(
        not np.array_equal(getattr(cold.columns, name), getattr(hot.columns, name))
        for name in type(cold.columns).__slots__
    ):
        raise SystemExit("histories from memory are others than the store's")


def checks(case: Case) -> dict[str, float]:
    """What each request pays to know that nothing has changed, and an answer that is kept."""
    hot = HotLeads(case.home.events, 10_000_000)
    tenant, read = case.state.tenant.id, stored_version(hot, case.home.scores)
    version, cache = read(tenant), ScoreCache[bytes](hot, 1_000)
    key = ScoreKey(tenant, case.lead_ids[0], case.bundle.digest, 1, "champion", "model", False, case.moment)
    body = json.dumps({"lead_id": key.lead_id, "seq": 1, "rest": "x" * 4_000}).encode()
    cache.put(key, body, len(body), version=version, survivor=key.lead_id)
    return {
        "state_us": round(cpu_microseconds(lambda: case.home.events.state(tenant), calls=50), 1),
        "score_version_us": round(cpu_microseconds(lambda: case.home.scores.version(tenant), calls=50), 1),
        "version_us": round(cpu_microseconds(lambda: read(tenant), calls=50), 1),
        "cache_hit_us": round(cpu_microseconds(lambda: _hit(cache, key, version, case.moment), calls=50), 1),
    }


def _hit(cache: ScoreCache[bytes], key: ScoreKey, version: Any, now: datetime) -> bytes:
    kept = cache.get(key, version, now)
    if kept is None:
        raise SystemExit("an answer that should be kept is not")
    return with_seq(kept, version.state.last_seq)


def memory(case: Case) -> dict[str, float]:
    """What leads take, as counted."""
    hot = HotLeads(case.home.events, 10**9)
    some = random.Random(SEED).sample(case.lead_ids, min(2_000, len(case.lead_ids)))
    for start in range(0, len(some), 200):
        hot.histories(case.state.tenant, some[start : start + 200], case.moment)
    figures = hot.figures()
    return {"leads": figures.leads, "bytes_a_lead": round(figures.nbytes / figures.leads)}


async def waits(case: Case) -> dict[str, Any]:
    """Wall-clock time of the version check through the thread that reads, in µs."""
    hot = HotLeads(case.home.events, 10_000_000)
    versions = Versions(stored_version(hot, case.home.scores))
    tenant = case.state.tenant.id
    found: dict[str, Any] = {"alone": await _wait(versions, tenant, 1)}
    before = versions.reads
    found[f"of_{WAITING}"] = await _wait(versions, tenant, WAITING)
    found[f"reads_for_{WAITING}"] = round((versions.reads - before) / WAITS, 1)
    own = sys.getswitchinterval()
    for seconds in SWITCH_SECONDS:
        sys.setswitchinterval(seconds)
        done = threading.Event()
        busy = threading.Thread(target=_compute, args=(done,))
        busy.start()
        found[f"beside_a_busy_thread_at_{seconds * 1e3:g}_ms"] = await _wait(versions, tenant, 1)
        done.set()
        busy.join()
    sys.setswitchinterval(own)
    versions.close()
    return found


async def _wait(versions: Versions, tenant: str, count: int) -> dict[str, float]:
    """Of `count` requests that come at once, until the last one has its version."""
    found = []
    for _ in range(WAITS):
        began = time.perf_counter_ns()
        await asyncio.gather(*(versions.read(tenant) for _ in range(count)))
        found.append((time.perf_counter_ns() - began) / 1e3)
    p50, p99 = np.quantile(found, (0.5, 0.99)).tolist()
    return {"p50_us": round(p50, 1), "p99_us": round(p99, 1)}


def _compute(done: threading.Event) -> None:
    while not done.is_set():
        sum(range(1_000))


def drift(case: Case) -> dict[str, Any]:
    """How far the open leads' P(win) are from those at `moment` a while later, when nothing has happened since."""
    some = random.Random(SEED).sample(case.lead_ids, min(DRIFT_LEADS, len(case.lead_ids)))
    histories = read_histories(case.home.events, case.state.tenant, some, case.moment)

    def probabilities(seconds: int) -> Mapping[str, float]:
        cards = case.bundle.scorecards(
            histories.columns,
            histories.lead_ids,
            to_microseconds(case.moment + timedelta(seconds=seconds)),
            explain=False,
            time_zone=case.state.tenant.time_zone,
            context=histories.context,
        ).cards
        return {card["lead_id"]: p for card in cards if (p := _chance(card)) is not None}

    now = probabilities(0)
    return {name: _moved(now, probabilities(seconds)) for name, seconds in LATER.items()} | {"leads": len(now)}


def _chance(card: Mapping[str, Any]) -> float | None:
    chance: float | None = card.get("dimensions", {}).get("conversion", {}).get("probability")
    return chance


def _moved(now: Mapping[str, float], later: Mapping[str, float]) -> dict[str, float]:
    apart = [abs(later[lead] - chance) for lead, chance in now.items() if lead in later] or [0.0]
    changed: Sequence[bool] = [one >= 0.005 for one in apart]
    return {
        "mean": round(float(np.mean(apart)), 5),
        "largest": round(max(apart), 4),
        "half_a_point_or_more": round(float(np.mean(changed)), 4),
    }


def shown(found: Mapping[str, Any]) -> Table:
    table = Table("", "", title="Hot state", show_header=False)
    for part, figures in found.items():
        for name, figure in figures.items() if isinstance(figures, dict) else ():
            table.add_row(f"{part}: {name.replace('_', ' ')}", json.dumps(figure).strip("{}").replace('"', ""))
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=settings().home, help="a finished home")
    parser.add_argument("--tenant", default="bpic2012")
    parser.add_argument("--as-of", type=datetime.fromisoformat, help="with an offset; the tenant's clock by default")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    arguments = parser.parse_args()
    with Home(settings().model_copy(update={"home": arguments.home})) as home:
        case = opened(home, arguments.tenant, arguments.as_of)
        found = {
            "reads": reads(case),
            "checks": checks(case),
            "waits": asyncio.run(waits(case)),
            "memory": memory(case),
            "drift": drift(case),
            "machine": {"python": platform.python_version(), "processor": platform.processor() or platform.machine()},
        }
    Console(stderr=arguments.json).print(shown(found))
    if arguments.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
