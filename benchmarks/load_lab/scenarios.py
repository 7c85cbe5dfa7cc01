"""The rows of the load benchmark. Each function measures some and returns the figures that are read from them."""

import random
from collections.abc import Sequence
from typing import Any

from benchmarks.load_lab import questions, systems
from benchmarks.load_lab.bench import WARM_SECONDS, Bench, Measured, merged
from benchmarks.load_lab.laboratory import WORKERS
from benchmarks.load_lab.plan import Question, Stream
from benchmarks.load_lab.systems import System

Figures = dict[str, Any]

SATURATING, ROUNDS = 64, 2
EXPLAINING = 4
"""Connections that keep two workers explaining; more would wait longer than an interactive request may."""
LIGHT_LOAD, MIXED_LOAD = 0.2, 0.7
BULK_LEADS, BULK_CONNECTIONS = 200, 4
CACHED_SCORES, HOT_LEADS = 10_000, 20
MIXED_BATCH = range(20, 61)
MIXED_SHARES = {questions.INTERACTIVE: 0.5, questions.EVENT: 0.2, questions.BULK: 0.3}  # of the leads
_MLFLOW_LEADS = 300
_BATCHES = 200
_MIXTURE = 20_000


def ceiling(bench: Bench) -> Figures:
    """What server, sockets and generator reach with nothing to do."""
    with systems.noop(bench.lab) as system:
        found = bench.closed("noop: Starlette", system, [questions.get("/")], SATURATING)
    return {"noop_per_s": round(found.per_second, 1)}


def comparison(bench: Bench, ours: System) -> Figures:
    """Throughput and latency at 64 connections and at one, beside both baselines, in turns.

    At 64 connections ours is asked as for events: interactive requests that miss their objective of 100 ms would get
    the light model's answers, which the baselines do not have. Only full answers count.
    """
    lab = bench.lab
    theirs = {
        "fastapi": [questions.plain(lab, [lead]) for lead in lab.leads],
        "mlflow": questions.mlflow_scores(lab, lab.leads[:_MLFLOW_LEADS]),
    }
    with systems.plain(lab) as plain, systems.mlflow(lab) as mlflow:
        patient = questions.singles(lab, urgency=questions.EVENT)
        full = _in_turns(bench, [ours, plain, mlflow], {"lintel": patient, **theirs}, SATURATING)
        bench.calm(ours)
        alone = _in_turns(bench, [ours, plain], {"lintel": questions.singles(lab), **theirs}, 1)
    mine, difference = full["lintel"], _difference(alone["lintel"], alone["fastapi"])
    return {
        "ratio_mlflow": _ratio(mine, full["mlflow"]),
        "ratio_fastapi": _ratio(mine, full["fastapi"]),
        "capacity_per_s": round(mine.rows_per_second, 1),
        "saturated_p99_ms": {name: one.milliseconds(0.99) for name, one in full.items()},
        "saturated_computed_share": mine.computed_share,
        "one_connection_p50_ms": {name: one.milliseconds(0.5) for name, one in alone.items()},
        "one_connection_difference_ms": difference,
    }


def capacity(bench: Bench, ours: System) -> Figures:
    """Our throughput at 64 connections, where no baseline is asked for."""
    asked = questions.singles(bench.lab, urgency=questions.EVENT)
    row = bench.closed(f"{SATURATING} connections: lintel", ours, asked, SATURATING)
    return {"capacity_per_s": round(row.rows_per_second, 1)}


def light_load(bench: Bench, ours: System, capacity: float) -> Figures:
    """One lead a request at a fifth of the load that saturates, uncached; then with explanations, likewise.

    What saturates is answered in batches, where a lead costs a tenth of what it costs alone. So a fifth of those
    requests, one at a time, keeps the workers far busier than a fifth: how busy is told, and the row is repeated at the
    rate that does keep them busy for a fifth of the time.
    """
    lab, explained = bench.lab, questions.singles(bench.lab, explain=True)
    bench.calm(ours)
    rate, spent = LIGHT_LOAD * capacity, ours.cpu_seconds()
    row = bench.open("20 % load: one lead", ours, questions.singles(lab), rate)
    busy = (ours.cpu_seconds() - spent) / (bench.seconds + WARM_SECONDS) / WORKERS
    rested = bench.open("20 % busy: one lead", ours, questions.singles(lab), rate * LIGHT_LOAD / busy)
    most = bench.closed(f"{EXPLAINING} connections: explained", ours, explained, EXPLAINING).rows_per_second
    bench.calm(ours)
    why = bench.open("20 % load: one lead, explained", ours, explained, LIGHT_LOAD * most)
    return {
        "p50_ms": row.milliseconds(0.5),
        "p99_ms": row.milliseconds(0.99),
        "busy_share": round(busy, 3),
        "busy_20_p50_ms": rested.milliseconds(0.5),
        "busy_20_p99_ms": rested.milliseconds(0.99),
        "explain_p50_ms": why.milliseconds(0.5),
        "explain_p99_ms": why.milliseconds(0.99),
        "explain_capacity_per_s": round(most, 1),
    }


