"""Does learning go on? A bank's calls in order of time, from the month a static model has never seen on.

    python -m benchmarks.continuous_learning [--member xgboost|lightgbm] [--json]

Data: bank marketing (Moro et al. 2014), 41,188 calls from May 2008 to November 2010, looked for in
LINTEL_DATA_MIRROR, else ../shared/data. The first half of the calls, four months, trains the first model; the second
half is forecast month after month. Success rises from 3 % to 57 % meanwhile. `duration` is known only after the call,
age and marital status are protected: none of them is a feature. Months are rebuilt from the runs of `month`.

Judged is the AUC inside each month with at least 20 calls of either outcome, and its plain mean over months. The pooled
AUC is shown, too: it is inflated, for it rewards whoever knows which months go well. The country's series (employment,
prices, confidence, Euribor) tell the month; with and without them are both given. `delay` is the number of months
until an outcome is known after the month of the call.

Compared are the frozen model; a new one every month from all history or from the last months; the same warm, which adds
trees on the last months to the model before; and a new one only when the cumulative sum of surprises says that the
present one no longer keeps its promises. The constant forecast at the last months' rate is the baseline of the log
loss: the models are shown as they are, without Lintel's calibration on a later fold. Intervals resample the calls
inside each month, paired with the frozen model, or, for warm trees, with cold ones of the same window.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import xgboost
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from lintel.events.timezones import MICROSECONDS_PER_DAY
from lintel.learning.blockwise import block_areas, gain, judged_blocks
from lintel.learning.cumulative_sum import cumulative_sum
from lintel.learning.prequential import Course, Policy, Stream, always, never, on_alarm, prequential
from lintel.learning.window import rolling_rows
from lintel.scoring.inputs import Inputs
from lintel.scoring.lightgbm_member import LeafSettings, LightGBMMember, fit_lightgbm
from lintel.scoring.metrics import auc, log_loss
from lintel.scoring.stopping import stopping_slices
from lintel.scoring.xgboost_member import TreeSettings, XGBoostMember, fit_xgboost
from lintel.settings import settings
from lintel.sources.bank_marketing import FILE, BankCalls, bank_calls

TREES = TreeSettings(learning_rate=0.1, max_trees=200, patience=15, threads=1)
LEAVES = LeafSettings(learning_rate=0.1, max_trees=200, patience=15, threads=1)
ADDED_TREES = 20
LEAST = 20  # calls of either outcome in a month that is judged
MONTH_DAYS = 30
SEED = 1
DELAYS = (0, 1)
STATIC = "frozen"

Rows = NDArray[np.intp]
Float64 = NDArray[np.float64]
Model = XGBoostMember | LightGBMMember | float
Learn = Callable[[Rows, Model | None], Model]


@dataclass(frozen=True, slots=True)
class Learner:
    """Models of one kind from calls. Without a window all known calls count; the first model always learns of all."""

    calls: BankCalls
    kind: str
    months: int | None = None

    def cold(self, rows: Rows, before: Model | None) -> Model:
        """A new model."""
        return self._fit(self._window(rows) if before is not None else rows)

    def warm(self, rows: Rows, before: Model | None) -> Model:
        """The model before with more trees, grown on the window."""
        if before is None:
            return self._fit(rows)
        chosen = self._window(rows)
        features, names, positive = self.calls.features[chosen], list(self.calls.names), self.calls.positive[chosen]
        free = [0] * len(names)
        if isinstance(before, XGBoostMember):
            data = xgboost.DMatrix(features, label=positive, feature_names=names)
            parameters = TREES.parameters(seed=SEED, monotone=free)
            return XGBoostMember(before.names, xgboost.train(parameters, data, ADDED_TREES, xgb_model=before.booster))
        assert isinstance(before, LightGBMMember)
        parameters = LEAVES.parameters(seed=SEED, monotone=free)
        leaves = lightgbm.Dataset(features, positive, feature_name=names)
        grown = lightgbm.train(parameters, leaves, ADDED_TREES, init_model=before.booster)
        return LightGBMMember(before.names, lightgbm.Booster(model_str=grown.model_to_string()))

    def rate(self, rows: Rows, _: Model | None) -> Model:
        """The window's rate of success."""
        return float(self.calls.positive[self._window(rows)].mean())

    def forecast(self, model: Model, rows: Rows) -> Float64:
        if isinstance(model, float):
            return np.full(len(rows), model)
        margin = model.margin(Inputs(self.calls.features[rows], self.calls.names))
        return 1.0 / (1.0 + np.exp(-margin))

    def _fit(self, rows: Rows) -> Model:
        inputs, positive = Inputs(self.calls.features[rows], self.calls.names), self.calls.positive[rows]
        slices = stopping_slices(rows.astype(np.int32), rows.astype(np.int64))  # every call is of another client
        shared: dict[str, Any] = {"monotone": {}, "seed": SEED}
        weight = np.ones(len(rows))
        if self.kind == "lightgbm":
            return fit_lightgbm(inputs, positive, weight, slices, settings=LEAVES, **shared).member
        return fit_xgboost(inputs, positive, weight, slices, settings=TREES, **shared).member

    def _window(self, rows: Rows) -> Rows:
        days = None if self.months is None else self.months * MONTH_DAYS - 1.0
        began = self.calls.month[rows].astype(np.int64) * MONTH_DAYS * MICROSECONDS_PER_DAY
        return rows[rolling_rows(began, days)]


