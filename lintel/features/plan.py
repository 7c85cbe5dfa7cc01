"""A catalogue compiled to index arrays: which rows of events exist, and which features read which of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lintel.events.kinds import kind_codes
from lintel.events.timezones import MICROSECONDS_PER_DAY
from lintel.features.catalogue import Catalogue
from lintel.features.feature import OF_CONTEXT, Aggregation, Feature
from lintel.features.measures import RHYTHMS, SEASONS, divisor, rhythm_table, season_table
from lintel.features.selectors import WAITS, Selector
from lintel.market.metrics import METRIC_CODES

Index = NDArray[np.intp]
Floats = NDArray[np.float64]

EVER = np.iinfo(np.int64).max >> 1
"""A window that reaches back before any event."""


@dataclass(frozen=True, slots=True)
class Group:
    """The k features of one aggregation. Each array is (k,), the float ones (k, 1)."""

    row: Index  # of the events A
    pair: Index  # (row, window) of A
    divisor: Floats
    second_row: Index  # of the events B
    second_pair: Index
    second_divisor: Floats
    days: Floats  # length of the window, NaN if unbounded
    baseline_days: Floats
    level: NDArray[np.int64]  # (k, 1)
    table: Floats  # (k, minutes of the week) for CLOCK, (k, days of the year) for SEASON, else (0, 0)
    context: tuple[tuple[int, int], ...]  # (metric, µs of the window) for aggregations of the market, else ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Rows 0..V-1 are *series* (the events of a selector that carry a measure), rows V..V+S-1 are *selectors*."""

    column: Index  # (F,) for each feature of the catalogue, its place when features are ordered by group
    membership: NDArray[np.bool_]  # (S, kinds) which kinds a selector takes
    waits_on: Index  # (S,) for a selector that ends a wait, the selector waited on; else -1
    gap_row: Index  # (S,) measure row that takes the selector's gaps, else -1
    measures: Mapping[str, int]  # measure -> row, gaps apart
    measure_rows: int
    waited_row: int
    series_selector: Index  # (V,)
    series_measure: Index  # (V,)
    windows: NDArray[np.int64]  # (W, 1) µs, the first is EVER
    pair_row: Index  # (P,)
    pair_window: Index  # (P,)
    window_of_pair: NDArray[np.int64]  # (P,) µs
    groups: Mapping[Aggregation, Group]
    squared: int  # series that deviations are computed of: the first ones
    summed: int  # series that sums, means or deviations are computed of

    @property
    def series(self) -> int:
        return len(self.series_selector)

    @property
    def rows(self) -> int:
        return self.series + len(self.membership)


class _Compiler:
    """Gives each selector, series and (row, window) its number at first sight."""

    def __init__(self) -> None:
        self.selectors: dict[Selector, int] = {}
        self.series: dict[tuple[Selector, str], int] = {}
        self.windows: dict[int, int] = {EVER: 0}
        self.pairs: dict[tuple[int, int], int] = {}

    def selector(self, selected: Selector) -> int:
        return self.selectors.setdefault(selected, len(self.selectors))

    def touch(self, selected: Selector, measure: str | None) -> None:
        """Number what a feature reads; done for all features before rows are handed out."""
        if selected:
            self.selector(selected)
            if measure is not None:
                self.series.setdefault((selected, measure), len(self.series))

    def row(self, selected: Selector, measure: str | None) -> int:
        if not selected:
            return 0
        return len(self.series) + self.selectors[selected] if measure is None else self.series[selected, measure]

    def pair(self, row: int, days: int | None) -> int:
        window = EVER if days is None else days * MICROSECONDS_PER_DAY
        number = self.windows.setdefault(window, len(self.windows))
        return self.pairs.setdefault((row, number), len(self.pairs))


@lru_cache(maxsize=16)
def compile_plan(catalogue: Catalogue) -> Plan:
    """The plan of a catalogue; cached, because a request must not pay for it."""
    compiler = _Compiler()
    for asked, answering in WAITS:
        compiler.selector(asked)
        compiler.selector(answering)
    for feature in sorted(catalogue.features, key=_summing_first):
        compiler.touch(feature.kinds, feature.measure)
        compiler.touch(feature.against, feature.against_measure)
    groups = {
        aggregation: _group(compiler, catalogue, aggregation)
        for aggregation in Aggregation
        if any(feature.aggregation is aggregation for feature in catalogue.features)
    }
    used = list(groups)
    column = np.argsort(np.argsort([used.index(f.aggregation) for f in catalogue.features], kind="stable"))
    return _assemble(compiler, groups, column)