def cached(bench: Bench, capacity: float) -> Figures:
    """The same few leads again and again, the score cache on."""
    hot = [questions.scores(bench.lab, [lead]) for lead in bench.lab.leads[:HOT_LEADS]]
    with systems.lintel(bench.lab, cached_scores=CACHED_SCORES) as system:
        row = bench.open("20 % load: one hot lead, cache on", system, hot, LIGHT_LOAD * capacity)
        most = bench.closed("64 connections: hot leads, cache on", system, hot, SATURATING)
    return {
        "cached_p50_ms": row.milliseconds(0.5),
        "cached_p99_ms": row.milliseconds(0.99),
        "cached_per_s": round(most.per_second, 1),
    }


def bulk(bench: Bench, ours: System) -> Figures:
    """Leads a second through the endpoint, 200 a request; and how many of them were computed, for a lead that two
    waiting requests ask for is computed once."""
    bench.calm(ours)
    asked = questions.batches(bench.lab, range(BULK_LEADS, BULK_LEADS + 1), _BATCHES)
    row = bench.closed(f"bulk: {BULK_LEADS} leads a request", ours, asked, BULK_CONNECTIONS)
    share = row.computed_share
    return {
        "bulk_leads_per_s": round(row.rows_per_second, 1),
        "bulk_computed_leads_per_s": None if share is None else round(row.rows_per_second * share, 1),
        "bulk_p99_ms": row.milliseconds(0.99),
    }


def mixed(bench: Bench, ours: System) -> Figures:
    """All classes together at 70 % of what the mixture itself reaches: half of the leads interactive, a fifth for
    events, the rest bulk.

    Bulk batches and single leads get in each other's way, so that a mixture of half of the one's capacity and half of
    the other's is more than can be answered. What it reaches is measured with patient single leads: interactive ones
    that miss their objective would be answered by the light model.
    """
    lab, mean = bench.lab, (MIXED_BATCH.start + MIXED_BATCH.stop - 1) / 2
    batches = questions.batches(lab, MIXED_BATCH, _BATCHES)
    asked = {
        questions.INTERACTIVE: questions.singles(lab),
        questions.EVENT: questions.singles(lab, urgency=questions.EVENT),
        questions.BULK: batches,
    }
    requests = {name: share / (mean if name == questions.BULK else 1.0) for name, share in MIXED_SHARES.items()}
    bench.calm(ours)
    mixture = _mixture(asked[questions.EVENT], batches, requests[questions.BULK] / sum(requests.values()))
    most = bench.closed("mixed: capacity", ours, mixture, SATURATING).rows_per_second
    bench.calm(ours)
    streams = [
        Stream(
            name=name,
            questions=asked[name],
            arrivals="poisson",
            rate=MIXED_LOAD * most * per_lead,
            end_s=bench.seconds,
        )
        for name, per_lead in requests.items()
    ]
    report = bench.run(ours, streams, SATURATING)
    rows = {name: bench.noted(Measured(f"70 % load, mixed: {name}", bench.seconds, (report,), name)) for name in asked}
    found: dict[str, Any] = {
        name: {"p50_ms": row.milliseconds(0.5), "p99_ms": row.milliseconds(0.99), "refused": row.refused}
        for name, row in rows.items()
    }
    return {"mixed": {"capacity_leads_per_s": round(most, 1), **found}}


def _mixture(singles: Sequence[Question], batches: Sequence[Question], share: float) -> list[Question]:
    """Requests in turn, of which bulk ones are the `share`."""
    randomness = random.Random(17)
    pick = [randomness.random() < share for _ in range(_MIXTURE)]
    return [randomness.choice(batches) if is_bulk else randomness.choice(singles) for is_bulk in pick]


def _in_turns(
    bench: Bench, under_test: Sequence[System], asked: dict[str, list[Question]], connections: int
) -> dict[str, Measured]:
    """The systems one after the other, and again: what else the machine does meets all of them."""
    rounds: dict[str, list[Measured]] = {system.name: [] for system in under_test}
    title = f"{connections} connection{'s' if connections > 1 else ''}"
    for count in range(1, ROUNDS + 1):
        for system in under_test:
            row = bench.closed(f"{title}: {system.name} ({count})", system, asked[system.name], connections)
            rounds[system.name].append(row)
    return {name: merged(f"{title}: {name}", parts) for name, parts in rounds.items()}


def _ratio(mine: Measured, other: Measured) -> float | None:
    return round(mine.rows_per_second / other.rows_per_second, 2) if other.rows_per_second else None


def _difference(mine: Measured, other: Measured) -> float | None:
    ours, theirs = mine.milliseconds(0.5), other.milliseconds(0.5)
    return None if ours is None or theirs is None else round(ours - theirs, 2)
