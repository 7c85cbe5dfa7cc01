"""Real streams, block by block: when our rules and naive ones notice, and how often they do where nothing has moved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.drift_lab.rules import SHARE_OF_COLUMNS, evidently_columns
from lintel.learning.blockwise import areas
from lintel.monitoring.drift.binned import BinnedSample, binned
from lintel.monitoring.drift.bins import Bins, quantile_bins
from lintel.monitoring.drift.concept import RUN_LENGTH, Concept, matured_leads, watch
from lintel.monitoring.drift.decision import FEATURE_DISTANCE, MOST_MOVED, OUTCOME_DISTANCE, judged
from lintel.monitoring.drift.reference import outcome_bins
from lintel.scoring.calibration import fit_platt
from lintel.scoring.inputs import Inputs
from lintel.scoring.stopping import stopping_slices
from lintel.scoring.xgboost_member import TreeSettings, fit_xgboost
from lintel.sources.bank_marketing import FILE, bank_calls

LEARN, CALIBRATE, REFERENCE = 0.1, 0.2, 0.35
"""Shares of a stream: up to the first is learnt from, then calibrated, then taken as normal; the rest is watched."""
FALSE_FLIPS = 0.3
SHIFT = 0.5
NAIVE_DEVIATIONS = 3.0
_TREES = TreeSettings(learning_rate=0.1, max_trees=150, patience=15, threads=1)

Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stream:
    """n rows in order of time: features (n, F), outcome (n,), the unit within which rows are not independent and the
    block in which they are judged together, (n,) both. `blocks_a_year` as the publisher's clock runs; `run_length` in
    units: ten years, or the default."""

    name: str
    features: NDArray[np.float32]
    positive: NDArray[np.bool_]
    unit: NDArray[np.int64]
    block: NDArray[np.int64]
    blocks_a_year: float
    run_length: float

    def take(self, order: NDArray[np.intp]) -> "Stream":
        """Rows in another order, at the places of the old ones."""
        return replace(self, features=self.features[order], positive=self.positive[order])


@dataclass(frozen=True, slots=True)
class Watched:
    """What each rule said of the blocks watched, (b,) each, and of the sequence of outcomes."""

    first_row: NDArray[np.intp]
    begin: int  # the first row watched
    inputs: NDArray[np.bool_]
    forecasts: NDArray[np.bool_]
    outcomes: NDArray[np.bool_]
    evidently_any: NDArray[np.bool_]
    evidently_half: NDArray[np.bool_]
    naive_loss: NDArray[np.bool_]
    concept: Concept
    area: Float64
    rate: Float64


def streams(mirror: Path) -> list[Stream]:
    """Electricity prices by the half-hour, judged every four weeks; weather by the day, judged by the year; a bank's
    calls by the month. Rows of a day depend on each other, and days of a week; every call is of another client."""
    elec, weather = (pq.read_table(mirror / "drift_benchmarks" / f"{name}.parquet") for name in ("elec", "weather"))
    return [
        _stream("elec", elec, unit=48, block=1344, a_year=365.25 / 28),
        _stream("weather", weather, unit=7, block=364, a_year=365.25 / 364),
        _calls(mirror / FILE),
    ]


def shuffled(stream: Stream, *, seed: int) -> Stream:
    """Units in random order, whole: nothing moves, and rows of a unit still depend on each other."""
    units, random = np.unique(stream.unit), np.random.default_rng(seed)
    starts = np.searchsorted(stream.unit, [units, units + 1])
    order = [np.arange(*starts[:, one]) for one in random.permutation(len(units))]
    return stream.take(np.concatenate(order))


def injected(stream: Stream, kind: str, *, seed: int) -> tuple[Stream, int]:
    """The shuffled stream with a change in its middle: outcomes flipped, or a feature moved; and its row."""
    still = shuffled(stream, seed=seed)
    first = int((len(still.positive) * (1 + REFERENCE)) / 2)
    features, positive = still.features.copy(), still.positive.copy()
    later = np.arange(len(positive)) >= first
    if kind == "outcomes":
        positive ^= later & (np.random.default_rng(seed).random(len(positive)) < FALSE_FLIPS)
    else:
        features[first:, 1] += SHIFT * np.nanstd(features[:, 1])
    return replace(still, features=features, positive=positive), first


def watched(stream: Stream) -> Watched:
    """Learn, calibrate, take a reference, and watch the rest."""
    ends = [int(len(stream.positive) * share) for share in (LEARN, CALIBRATE, REFERENCE)]
    probability, interval = _forecasts(stream, *ends[:2])
    normal = slice(ends[1], ends[2])
    names = [str(column) for column in range(stream.features.shape[1])]
    bins, risk = quantile_bins(names, stream.features[normal].T), quantile_bins(["p"], [_float(probability[normal])])
    columns = {"inputs": (bins, stream.features.T), "forecasts": (risk, _float(probability)[None])}
    columns["outcomes"] = (outcome_bins(("y",)), _float(stream.positive)[None])
    before = {name: binned(one, values[:, normal], stream.unit[normal]) for name, (one, values) in columns.items()}
    loss = -np.log(np.where(stream.positive, probability, 1.0 - probability))
    begins = np.flatnonzero(np.diff(stream.block, prepend=-1) > 0)
    begins, edges = begins[begins >= ends[2]], np.append(begins[begins >= ends[2]], len(stream.positive))
    rows = [slice(*pair) for pair in pairwise(edges) if pair[1] - pair[0] >= 20]
    normal_blocks = [loss[normal][stream.block[normal] == one].mean() for one in np.unique(stream.block[normal])]
    highest = np.mean(normal_blocks) + NAIVE_DEVIATIONS * np.std(normal_blocks, ddof=1)
    ours = {
        name: [_moved(name, before[name], one, values[:, some], stream.unit[some]) for some in rows]
        for name, (one, values) in columns.items()
    }
    theirs = [evidently_columns(stream.features[normal], stream.features[one]) for one in rows]
    after = slice(int(begins[0]), None)
    order = np.arange(len(stream.positive))[after]
    doubt = interval[0][after], interval[1][after]
    told = stream.positive[after], probability[after], np.ones(len(order)), stream.unit[after]
    matured = matured_leads(*told, order, interval=doubt)
    concept = watch(matured, run_length=stream.run_length)
    return Watched(
        first_row=np.array([one.start for one in rows]),
        begin=int(begins[0]),
        **{name: np.array(flags) for name, flags in ours.items()},
        evidently_any=np.array([one.any() for one in theirs]),
        evidently_half=np.array([one.mean() >= SHARE_OF_COLUMNS for one in theirs]),
        naive_loss=np.array([loss[one].mean() > highest for one in rows]),
        concept=concept,
        area=np.array([areas(stream.positive[one], probability[one], _ones(one))[0] for one in rows]),
        rate=np.array([stream.positive[one].mean() for one in rows]),
    )


def noticed(stream: Stream, found: Watched, change: int) -> dict[str, Any]:
    """Rows from a change to the first alarm after it, by rule; None if there was none. Alarms before it are false."""
    rules = _rules(found)
    delays: dict[str, Any] = {name: _delay(stream, found, flags, change) for name, flags in rules.items()}
    alarm = _alarm_row(stream, found)
    delays["concept"] = None if alarm is None or alarm < change else alarm - change
    return delays


def false_a_year(stream: Stream, found: Watched) -> dict[str, float]:
    """Alarms a year of a stream in which nothing moves, by rule."""
    years = len(found.rate) / stream.blocks_a_year
    told = {name: float(flags.sum() / years) for name, flags in _rules(found).items()}
    return told | {"concept": float((found.concept.alarm is not None) / years)}


def course(stream: Stream, found: Watched) -> dict[str, Any]:
    """Of a stream as it was: blocks until each rule's first alarm, and the share of blocks with one."""
    alarm = _alarm_row(stream, found)
    block = None if alarm is None else int(np.searchsorted(found.first_row, alarm, "right"))
    told = {
        name: {"first_after_blocks": int(np.argmax(flags)) + 1 if flags.any() else None, "share": float(flags.mean())}
        for name, flags in _rules(found).items()
    }
    told["concept"] = {"first_after_blocks": block, "direction": found.concept.direction}
    return {"blocks": len(found.rate), "rules": told, "rate": _listed(found.rate), "auc": _listed(found.area)}