def _summing_first(feature: Feature) -> int:
    """Series that are squared come first, then those that are summed, so that prefix sums stop early."""
    return {Aggregation.DEVIATION: 0, Aggregation.SUM: 1, Aggregation.MEAN: 1}.get(feature.aggregation, 2)


def _group(compiler: _Compiler, catalogue: Catalogue, aggregation: Aggregation) -> Group:
    features = [feature for feature in catalogue.features if feature.aggregation is aggregation]
    row = [compiler.row(f.kinds, f.measure) for f in features]
    second = [compiler.row(f.against or f.kinds, f.against_measure if f.against else f.measure) for f in features]
    return Group(
        row=_index(row),
        pair=_index([compiler.pair(r, f.window_days) for r, f in zip(row, features, strict=True)]),
        divisor=_tall([_divisor(f, f.measure, f.kinds) for f in features]),
        second_row=_index(second),
        second_pair=_index(
            [compiler.pair(r, f.baseline_days or f.window_days) for r, f in zip(second, features, strict=True)]
        ),
        second_divisor=_tall([_divisor(f, f.against_measure, f.against) for f in features]),
        days=_tall([float(f.window_days or np.nan) for f in features]),
        baseline_days=_tall([float(f.baseline_days or np.nan) for f in features]),
        level=np.array([f.level or 0 for f in features], np.int64)[:, None],
        table=_time_table(aggregation, features),
        context=_context(features) if aggregation in OF_CONTEXT else (),
    )


def _assemble(compiler: _Compiler, groups: Mapping[Aggregation, Group], column: Index) -> Plan:
    names = sorted({measure for _, measure in compiler.series if measure != "gap"} | {"waited"})
    gapped = sorted({compiler.selectors[selected] for selected, measure in compiler.series if measure == "gap"})
    measures = {name: row for row, name in enumerate(names)}
    gap_row = np.full(len(compiler.selectors), -1, np.intp)
    gap_row[gapped] = np.arange(len(names), len(names) + len(gapped))
    waits_on = np.full(len(compiler.selectors), -1, np.intp)
    for asked, answering in WAITS:
        waits_on[compiler.selectors[answering]] = compiler.selectors[asked]
    selector = _index([compiler.selectors[selected] for selected, _ in compiler.series])
    measure = [gap_row[s] if m == "gap" else measures[m] for s, (_, m) in zip(selector, compiler.series, strict=True)]
    windows = np.array(list(compiler.windows), np.int64)
    pair_row, pair_window = np.array(list(compiler.pairs), np.intp).reshape(-1, 2).T
    return Plan(
        column=column,
        membership=_membership(compiler),
        waits_on=waits_on,
        gap_row=gap_row,
        measures=measures,
        measure_rows=len(names) + len(gapped),
        waited_row=measures["waited"],
        series_selector=selector,
        series_measure=_index(measure),
        windows=windows[:, None],
        pair_row=pair_row,
        pair_window=pair_window,
        window_of_pair=windows[pair_window],
        groups=groups,
        squared=_rows_used(groups, Aggregation.DEVIATION),
        summed=_rows_used(groups, Aggregation.DEVIATION, Aggregation.SUM, Aggregation.MEAN),
    )


def _rows_used(groups: Mapping[Aggregation, Group], *aggregations: Aggregation) -> int:
    return max((int(groups[name].row.max()) + 1 for name in aggregations if name in groups), default=0)


def _membership(compiler: _Compiler) -> NDArray[np.bool_]:
    codes = kind_codes()
    table = np.zeros((len(compiler.selectors), len(codes)), np.bool_)
    for selected, row in compiler.selectors.items():
        table[row, [codes[kind] for kind in selected]] = True
    return table


def _time_table(aggregation: Aggregation, features: list[Feature]) -> Floats:
    if aggregation is Aggregation.CLOCK:
        rows = [RHYTHMS.index(feature.measure or "") for feature in features]
        return rhythm_table()[rows] / _tall([_divisor(f, f.measure, f.kinds) for f in features])
    if aggregation is Aggregation.SEASON:
        return season_table()[[SEASONS.index(feature.measure or "") for feature in features]]
    return np.zeros((0, 0))


def _context(features: list[Feature]) -> tuple[tuple[int, int], ...]:
    return tuple((METRIC_CODES[f.measure or ""], (f.window_days or 0) * MICROSECONDS_PER_DAY) for f in features)


def _divisor(feature: Feature, measure: str | None, selected: Selector) -> float:
    return (divisor(measure, selected, feature.unit) or 1.0) if measure is not None else 1.0


def _index(values: list[int] | list[np.intp]) -> Index:
    return np.array(values, np.intp)


def _tall(values: list[float]) -> Floats:
    return np.array(values, np.float64)[:, None]
