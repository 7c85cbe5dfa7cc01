"""Events as rows of the database and as Arrow tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Any

import numpy as np
import pyarrow as pa

from lintel.events.schema import INCOMING_SCHEMA, SIGNALS, SIGNALS_TYPE, STORED_SCHEMA, TIME
from lintel.language.redaction import redact
from lintel.language.signals import signals
from lintel.store.aliases import Merge

READ_COLUMNS = tuple(name for name in STORED_SCHEMA.names if name != "tenant")
"""What a read selects, in this order: the tenant is known already."""

SIGNALS_RECORD = np.dtype([("version", "<i2"), *((name, "<f4") for name in SIGNALS)])
"""How signals lie in the column `signals`: little-endian, without padding."""

_PACKER = Struct(f"<h{len(SIGNALS)}f")
_NO_SIGNALS = bytes(SIGNALS_RECORD.itemsize)
_WRITTEN = tuple(name for name in INCOMING_SCHEMA.names if name not in {"tenant", "text", "attributes"})
_OBJECT, _LEAD, _OCCURRED, _KNOWN, _KIND = (
    _WRITTEN.index(name) for name in ("object_id", "lead_id", "occurred_at", "known_at", "kind")
)


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event that is ready to be written: its columns from `event_id` to `ingested_at`, and its redacted body."""

    columns: tuple[Any, ...]
    text: str | None
    attributes: str | None

    @property
    def event_id(self) -> str:
        return str(self.columns[0])

    @property
    def known_at(self) -> int:
        return int(self.columns[_KNOWN])

    @property
    def has_body(self) -> bool:
        return self.text is not None or self.attributes is not None

    @property
    def leads(self) -> tuple[str, ...]:
        """Whom the event names: its lead, and of a merge the one that is absorbed."""
        lead, other = str(self.columns[_LEAD]), self.columns[_OBJECT]
        return (lead,) if self.columns[_KIND] != "lead.merged" or other is None else (lead, str(other))

    def merge(self, seq: int) -> Merge | None:
        """What this event says about two leads being one, if it does."""
        columns = self.columns
        if columns[_KIND] != "lead.merged" or columns[_OBJECT] is None:
            return None
        return Merge(seq, columns[0], columns[_OBJECT], columns[_LEAD], columns[_OCCURRED], columns[_KNOWN])


def new_events(events: pa.Table, ingested_at: int) -> list[NewEvent]:
    """Checked events (INCOMING_SCHEMA) with redacted texts and their signals; the raw texts end here."""
    columns = [_plain(events.column(name)) for name in _WRITTEN]
    texts, attributes = events.column("text").to_pylist(), events.column("attributes").to_pylist()
    return [
        _new_event(row, text, extra, ingested_at)
        for row, text, extra in zip(zip(*columns, strict=True), texts, attributes, strict=True)
    ]


def stored_table(tenant: str, rows: Sequence[Sequence[Any]]) -> pa.Table:
    """Rows of READ_COLUMNS as a table in STORED_SCHEMA."""
    columns = zip(*rows, strict=True) if rows else ([] for _ in READ_COLUMNS)
    by_name = dict(zip(READ_COLUMNS, columns, strict=True))
    arrays = [pa.repeat(pa.scalar(tenant), len(rows))]
    arrays += [_array(field, by_name[field.name]) for field in STORED_SCHEMA if field.name != "tenant"]
    return pa.Table.from_arrays(arrays, schema=STORED_SCHEMA)


def _new_event(row: tuple[Any, ...], text: str | None, attributes: str | None, ingested_at: int) -> NewEvent:
    if text is None:
        return NewEvent((*row, None, ingested_at), None, attributes)
    clean = redact(text).text
    found = signals(clean, row[_KIND])
    packed = _PACKER.pack(found.version, *(getattr(found, name) for name in SIGNALS))
    return NewEvent((*row, packed, ingested_at), clean, attributes)


def _plain(column: pa.ChunkedArray) -> list[Any]:
    return (column.cast(pa.int64()) if column.type == TIME else column).to_pylist()


def _array(field: pa.Field, values: Sequence[Any]) -> pa.Array:
    if pa.types.is_dictionary(field.type):
        return pa.array(values, pa.string()).dictionary_encode()
    if field.type == SIGNALS_TYPE:
        return _signals(values)
    return pa.array(values, field.type)


def _signals(packed: Sequence[bytes | None]) -> pa.Array:
    absent = np.fromiter((record is None for record in packed), bool, len(packed))
    if absent.all():
        return pa.nulls(len(packed), SIGNALS_TYPE)
    records = np.frombuffer(b"".join(record or _NO_SIGNALS for record in packed), SIGNALS_RECORD)
    arrays = [pa.array(records[field.name].astype(field.type.to_pandas_dtype())) for field in SIGNALS_TYPE]
    return pa.StructArray.from_arrays(arrays, fields=list(SIGNALS_TYPE), mask=pa.array(absent))
