"""The scoring service at 70 % load for half an hour, while everything that may go wrong does.

    python -m benchmarks.soak [--minutes 30] [--json] [--home PATH | --simulated]

The model is swapped each minute; a bundle that answers its golden request wrongly is named champion; one that fails on
every lead is named canary; the event store answers nobody for some seconds; one request in fifty loses its connection
on its way; events are appended all the time. Ends with each promise and whether it was kept, and with exit code 1 if
one was broken. Runs on a copy of a home, as `benchmarks.load` does; with --simulated on a small brokerage.
"""

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.load_lab import promises, questions, systems
from benchmarks.load_lab.bench import Bench
from benchmarks.load_lab.delivered import Delivered, Logged, read_delivered, read_logged
from benchmarks.load_lab.faults import Bundles, Faults, calm_from, planned
from benchmarks.load_lab.generator_process import Running
from benchmarks.load_lab.hardware import hardware, many_open_files
from benchmarks.load_lab.laboratory import Laboratory, laboratory
from benchmarks.load_lab.plan import Plan, Report, Stream
from benchmarks.load_lab.promises import Promise
from benchmarks.load_lab.simulated import simulated_home
from benchmarks.load_lab.systems import HOST, System
from benchmarks.load_lab.watch import Watch, slope
from lintel.errors import LintelError
from lintel.settings import settings

LOAD, CONNECTIONS, CUT_SHARE = 0.7, 64, 0.02
SWAP_SECONDS, OUTAGE_SECONDS, APPENDS_PER_SECOND = 60.0, 8.0, 2.0
GROWTH = 0.1
BATCH = range(20, 61)
CACHED_SCORES = 200
"""Fewer than there are leads: some answers come from memory, most are computed."""
_SHARES = {questions.INTERACTIVE: 0.6, questions.EVENT: 0.2, questions.BULK: 0.2}  # of the leads
_CALM = "calm"
_CALM_SHARE = 0.1  # of the interactive rate, for the stream that must be answered in full
_CALIBRATION_SECONDS = 5.0
_DRAIN_SECONDS = 60.0
_BATCHES = 200


@dataclass(frozen=True, slots=True)
class Soak:
    """How long, and how rough."""

    seconds: float
    swap_s: float = SWAP_SECONDS
    outage_s: float = OUTAGE_SECONDS
    growth: float = GROWTH


@dataclass(frozen=True, slots=True)
class Outcome:
    """The promises and the figures."""

    promises: list[Promise]
    figures: dict[str, Any]

    @property
    def kept(self) -> bool:
        return all(one.kept for one in self.promises)


def soak(lab: Laboratory, wanted: Soak, console: Console) -> Outcome:
    """Run it and hold what came of it against what was promised."""
    bundles = Bundles.made(lab)
    file = lab.settings.home / "decisions.tsv"
    with systems.lintel(lab, cached_scores=CACHED_SCORES) as system:
        capacity = _capacity(lab, system, console)
        before = {worker.pid for worker in system.workers}
        plan = Plan(
            host=HOST,
            port=system.port,
            connections=CONNECTIONS,
            streams=_streams(lab, wanted, capacity),
            drain_s=_DRAIN_SECONDS,
            decisions=str(file),
        )
        steps = planned(lab, bundles, seconds=wanted.seconds, every_s=wanted.swap_s, outage_s=wanted.outage_s)
        faults = Faults(steps, lambda text: console.print(text, highlight=False))
        with Watch(system, seconds=max(0.2, wanted.seconds / 2_000)) as watch:
            running = Running(plan)
            faults.start()
            report = running.report()
            faults.join()
        after = {worker.pid for worker in system.workers}
    delivered, logged = read_delivered(file), read_logged(lab.settings.prediction_segments_path)
    readings = watch.between(report.began, report.began + wanted.seconds)
    found = [
        promises.faults_happened(faults.done, faults.failed, len(steps)),
        promises.answered_once(report),
        promises.allowed_statuses(report),
        promises.calm_in_the_end(report.stream(_CALM)),
        promises.poison_never_serves(delivered, {"false golden": bundles.false_golden, "raising": bundles.raising}),
        promises.swaps_served(delivered, {bundles.champion, bundles.twin}),
        promises.logged_once(delivered, logged),
        promises.same_workers(before, after),
        promises.flat(readings, wanted.growth),
    ]
    slopes = {f"{name}_per_hour": round(slope(readings, name), 1) for name in ("rss_mb", "descriptors")}
    return Outcome(found, _figures(report, delivered, logged) | slopes | {"capacity_leads_per_s": capacity})