def _rules(found: Watched) -> Mapping[str, NDArray[np.bool_]]:
    names = ("inputs", "forecasts", "outcomes", "evidently_any", "evidently_half", "naive_loss")
    return {name: getattr(found, name) for name in names}


def _delay(stream: Stream, found: Watched, flags: NDArray[np.bool_], change: int) -> int | None:
    """Up to the end of the first block with an alarm that ends after the change."""
    ends = np.append(found.first_row[1:], len(stream.positive))
    late = flags & (ends > change)
    return int(ends[np.argmax(late)] - change) if late.any() else None


def _alarm_row(stream: Stream, found: Watched) -> int | None:
    if found.concept.alarm is None:
        return None
    unit = np.unique(stream.unit[found.begin :])[found.concept.alarm]
    return int(np.searchsorted(stream.unit, unit, "right")) - 1


def _moved(family: str, before: BinnedSample, bins: Bins, values: NDArray[np.float32], unit: NDArray[np.int64]) -> bool:
    """Whether a family raises an alarm; every input counts the same."""
    distance = OUTCOME_DISTANCE if family == "outcomes" else FEATURE_DISTANCE
    moved = judged(bins.names, before, binned(bins, values, unit), distance=distance).moved
    return bool(moved.mean() >= MOST_MOVED if family == "inputs" else moved.any())


