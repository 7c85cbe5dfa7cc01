"""Rows of events, one by one, into Arrow batches of bounded size."""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from lintel.errors import LintelError
from lintel.events.schema import INCOMING_SCHEMA, TIME
from lintel.events.validation import Rejection
from lintel.sources.source import SourceBatch

BATCH_ROWS = 20_000


class BatchBuilder:
    """Collects events, given as tuples in the order of `fields`, and what was rejected beside them.

    Times are given as int UTC µs. `len` counts events and rejections, so that both are bounded.
    """

    def __init__(self, fields: Sequence[str]) -> None:
        self._schema = pa.schema([pa.field(name, INCOMING_SCHEMA.field(name).type) for name in fields])
        self._rows: list[tuple[Any, ...]] = []
        self._places: list[str] = []
        self._rejected: list[Rejection] = []

    def __len__(self) -> int:
        return len(self._rows) + len(self._rejected)

    def add(self, place: str, row: tuple[Any, ...]) -> None:
        self._rows.append(row)
        self._places.append(place)

    def reject(self, place: str, column: str, reason: str, raw: str | None = None) -> None:
        self._rejected.append(Rejection(place, column, reason, raw))

    def take(self) -> SourceBatch:
        """What was collected since the last time."""
        columns = list(zip(*self._rows, strict=True)) or [()] * len(self._schema)
        arrays = [_array(column, field.type) for column, field in zip(columns, self._schema, strict=True)]
        batch = SourceBatch(pa.table(arrays, schema=self._schema), tuple(self._places), tuple(self._rejected))
        self._rows, self._places, self._rejected = [], [], []
        return batch


def _array(column: tuple[Any, ...], kind: pa.DataType) -> pa.Array:
    return pa.array(column, pa.int64()).cast(TIME) if kind == TIME else pa.array(column, kind)


def batched(steps: Iterator[None], builder: BatchBuilder, size: int) -> Iterator[SourceBatch]:
    """Batches of what `steps` puts into `builder`. What was read before a fault is yielded before it is raised."""
    try:
        for _ in steps:
            if len(builder) >= size:
                yield builder.take()
    except LintelError:
        if len(builder):
            yield builder.take()
        raise
    if len(builder):
        yield builder.take()
