"""The scoring service under load, beside `mlflow models serve` and a plain FastAPI endpoint of the same bundle.

    python -m benchmarks.load [--json] [--quick] [--seconds 10] [--home PATH | --simulated] [--only SCENARIO ...]

Real processes behind real sockets, two workers each, on a copy of a home: that of `--home`, of LINTEL_HOME, or of
`make demo`; `--simulated` makes a small brokerage instead, and says so. Leads are drawn at random among those that
were open at one moment, and the score cache is off unless a row says otherwise. The load comes from a process of its
own, whose share of a core and whose lateness stand beside each row. Open loop where a rate is given: latencies count
from when a request was due, waiting for a connection included. Closed loop where a number of connections is given.

`mlflow models serve` knows no store: each of its requests carries the lead's events, prepared beforehand, and its
answer has the scores alone. The FastAPI endpoint reads the same store and gives the same answer as ours.
"""

import argparse
import json
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.load_lab import scenarios, systems
from benchmarks.load_lab.bench import Bench
from benchmarks.load_lab.hardware import hardware, many_open_files
from benchmarks.load_lab.laboratory import Laboratory, laboratory
from benchmarks.load_lab.overload import overload
from benchmarks.load_lab.simulated import simulated_home
from lintel.errors import LintelError
from lintel.settings import settings

SECONDS, QUICK_SECONDS = 10.0, 2.0
SCENARIOS = ("ceiling", "comparison", "light_load", "mixed", "bulk", "overload", "cached")


def measured(bench: Bench, only: tuple[str, ...]) -> dict[str, Any]:
    """The figures of the scenarios, in the order in which they need each other's."""
    found: dict[str, Any] = {}
    if {"ceiling", "overload"} & set(only):
        found |= scenarios.ceiling(bench)
    with systems.lintel(bench.lab) as ours:
        if "comparison" in only:
            found |= scenarios.comparison(bench, ours)
        elif {"light_load", "cached"} & set(only):
            found |= scenarios.capacity(bench, ours)
        if "bulk" in only:
            found |= scenarios.bulk(bench, ours)
        capacity = found.get("capacity_per_s", 0.0)
        if "light_load" in only:
            found |= scenarios.light_load(bench, ours, capacity)
        if "mixed" in only:
            found |= scenarios.mixed(bench, ours)
        if "overload" in only:
            found["overload"] = overload(bench, ours, ceiling=found["noop_per_s"])
    if "cached" in only:
        found |= scenarios.cached(bench, capacity)
    return found


def generator(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The most that was asked of the generator in any row."""
    late = [row["generator"]["lateness_p99_ms"] for row in rows if row["generator"]["lateness_p99_ms"] is not None]
    return {
        "cpu_share_max": max((row["generator"]["cpu_share"] for row in rows), default=None),
        "lateness_p99_ms_max": max(late, default=None),
        "requests": sum(row["offered"] for row in rows),
    }


def prepared(arguments: argparse.Namespace, scratch: Path, console: Console) -> Laboratory:
    if arguments.simulated:
        console.print("training a small simulated brokerage")
        home = simulated_home(scratch / "simulated")
    else:
        home = arguments.home or settings().home
    as_of = datetime.fromisoformat(arguments.as_of) if arguments.as_of else None
    return laboratory(home, scratch, tenant=arguments.tenant, as_of=as_of)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--json", action="store_true", help="end with one JSON object")
    made.add_argument("--quick", action="store_true", help=f"{QUICK_SECONDS:g} seconds a row: a look, no figures")
    made.add_argument("--seconds", type=float, default=SECONDS, help="of each row; 10 by default")
    made.add_argument("--home", type=Path, help="a finished home; LINTEL_HOME or .lintel by default")
    made.add_argument("--simulated", action="store_true", help="make a small simulated brokerage instead")
    made.add_argument("--tenant", help="the first with a champion by default")
    made.add_argument("--as-of", help="ISO 8601 with a zone; the moment with the most open leads by default")
    made.add_argument("--only", nargs="+", choices=SCENARIOS, default=SCENARIOS, help="not all scenarios")
    return made


def main() -> None:
    arguments = parser().parse_args()
    console = Console(stderr=arguments.json)
    many_open_files()
    with tempfile.TemporaryDirectory(prefix="lintel-load-") as folder:
        try:
            lab = prepared(arguments, Path(folder), console)
        except LintelError as error:
            sys.exit(str(error))
        console.print(f"{lab.title}; {hardware()}", highlight=False, soft_wrap=True)
        bench = Bench(lab, QUICK_SECONDS if arguments.quick else arguments.seconds, console)
        found = measured(bench, tuple(arguments.only))
    found |= {"generator": generator(bench.rows), "simulated": lab.simulated, "hardware": hardware()}
    console.print(found)
    if arguments.json:
        print(json.dumps({**found, "leads": lab.title, "rows": bench.rows}))


if __name__ == "__main__":
    main()
