"""The aggregations: each turns a view and the k features of a group into a (k, q) array of float64.

Where nothing was seen, counts and sums are 0 and everything else is NaN. Each number is one expression of exact
integers, so that it does not depend on which other leads are computed beside it.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from lintel.events.columns import NEVER
from lintel.events.timezones import MICROSECONDS_PER_DAY
from lintel.features.feature import Aggregation
from lintel.features.plan import Group
from lintel.features.view import View
from lintel.market.context import Reading

Index = NDArray[np.intp]
Floats = NDArray[np.float64]
Numbers = NDArray[np.float64] | NDArray[np.int64] | NDArray[np.bool_]


def _count(view: View, group: Group) -> Numbers:
    return view.size[group.pair]


def _sum(view: View, group: Group) -> Numbers:
    return _total(view, group) / group.divisor


def _mean(view: View, group: Group) -> Numbers:
    return _total(view, group) / group.divisor / view.size[group.pair]


def _total(view: View, group: Group) -> NDArray[np.int64]:
    prefix = view.history.prefix
    return prefix[view.end[group.row]] - prefix[view.begin[group.pair]]


def _deviation(view: View, group: Group) -> Numbers:
    end, begin, size = view.end[group.row], view.begin[group.pair], view.size[group.pair]
    seconds, squares = view.history.seconds_prefix, view.history.squares_prefix
    mean = (seconds[end] - seconds[begin]) / size
    variance = (squares[end] - squares[begin]) / size - mean * mean
    return _where(size > 1, np.sqrt(np.maximum(variance, 0.0)) * 1e6 / group.divisor)


def _minimum(view: View, group: Group) -> Numbers:
    return _extreme(np.minimum, view, group)


def _maximum(view: View, group: Group) -> Numbers:
    return _extreme(np.maximum, view, group)


def _extreme(choose: np.ufunc, view: View, group: Group) -> Numbers:
    begin, end = view.begin[group.pair], view.end[group.row]
    edges = np.stack((begin, end), axis=-1).ravel()
    found = choose.reduceat(view.history.value, edges)[::2].reshape(begin.shape)
    return _where(end > begin, found / group.divisor)


def _first(view: View, group: Group) -> Numbers:
    return _where(view.size[group.pair] > 0, view.history.value[view.begin[group.pair]] / group.divisor)


def _last(view: View, group: Group) -> Numbers:
    return _where(view.size[group.pair] > 0, view.history.value[view.end[group.row] - 1] / group.divisor)


def _equals(view: View, group: Group) -> Numbers:
    return (view.size[group.pair] > 0) & (view.history.value[view.end[group.row] - 1] == group.level)


def _recency(view: View, group: Group) -> Numbers:
    return _where(view.size[group.pair] > 0, _days(view.as_of - _time(view, view.end[group.row] - 1)))


def _tenure(view: View, group: Group) -> Numbers:
    return _where(view.size[group.pair] > 0, _days(view.as_of - _time(view, view.begin[group.pair])))


def _until(view: View, group: Group) -> Numbers:
    due = view.history.value[view.end[group.row] - 1]
    return _where(view.size[group.pair] > 0, _days(due - view.as_of))


def _distinct_days(view: View, group: Group) -> Numbers:
    history, size = view.history, view.size[group.pair]
    first = view.begin[group.pair] - history.first_selected
    changes = history.day_prefix[first + size] - history.day_prefix[first + (size > 0)]
    return changes + (size > 0)


def _distinct(view: View, group: Group) -> Numbers:
    """Different values in the window: members seen, less those that a later one of the same value has replaced or
    that have left the window. Each member counts from its own time until then."""
    wanted = view.timeline.key(view.base, view.as_of)
    count = np.zeros((len(group.row), len(wanted)), np.int64)
    for row in np.unique(group.row):
        members = view.history.members(row)
        if members.stop == members.start:
            continue
        time, base, replaced = _lifetimes(view, members)
        for k in np.flatnonzero(group.row == row):
            window = view.plan.window_of_pair[group.pair[k]]
            ends = np.sort(view.timeline.key(base, np.minimum(replaced, time + window)))
            count[k] = view.end[row] - members.start - ends.searchsorted(wanted, side="right")
    return count


def _lifetimes(view: View, members: slice) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Time and base of members, and the time at which the lead's next member of the same value came, or NEVER."""
    position, value = view.history.position[members], view.history.value[members]
    time, base = view.history.time[position], view.history.base[position]
    order = np.lexsort((value, base))
    again = (value[order[1:]] == value[order[:-1]]) & (base[order[1:]] == base[order[:-1]])
    replaced = np.full(len(time), NEVER)
    replaced[order[:-1][again]] = time[order[1:][again]]
    return time, base, replaced


