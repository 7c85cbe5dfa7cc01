"""Which lead a merged contact lives on as."""

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from lintel.events.schema import TIME

_ALWAYS = -(2**62)


@dataclass(frozen=True, slots=True)
class Merge:
    """One `lead.merged` event: `absorbed` lives on as `survivor`. Times are UTC µs."""

    seq: int
    event_id: str
    absorbed: str
    survivor: str
    occurred_at: int
    known_at: int


class Aliases:
    """Leads that merges made one, by union in the order in which the merges occurred, so not of their arrival.

    A lead's own events count from the first moment. Those of an absorbed lead are known *under its survivor* only
    since the merge was known: `relabel` raises their `known_at` to it, else a feature would look into the future.
    """

    def __init__(self, merges: Iterable[Merge]) -> None:
        self._parent: dict[str, tuple[str, int]] = {}
        for merge in sorted(merges, key=lambda merge: (merge.occurred_at, merge.event_id)):
            absorbed, survivor = self.survivor(merge.absorbed), self.survivor(merge.survivor)
            if absorbed != survivor:
                self._parent[absorbed] = (survivor, merge.known_at)
        self._members: dict[str, list[str]] = {}
        for lead in self._parent:
            survivor = self.survivor(lead)
            self._members.setdefault(survivor, [survivor]).append(lead)

    def __bool__(self) -> bool:
        return bool(self._parent)

    @property
    def absorbed(self) -> list[str]:
        """Leads that live on as another."""
        return list(self._parent)

    def survivor(self, lead_id: str) -> str:
        """The lead that `lead_id` lives on as: itself if it was never absorbed."""
        while lead_id in self._parent:
            lead_id = self._parent[lead_id][0]
        return lead_id

    def members(self, lead_id: str) -> list[str]:
        """All leads that are one with `lead_id`, the survivor first."""
        return self._members.get(self.survivor(lead_id), [lead_id])

    def known_at(self, lead_id: str) -> int | None:
        """Since when (UTC µs) the events of `lead_id` count for its survivor; None if it is the survivor."""
        known = None
        while lead_id in self._parent:
            lead_id, merged = self._parent[lead_id]
            known = merged if known is None else max(known, merged)
        return known

    def relabel(self, events: pa.Table) -> pa.Table:
        """Events (STORED_SCHEMA or some of its columns) with the survivor in `lead_id`, known since the merge.

        That an absorbed contact was deleted says nothing of the one that it lives on as: such events are left out.
        """
        if not self or "lead_id" not in events.column_names:
            return events
        events = self._without_deletions(events)
        encoded = events.column("lead_id").combine_chunks().dictionary_encode()
        leads = encoded.dictionary.to_pylist()
        if not any(lead in self._parent for lead in leads):
            return events
        survivors = pa.array([self.survivor(lead) for lead in leads], pa.string())
        events = _replaced(events, "lead_id", survivors.take(encoded.indices))
        if "known_at" not in events.column_names:
            return events
        since = pa.array([self.known_at(lead) or _ALWAYS for lead in leads], pa.int64())
        known = pc.max_element_wise(events.column("known_at").cast(pa.int64()), since.take(encoded.indices))
        return _replaced(events, "known_at", known.cast(TIME))

    def _without_deletions(self, events: pa.Table) -> pa.Table:
        if "kind" not in events.column_names:
            return events
        deleted = pc.equal(events.column("kind").cast(pa.string()), "lead.deleted")
        absorbed = pc.is_in(events.column("lead_id"), pa.array(self.absorbed, pa.string()))
        return events.filter(pc.invert(pc.and_(deleted, absorbed)))


def merges_in(events: pa.Table) -> list[Merge]:
    """The merges among events in STORED_SCHEMA."""
    rows = events.filter(
        pc.and_(pc.equal(events.column("kind"), "lead.merged"), pc.is_valid(events.column("object_id")))
    )
    times = {name: rows.column(name).cast(pa.int64()).to_pylist() for name in ("occurred_at", "known_at")}
    words = {name: rows.column(name).to_pylist() for name in ("seq", "event_id", "object_id", "lead_id")}
    return [Merge(*row) for row in zip(*words.values(), *times.values(), strict=True)]


def _replaced(events: pa.Table, name: str, values: pa.Array) -> pa.Table:
    index = events.schema.get_field_index(name)
    return events.set_column(index, events.schema.field(index), values)