def contenders(calls: BankCalls, kind: str) -> Mapping[str, tuple[Policy, Learn]]:
    """By name: when to learn, and how."""
    over = partial(Learner, calls, kind)
    alarm = on_alarm(cumulative_sum())
    return {
        STATIC: (never, over(None).cold),
        "rate of the last 3 months": (always, over(3).rate),
        "monthly, all history": (always, over(None).cold),
        "monthly, last 12 months": (always, over(12).cold),
        "monthly, last 6 months": (always, over(6).cold),
        "monthly, last 3 months": (always, over(3).cold),
        "monthly, warm on the last 6": (always, over(6).warm),
        "monthly, warm on the last 3": (always, over(3).warm),
        "on drift, all history": (alarm, over(None).cold),
        "on drift, last 12 months": (alarm, over(12).cold),
        "on drift, last 6 months": (alarm, over(6).cold),
    }


def halves(calls: BankCalls, *, delay: int) -> Stream:
    """The first half of the calls is learnt from, the second half forecast."""
    return Stream(calls.positive, calls.month, len(calls) // 2, delay)


def run(calls: BankCalls, kind: str, name: str, *, delay: int) -> Course:
    """One contender over the second half."""
    policy, learn = contenders(calls, kind)[name]
    return prequential(halves(calls, delay=delay), policy, learn, Learner(calls, kind).forecast)


def figures(stream: Stream, course: Course, frozen: Course) -> dict[str, Any]:
    """Of one contender, beside the frozen model."""
    blocks = judged_blocks(stream.positive, [stream.rows(one) for one in stream.blocks()], least=LEAST)
    later = slice(stream.begin, None)
    found = gain(stream.positive, course.probability, frozen.probability, blocks, seed=SEED)
    losses = [log_loss(stream.positive[rows], course.probability[rows], np.ones(len(rows))) for rows in blocks]
    by_block = block_areas(stream.positive, course.probability, blocks)
    return {
        "auc_per_month": float(by_block.mean()),
        "gain_on_frozen": asdict(found),
        "months": len(blocks),
        "log_loss_per_month": float(np.mean(losses)),
        "auc_pooled_inflated": auc(
            stream.positive[later], course.probability[later], np.ones(len(stream.block[later]))
        ),
        "retrainings": len(course.learnt),
        "retrained_in": list(course.learnt),
        "auc_by_month": {
            str(stream.block[rows[0]]): round(float(one), 3) for rows, one in zip(blocks, by_block, strict=True)
        },
    }


def warm_gains(stream: Stream, courses: Mapping[str, Course]) -> dict[str, dict[str, Any]]:
    """What trees that are added to the model before gain on a new model of the same window."""
    blocks = judged_blocks(stream.positive, [stream.rows(one) for one in stream.blocks()], least=LEAST)
    pairs = {
        f"last {months} months": (f"monthly, warm on the last {months}", f"monthly, last {months} months")
        for months in (3, 6)
    }
    return {
        window: asdict(gain(stream.positive, courses[warm].probability, courses[cold].probability, blocks, seed=SEED))
        for window, (warm, cold) in pairs.items()
    }


def compared(calls: BankCalls, kind: str, *, delay: int) -> dict[str, Any]:
    """Figures of every contender by name, with the CPU seconds that it took, and warm against cold."""
    stream = halves(calls, delay=delay)
    courses, seconds = {}, {}
    for name in track(contenders(calls, kind), f"delay {delay}", console=Console(stderr=True), transient=True):
        begun = time.process_time()
        courses[name] = run(calls, kind, name, delay=delay)
        seconds[name] = time.process_time() - begun
    found = {
        name: figures(stream, course, courses[STATIC]) | {"cpu_seconds": round(seconds[name], 2)}
        for name, course in courses.items()
    }
    return {"contenders": found, "warm_gain_on_cold": warm_gains(stream, courses)}


def interval(found: Mapping[str, float]) -> str:
    return f"{found['mean']:+.3f} ({found['low']:+.3f} to {found['high']:+.3f})"


def shown(title: str, found: Mapping[str, Mapping[str, Any]]) -> Table:
    table = Table(
        "",
        "AUC a month",
        "gain on frozen (95 %)",
        "won",
        "log loss a month",
        "pooled AUC",
        "retrained",
        "CPU s",
        title=title,
        title_justify="left",
    )
    for name, one in found.items():
        more = one["gain_on_frozen"]
        table.add_row(
            name,
            f"{one['auc_per_month']:.3f}",
            "" if name == STATIC else interval(more),
            "" if name == STATIC else f"{more['won']} of {one['months']}",
            f"{one['log_loss_per_month']:.3f}",
            f"{one['auc_pooled_inflated']:.3f}",
            str(one["retrainings"]),
            f"{one['cpu_seconds']:.1f}",
        )
    return table


def table_path() -> Path:
    """Where the published table lies."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    return (settings().data_mirror or beside) / FILE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--member", choices=("xgboost", "lightgbm"), default="xgboost", help="kind of model")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    arguments = parser.parse_args()
    console = Console(stderr=arguments.json, width=150)
    results = []
    for macro in (False, True):
        calls = bank_calls(table_path(), macro=macro)
        for delay in DELAYS:
            found = compared(calls, arguments.member, delay=delay)
            series = f"{'with' if macro else 'without'} the country's series"
            title = f"bank marketing, second half by month, {series}, outcomes known {delay} months after theirs"
            console.print(shown(title, found["contenders"]))
            for window, more in found["warm_gain_on_cold"].items():
                console.print(f"  warm on cold, {window}: {interval(more)}", highlight=False)
            results.append({"macro": macro, "delay_months": delay, **found})
    if arguments.json:
        print(json.dumps({"data": "bank_marketing", "member": arguments.member, "results": results}))


if __name__ == "__main__":
    main()