def _trend(view: View, group: Group) -> Numbers:
    return view.size[group.pair] / group.days - view.size[group.second_pair] / group.baseline_days


def _share(view: View, group: Group) -> Numbers:
    return _where(view.size[group.second_pair] > 0, view.size[group.pair] / view.size[group.second_pair])


def _ratio(view: View, group: Group) -> Numbers:
    seen = (view.size[group.pair] > 0) & (view.size[group.second_pair] > 0)
    value = view.history.value
    above = value[view.end[group.row] - 1] / group.divisor
    below = value[view.end[group.second_row] - 1] / group.second_divisor
    return _where(seen & (below != 0), above / below)


def _elapsed(view: View, group: Group) -> Numbers:
    seen = (view.size[group.pair] > 0) & (view.size[group.second_pair] > 0)
    return _where(seen, _days(_time(view, view.begin[group.second_pair]) - _time(view, view.begin[group.pair])))


def _count_since(view: View, group: Group) -> Numbers:
    return view.end[group.row] - _first_since(view, group)


def _pending(view: View, group: Group) -> Numbers:
    first = _first_since(view, group)
    return _where(first < view.end[group.row], _days(view.as_of - _time(view, first)))


def _first_since(view: View, group: Group) -> Index:
    """Flat position of the first A after the last B, or of the lead's first A if there is no B."""
    history = view.history
    after = np.where(view.size[group.second_pair] > 0, history.position[view.end[group.second_row] - 1] + 1, view.start)
    return history.rank[group.row[:, None] * len(history.time) + after].astype(np.intp)


def _excess(view: View, group: Group) -> Numbers:
    return np.maximum(view.size[group.pair] - view.size[group.second_pair], 0)


def _is_last(view: View, group: Group) -> Numbers:
    position = view.history.position
    same = position[view.end[group.row] - 1] == position[view.end[group.second_row] - 1]
    return same & (view.size[group.pair] > 0)


def _clock(view: View, group: Group) -> Numbers:
    return group.table[:, view.as_of_minute]


def _season(view: View, group: Group) -> Numbers:
    return group.table[:, view.as_of_day]


def _context_level(view: View, group: Group) -> Numbers:
    return _of_market(view, group, lambda reading, _: reading.level)


def _context_change(view: View, group: Group) -> Numbers:
    return _of_market(view, group, lambda reading, window: reading.level - reading.before(window))


def _context_growth(view: View, group: Group) -> Numbers:
    return _of_market(view, group, lambda reading, window: _growth(reading.level, reading.before(window)))


def _growth(level: Floats, before: Floats) -> Floats:
    return _where(before != 0, level / before - 1)


def _of_market(view: View, group: Group, measured: Callable[[Reading, int], Floats]) -> Floats:
    out = np.full((len(group.context), len(view.as_of)), np.nan)
    if len(view.context):
        for row, (metric, window) in enumerate(group.context):
            reading = view.readings[metric]
            if reading is not None:
                out[row] = measured(reading, window)
    return out


def _time(view: View, member: Index) -> NDArray[np.int64]:
    """Times of flat positions; a stop, one past the last member, gives some time that the caller masks."""
    return view.history.time[view.history.position[member]]


def _days(microseconds: NDArray[np.int64]) -> Floats:
    return microseconds / MICROSECONDS_PER_DAY


def _where(seen: NDArray[np.bool_], values: Floats) -> Floats:
    return np.where(seen, values, np.nan)


AGGREGATIONS: Mapping[Aggregation, Callable[[View, Group], Numbers]] = {
    Aggregation.COUNT: _count,
    Aggregation.SUM: _sum,
    Aggregation.MEAN: _mean,
    Aggregation.DEVIATION: _deviation,
    Aggregation.MIN: _minimum,
    Aggregation.MAX: _maximum,
    Aggregation.FIRST: _first,
    Aggregation.LAST: _last,
    Aggregation.EQUALS: _equals,
    Aggregation.RECENCY: _recency,
    Aggregation.TENURE: _tenure,
    Aggregation.UNTIL: _until,
    Aggregation.DISTINCT: _distinct,
    Aggregation.DISTINCT_DAYS: _distinct_days,
    Aggregation.TREND: _trend,
    Aggregation.SHARE: _share,
    Aggregation.PER: _share,
    Aggregation.RATIO: _ratio,
    Aggregation.ELAPSED: _elapsed,
    Aggregation.COUNT_SINCE: _count_since,
    Aggregation.PENDING: _pending,
    Aggregation.EXCESS: _excess,
    Aggregation.IS_LAST: _is_last,
    Aggregation.CLOCK: _clock,
    Aggregation.SEASON: _season,
    Aggregation.CONTEXT_LEVEL: _context_level,
    Aggregation.CONTEXT_CHANGE: _context_change,
    Aggregation.CONTEXT_GROWTH: _context_growth,
}
