"""Episodes: the opportunities of a lead, from the first event to the outcome, as intervals and as lists of events."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lintel.events.columns import NEVER, EventColumns
from lintel.events.kinds import kind_codes

Int64 = NDArray[np.int64]
Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Episodes:
    """e episodes, sorted by (lead, opened_at), and the events of each.

    An episode runs from its first event to the first outcome (included) that carries its id or none. A lead's first
    episode begins with the lead's first event. Events without an id belong to every episode then open; a lead
    none of whose events has an id, or whose first outcome comes before the first id, has an episode with id 0.
    While two episodes are open, a score asked for the lead is about the one that opened first.
    """

    lead: NDArray[np.int32]  # (e,)
    id: Int64  # (e,) digest, 0 if none
    opened_at: Int64  # (e,)
    closed_at: Int64  # (e,) NEVER while open
    asked_from: Int64  # (e,) from when on the lead's earlier episodes are closed and an event of this one is known
    row: Rows  # (m,) rows of EventColumns, by (episode, time)
    start: Rows  # (e + 1,) where each episode's rows begin in `row`

    def __len__(self) -> int:
        return len(self.lead)

    @property
    def of_row(self) -> NDArray[np.intp]:
        """(m,) episode of each entry of `row`."""
        return np.repeat(np.arange(len(self)), np.diff(self.start))

    def find(self, lead: NDArray[np.int32], episode_id: Int64) -> NDArray[np.intp]:
        """Position of each (lead, episode id), -1 where there is none."""
        if not len(self):
            return np.full(len(lead), -1, np.intp)
        order = np.lexsort((self.id, self.lead))
        begin, end = np.searchsorted(self.lead[order], lead), np.searchsorted(self.lead[order], lead, "right")
        # the last id <= the one looked for
        place = first_after(self.id[order], begin, end, episode_id) - 1
        found = order[np.maximum(place, 0)]
        return np.where((place >= begin) & (self.id[found] == episode_id), found, -1)


def first_after(values: Int64, begin: Rows, end: Rows, bound: Int64) -> Rows:
    """For each i the first position in [begin[i], end[i]) whose value is > bound[i], else end[i].

    `values` ascend within each of these ranges; all ranges are bisected at the same time.
    """
    low, high = begin.copy(), end.copy()
    active = np.flatnonzero(low < high)
    while len(active):
        middle = (low[active] + high[active]) // 2
        right = values[middle] <= bound[active]
        low[active[right]] = middle[right] + 1
        high[active[~right]] = middle[~right]
        active = active[low[active] < high[active]]
    return low


def find_episodes(columns: EventColumns, ends: tuple[str, ...], *, log_end: int) -> Episodes:
    """The episodes of all leads as they are known at `log_end` (UTC µs); `ends` are the kinds of outcome."""
    known = np.flatnonzero(columns.known_at <= log_end)
    is_outcome = mask_of(ends)[columns.kind]
    owned, loose = known[columns.episode_id[known] != 0], known[columns.episode_id[known] == 0]
    group, owned_lead, owned_id = _groups(columns, owned)
    owned_first = np.full(len(owned_lead), NEVER)
    np.minimum.at(owned_first, group, columns.occurred_at[owned])
    owned_outcome = np.full(len(owned_lead), NEVER)
    decided = is_outcome[owned]
    np.minimum.at(owned_outcome, group[decided], columns.occurred_at[owned[decided]])

    first_event, first_owned = _first(columns, known), _first(columns, owned)
    endings = loose[is_outcome[loose]]
    first_ending = _first(columns, endings)
    has_loose = (first_event != NEVER) & ((first_owned == NEVER) | (first_ending < first_owned))
    is_first = ~has_loose[owned_lead] & (owned_first == first_owned[owned_lead])
    opened = np.where(is_first, first_event[owned_lead], owned_first)
    closed = np.minimum(owned_outcome, _next_ending(columns, endings, owned_lead, opened))

    loose_lead = np.flatnonzero(has_loose).astype(np.int32)
    lead = np.concatenate((owned_lead, loose_lead))
    identity = np.concatenate((owned_id, np.zeros(len(loose_lead), np.int64)))
    opened = np.concatenate((opened, first_event[loose_lead]))
    closed = np.concatenate((closed, first_ending[loose_lead]))
    order = np.lexsort((identity, opened, lead))
    rank = np.empty(len(order), np.intp)
    rank[order] = np.arange(len(order))
    intervals = lead[order], identity[order], opened[order], closed[order]
    row, start = _members(columns, intervals, owned, rank[group], loose)
    first_known = np.full(len(lead), NEVER)
    np.minimum.at(first_known, np.repeat(np.arange(len(lead)), np.diff(start)), columns.known_at[row])
    return Episodes(*intervals, np.maximum(_asked_from(*intervals), first_known), row, start)


def mask_of(names: tuple[str, ...]) -> NDArray[np.bool_]:
    """(K,) whether a kind code is one of `names`."""
    mask = np.zeros(len(kind_codes()), np.bool_)
    mask[[kind_codes()[name] for name in names]] = True
    return mask


def _first(columns: EventColumns, rows: Rows) -> Int64:
    """(L,) time of each lead's first event among `rows`, which ascend; NEVER if none."""
    first = np.full(int(columns.lead[-1]) + 1 if len(columns) else 0, NEVER)
    lead = columns.lead[rows]
    begins = np.flatnonzero(np.diff(lead, prepend=-1))
    first[lead[begins]] = columns.occurred_at[rows[begins]]
    return first