def _forecasts(stream: Stream, learnt: int, calibrated: int) -> tuple[Float64, tuple[Float64, Float64]]:
    """Calibrated probabilities of all rows, and their intervals."""
    rows = np.arange(learnt)
    names = tuple(str(column) for column in range(stream.features.shape[1]))
    slices = stopping_slices(stream.unit[rows].astype(np.int32), rows.astype(np.int64))
    weight, inputs = np.ones(learnt), Inputs(stream.features[rows], names)
    fit = fit_xgboost(inputs, stream.positive[rows], weight, slices, monotone={}, seed=1, settings=_TREES)
    margin = fit.member.margin(Inputs(stream.features, names))
    told = slice(learnt, calibrated)
    lead = stream.unit[told].astype(np.int32)
    platt = fit_platt(margin[told], stream.positive[told], np.ones(calibrated - learnt), lead, seed=0)
    probability, low, high = (
        np.clip(one, 1e-4, 1 - 1e-4) for one in (platt.probability(margin), *platt.interval(margin))
    )
    return probability, (np.minimum(low, probability), np.maximum(high, probability))


def _stream(name: str, table: Any, *, unit: int, block: int, a_year: float) -> Stream:
    *features, target = table.column_names
    values = np.stack([table.column(one).to_numpy() for one in features], axis=1).astype(np.float32)
    rows = np.arange(len(values))
    positive = table.column(target).to_numpy() == 1
    return Stream(name, values, positive, rows // unit, rows // block, a_year, 10 * a_year * block / unit)


def _calls(path: Path) -> Stream:
    calls = bank_calls(path, macro=False)
    rows = np.arange(len(calls))
    return Stream(
        "bank_marketing", calls.features, calls.positive, rows, calls.month.astype(np.int64), 12.0, RUN_LENGTH
    )


def _float(values: NDArray[Any]) -> NDArray[np.float32]:
    return np.asarray(values, np.float32)


def _ones(rows: slice) -> Float64:
    return np.ones((1, rows.stop - rows.start))


def _listed(values: Sequence[float] | Float64) -> list[float | None]:
    return [None if np.isnan(one) else round(float(one), 3) for one in values]
