"""What every source of events offers."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from lintel.events.validation import Rejection


@dataclass(frozen=True, slots=True)
class SourceBatch:
    """Some events in (a subset of) INCOMING_SCHEMA's columns, the source's own name of each row, and rows it could
    not read at all."""

    events: pa.Table
    places: tuple[str, ...]
    rejected: tuple[Rejection, ...] = ()


class Source(Protocol):
    """A stream of events in bounded memory. Reading twice gives the same events with the same `event_id`s."""

    name: str
    total: int | None
    """Rows to expect, for progress; None if unknown."""

    def batches(self) -> Iterator[SourceBatch]: ...