def _groups(columns: EventColumns, rows: Rows) -> tuple[Rows, NDArray[np.int32], Int64]:
    """Number of the (lead, episode id) of each of `rows`, and lead and id of each number."""
    lead, identity = columns.lead[rows], columns.episode_id[rows]
    order = np.lexsort((identity, lead))
    new = np.ones(len(order), np.bool_)
    new[1:] = (np.diff(lead[order]) != 0) | (np.diff(identity[order]) != 0)
    group = np.empty(len(order), np.intp)
    group[order] = np.cumsum(new) - 1
    return group, lead[order][new], identity[order][new]


def _next_ending(columns: EventColumns, endings: Rows, lead: NDArray[np.int32], opened: Int64) -> Int64:
    """First outcome without an id at or after `opened`."""
    leads = columns.lead[endings]
    begin, end = np.searchsorted(leads, lead), np.searchsorted(leads, lead, "right")
    times = np.append(columns.occurred_at[endings], NEVER)
    place = first_after(times, begin, end, opened - 1)
    return np.where(place < end, times[place], NEVER)


def _members(
    columns: EventColumns,
    intervals: tuple[NDArray[np.int32], Int64, Int64, Int64],
    owned: Rows,
    episode_of_owned: Rows,
    loose: Rows,
) -> tuple[Rows, Rows]:
    """The rows inside each episode, by (episode, time), and where each episode's begin."""
    lead, _, opened, closed = intervals
    begin, end = np.searchsorted(lead, columns.lead[loose]), np.searchsorted(lead, columns.lead[loose], "right")
    spread = expand(begin, end)
    row = np.concatenate((owned, np.repeat(loose, end - begin)))
    episode = np.concatenate((episode_of_owned, spread))
    time = columns.occurred_at[row]
    inside = (opened[episode] <= time) & (time <= closed[episode])
    row, episode = row[inside], episode[inside]
    order = np.lexsort((row, episode))
    return row[order], np.searchsorted(episode[order], np.arange(len(lead) + 1))


def expand(begin: Rows, end: Rows) -> Rows:
    """All integers of the ranges [begin[i], end[i]), one range after the other."""
    count = end - begin
    offset = np.cumsum(count) - count
    return np.arange(count.sum()) - np.repeat(offset - begin, count)


def _asked_from(lead: NDArray[np.int32], _: Int64, opened: Int64, closed: Int64) -> Int64:
    """The later of the opening and of the last closing of the lead's earlier episodes."""
    asked = opened.copy()
    first = np.searchsorted(lead, lead)
    place = np.arange(len(lead)) - first
    latest = closed.copy()
    for depth in range(1, int(place.max(initial=0)) + 1):
        at = np.flatnonzero(place == depth)
        asked[at] = np.maximum(opened[at], latest[at - 1])
        latest[at] = np.maximum(closed[at], latest[at - 1])
    return asked