def _capacity(lab: Laboratory, system: System, console: Console) -> float:
    """Single leads a second that are answered in full when all connections ask at once."""
    bench = Bench(lab, _CALIBRATION_SECONDS, console)
    asked = questions.singles(lab, urgency=questions.EVENT)
    found = bench.closed("capacity", system, asked, CONNECTIONS).rows_per_second
    bench.calm(system)
    return found


def _streams(lab: Laboratory, wanted: Soak, capacity: float) -> list[Stream]:
    leads = LOAD * capacity
    mean = (BATCH.start + BATCH.stop - 1) / 2
    asked = {
        questions.INTERACTIVE: (questions.singles(lab), _SHARES[questions.INTERACTIVE] * leads),
        questions.EVENT: (questions.singles(lab, urgency=questions.EVENT), _SHARES[questions.EVENT] * leads),
        questions.BULK: (questions.batches(lab, BATCH, _BATCHES), _SHARES[questions.BULK] * leads / mean),
        "append": (questions.appended(lab, int(APPENDS_PER_SECOND * wanted.seconds) + 1), APPENDS_PER_SECOND),
    }
    streams = [
        Stream(name=name, questions=some, arrivals="poisson", rate=rate, end_s=wanted.seconds, cut_share=CUT_SHARE)
        for name, (some, rate) in asked.items()
    ]
    calm = Stream(
        name=_CALM,
        questions=questions.singles(lab),
        rate=max(1.0, _CALM_SHARE * leads),
        begin_s=calm_from(wanted.seconds),
        end_s=wanted.seconds,
    )
    return [*streams, calm]


def _figures(report: Report, delivered: Delivered, logged: Logged) -> dict[str, Any]:
    return {
        "seconds": round(report.seconds, 1),
        "streams": {
            one.name: {
                "offered": one.offered,
                "statuses": one.statuses,
                "cut": one.cut,
                "retried": one.retried,
                "lesser": one.lesser_rows,
                "unanswered_due_s": one.unanswered_due_s,
                "p50_ms": _ms(one.answered.histogram.quantile(0.5)),
                "p99_ms": _ms(one.answered.histogram.quantile(0.99)),
            }
            for one in report.streams
        },
        "rungs": dict(delivered.rungs),
        "decisions": len(delivered.decisions),
        "logged": sum(logged.decisions.values()),
        "segments": logged.segments,
        "generator": {
            "cpu_share": round(report.cpu_share, 3),
            "lateness_p99_ms": _ms(report.lateness.histogram.quantile(0.99)),
            "connects": report.connects,
        },
    }


def _ms(microseconds: int | None) -> float | None:
    return None if microseconds is None else microseconds / 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    parser.add_argument("--home", type=Path, help="a finished home; LINTEL_HOME or .lintel by default")
    parser.add_argument("--simulated", action="store_true", help="make a small simulated brokerage instead")
    arguments = parser.parse_args()
    console = Console(stderr=arguments.json)
    many_open_files()
    with tempfile.TemporaryDirectory(prefix="lintel-soak-") as folder:
        try:
            scratch = Path(folder)
            home = simulated_home(scratch / "simulated") if arguments.simulated else arguments.home or settings().home
            lab = laboratory(home, scratch)
        except LintelError as error:
            sys.exit(str(error))
        console.print(f"{lab.title}; {hardware()}", highlight=False, soft_wrap=True)
        seconds = 60 * arguments.minutes
        outcome = soak(lab, Soak(seconds, swap_s=min(SWAP_SECONDS, seconds / 10)), console)
    for one in outcome.promises:
        console.print(f"[{'green' if one.kept else 'red'}]{'kept' if one.kept else 'BROKEN':<7}[/] {one.name}")
        if not one.kept:
            console.print(f"        {one.broken}", style="red", highlight=False)
    console.print(outcome.figures)
    if arguments.json:
        kept = {one.name: one.broken or "kept" for one in outcome.promises}
        print(json.dumps({"kept": outcome.kept, "promises": kept, **outcome.figures, "hardware": hardware()}))
    sys.exit(0 if outcome.kept else 1)


if __name__ == "__main__":
    main()
