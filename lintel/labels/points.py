"""Decision points: the moments at which a model is trained and judged, chosen as it will be asked in service."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from lintel.events.columns import EventColumns, Queries
from lintel.labels.definition import LabelSet
from lintel.labels.episodes import Episodes, Rows, expand, find_episodes, mask_of
from lintel.labels.nightly import nightly_ticks

Int64 = NDArray[np.int64]


class Origin(IntEnum):
    """What makes the service ask."""

    EVENT = 0
    """An event became known."""
    TICK = 1
    """The nightly run at 02:00 local time."""
    TOUCH = 2
    """An outbound touch is about to go out; the only points of dimensions with `touches`."""


@dataclass(frozen=True, slots=True)
class DecisionPoints:
    """p points, sorted by (lead, as_of, origin).

    `weight` is the number of moments of the lead and origin that a point stands for, so that a weighted mean over
    the points is a mean over the serving mix: every event and every night of an open episode, each once.
    """

    queries: Queries
    origin: NDArray[np.int8]  # (p,) Origin
    weight: NDArray[np.float64]  # (p,) >= 1
    episode: Int64  # (p,) digest of the episode's id, 0 if none

    def __len__(self) -> int:
        return len(self.queries)

    def take(self, rows: Rows | NDArray[np.bool_]) -> "DecisionPoints":
        """The points at `rows`, which must keep the order."""
        queries = Queries(self.queries.lead[rows], self.queries.as_of[rows])
        return DecisionPoints(queries, self.origin[rows], self.weight[rows], self.episode[rows])


def decision_points(
    columns: EventColumns,
    labels: LabelSet,
    lead_keys: Int64,
    *,
    log_end: int,
    time_zone: str,
    per_origin: int | None,
    seed: int,
) -> DecisionPoints:
    """All decision points up to `log_end`, thinned to at most `per_origin` of each origin a lead.

    Parameters
    ----------
    lead_keys: (L,) `digest64` of each lead's id. Thinning depends on it, on `seed` and on the lead's own events
        only: a lead gets the same points whichever other leads are there.
    log_end: UTC µs; nothing that became known later is used.
    time_zone: the tenant's, for the nights.
    per_origin: None keeps every point, with weight 1.

    A point lies in [first event known, outcome) of an episode. Event points are the moments at which an event became
    known, the last one of a transaction (events less than `labels.settle` apart): rows that one decision writes within
    milliseconds would otherwise be asked about an outcome that has already been taken. Touch points lie 1 µs before
    the touch. Thinning is systematic: every n/k-th moment from a random start, so each has the same chance.
    """
    episodes = find_episodes(columns, labels.ends, log_end=log_end)
    candidates = (
        _event_times(columns, episodes, labels.settle),
        _tick_times(episodes, log_end, time_zone),
        _touch_times(columns, episodes, labels.touches),
    )
    chosen = [
        _thinned(episodes, times, lead_keys, per_origin, seed * len(Origin) + origin)
        for origin, times in zip(Origin, candidates, strict=True)
    ]
    episode = np.concatenate([part.episode for part in chosen])
    as_of = np.concatenate([part.as_of for part in chosen])
    weight = np.concatenate([part.weight for part in chosen])
    origin = np.repeat(np.array(Origin, np.int8), [len(part.as_of) for part in chosen])
    lead = episodes.lead[episode]
    order = np.lexsort((origin, as_of, lead))
    queries = Queries(lead[order], as_of[order])
    return DecisionPoints(queries, origin[order], weight[order], episodes.id[episode[order]])


@dataclass(frozen=True, slots=True)
class _Moments:
    """Moments of each episode: `times[begin[e]:end[e]]`, ascending. Ranges may share times, as the nights do."""

    times: Int64
    begin: Rows  # (e,)
    end: Rows  # (e,)


@dataclass(frozen=True, slots=True)
class _Chosen:
    episode: Rows
    as_of: Int64
    weight: NDArray[np.float64]


def _event_times(columns: EventColumns, episodes: Episodes, settle: int) -> _Moments:
    """Moments at which something became known, the last of each transaction."""
    episode, time = episodes.of_row, columns.known_at[episodes.row]
    order = np.lexsort((time, episode))
    episode, time = episode[order], time[order]
    settled = np.ones(len(time), np.bool_)
    settled[:-1] = (np.diff(episode) != 0) | (np.diff(time) > settle)
    return _asked(episodes, episode[settled], time[settled])


def _touch_times(columns: EventColumns, episodes: Episodes, touches: tuple[str, ...]) -> _Moments:
    """1 µs before each distinct time of a touch."""
    is_touch = mask_of(touches)[columns.kind[episodes.row]]
    episode, time = episodes.of_row[is_touch], columns.occurred_at[episodes.row[is_touch]] - 1
    distinct = np.ones(len(time), np.bool_)
    distinct[1:] = (np.diff(episode) != 0) | (np.diff(time) != 0)
    return _asked(episodes, episode[distinct], time[distinct])


def _asked(episodes: Episodes, episode: Rows, time: Int64) -> _Moments:
    """Those times at which the episode is the one asked about."""
    asked = (episodes.asked_from[episode] <= time) & (time < episodes.closed_at[episode])
    episode, time = episode[asked], time[asked]
    every = np.arange(len(episodes))
    return _Moments(time, np.searchsorted(episode, every), np.searchsorted(episode, every, "right"))


def _tick_times(episodes: Episodes, log_end: int, time_zone: str) -> _Moments:
    """Every night of each episode."""
    ticks = nightly_ticks(int(episodes.opened_at.min(initial=log_end)), log_end, time_zone)
    begin = np.searchsorted(ticks, episodes.asked_from)
    return _Moments(ticks, begin, np.maximum(begin, np.searchsorted(ticks, episodes.closed_at)))


def _thinned(episodes: Episodes, moments: _Moments, lead_keys: Int64, most: int | None, seed: int) -> _Chosen:
    """A systematic sample of each lead's moments."""
    until = np.cumsum(moments.end - moments.begin)
    leads = len(lead_keys)
    total = np.bincount(episodes.lead, weights=moments.end - moments.begin, minlength=leads).astype(np.int64)
    size = total if most is None else np.minimum(total, most)
    offset = np.cumsum(total) - total
    step = total / np.maximum(size, 1)
    lead = np.repeat(np.arange(leads), size)
    number = expand(np.zeros(leads, np.intp), size)
    start = np.where(size < total, _uniform(lead_keys, seed), 0.0)
    within = np.minimum(np.floor((number + start[lead]) * step[lead]).astype(np.int64), total[lead] - 1)
    place = offset[lead] + within
    episode = np.searchsorted(until, place, side="right")
    before = until - (moments.end - moments.begin)
    as_of = moments.times[moments.begin[episode] + place - before[episode]]
    return _Chosen(episode, as_of, step[lead])


def _uniform(keys: Int64, seed: int) -> NDArray[np.float64]:
    """One number in [0, 1) a key: splitmix64 (Steele, Lea, Flood 2014), whose finalizer mixes key and seed."""
    mixed = keys.astype(np.uint64) + np.uint64((seed + 1) * 0x9E3779B97F4A7C15 % 2**64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53
