"""The door: every event that comes in is checked here; bad rows are set aside with the reason, good rows go on."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lintel.errors import InputError
from lintel.events.kinds import Actor, kinds
from lintel.events.schema import (
    EPOCH_MIN,
    INCOMING_SCHEMA,
    MAX_ATTRIBUTES_LENGTH,
    MAX_ID_LENGTH,
    MAX_TEXT_LENGTH,
    REQUIRED,
    TIME,
)

FUTURE_TOLERANCE = timedelta(days=1)
"""How far ahead of our clock an event may lie: CRM servers and time zones drift, units (ms for s) do far worse."""

_IDENTIFIERS = ("event_id", "lead_id", "episode_id", "object_id", "agent_id", "channel", "source")
_CONTROL = r"\p{Cc}"  # NUL, which PostgreSQL cannot store, and the escapes that terminals obey among them
_NAMED_BY_OBJECT = {"event.corrected": "the event that is corrected", "lead.merged": "the contact that was merged"}
"""Kinds that say nothing without an `object_id`, and what it names."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """One row that was not taken. `place` is the source's own name for the row, as in "line 17" or "row 3"."""

    place: str
    column: str
    reason: str
    raw: str | None = None

    def __str__(self) -> str:
        return f"{self.place}, column {self.column}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Checked:
    """Events that passed, in INCOMING_SCHEMA with defaults filled in, and the rows that did not."""

    events: pa.Table
    rejected: tuple[Rejection, ...]


def check(events: pa.Table, *, tenant: str, now: datetime, places: Sequence[str] | None = None) -> Checked:
    """Check a table of incoming events and fill in the defaults.

    Parameters
    ----------
    events: columns of INCOMING_SCHEMA in any order; only REQUIRED must be there; unknown columns are refused.
    tenant: filled into every row; a row that names another tenant is rejected.
    now: the wall clock, for the guard against times in the future.
    places: the source's own name of each row; "row N" from 1 by default.

    Raises InputError if a required column is missing, a column is unknown or has a type that cannot be read.
    """
    table = _conform(events, tenant)
    faults = _faults(table, tenant, now)
    bad = pa.array([False] * len(table))
    rejected: list[Rejection] = []
    for column, reason, mask in faults:
        fresh = pc.and_(mask, pc.invert(bad))
        for row in pc.indices_nonzero(fresh).to_pylist():
            place = places[row] if places is not None else f"row {row + 1}"
            rejected.append(Rejection(place, column, reason, _raw(table, row)))
        bad = pc.or_(bad, fresh)
    good = table.filter(pc.invert(bad)) if rejected else table
    return Checked(good, tuple(rejected))


def table_from_rows(rows: Iterable[Mapping[str, Any]]) -> Checked:
    """Turn loose rows (JSON bodies, CSV records) into an incoming table; rows with a wrong type are set aside.

    Times are ISO 8601 strings with an offset, or datetimes with a zone. `attributes` may be a JSON object.
    """
    columns: dict[str, list[Any]] = {name: [] for name in INCOMING_SCHEMA.names}
    rejected = []
    for number, row in enumerate(rows, start=1):
        try:
            record = _typed(row)
        except _FieldError as error:
            rejected.append(Rejection(f"row {number}", error.column, error.reason, _loose(row)))
            continue
        for name, values in columns.items():
            values.append(record.get(name))
    schema = pa.schema([pa.field(field.name, field.type) for field in INCOMING_SCHEMA])
    return Checked(pa.table(columns, schema=schema), tuple(rejected))


class _FieldError(Exception):
    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column
        self.reason = reason


def _typed(row: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(row, Mapping):
        raise _FieldError("(row)", "an event is an object with named fields")
    unknown = sorted(str(name) for name in set(row) - set(INCOMING_SCHEMA.names))
    if unknown:
        raise _FieldError(unknown[0], "no such field in the event schema")
    record = {}
    for field in INCOMING_SCHEMA:
        value = row.get(field.name)
        if value is not None:
            record[field.name] = _convert(field, value)
    return record


def _convert(field: pa.Field, value: Any) -> Any:
    if field.type == TIME:
        return _time(field.name, value)
    if pa.types.is_float64(field.type):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _FieldError(field.name, "must be a number")
        return _float(field.name, value)
    if field.name == "attributes":
        return _attributes(value)
    if not isinstance(value, str):
        raise _FieldError(field.name, "must be a string")
    return _unicode(field.name, value)


def _float(column: str, value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:
        raise _FieldError(column, "is out of range (±1e12)") from None


def _attributes(value: Any) -> str:
    """A JSON object as its text, at full length: what is too long is refused later and never cut."""
    try:
        value = json.loads(value) if isinstance(value, str) else value
        if not isinstance(value, Mapping):
            raise _FieldError("attributes", "are not a JSON object")
        return _unicode("attributes", _json(value))
    except ValueError:
        raise _FieldError("attributes", "are not a JSON object") from None
    except RecursionError:
        raise _FieldError("attributes", "are nested too deeply") from None


def _unicode(column: str, value: str) -> str:
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise _FieldError(column, "holds half a character (a lone surrogate)")
    return value


def _time(column: str, value: Any) -> datetime:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise _FieldError(column, "is not an ISO 8601 time") from None
    if not isinstance(value, datetime):
        raise _FieldError(column, "must be an ISO 8601 time")
    if value.tzinfo is None:
        raise _FieldError(column, "has no time zone: end it with Z or an offset")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise _FieldError(column, "is not a time that can be stored") from None


def _conform(events: pa.Table, tenant: str) -> pa.Table:
    """Columns of INCOMING_SCHEMA in order, defaults filled in, types cast."""
    unknown = sorted(set(events.column_names) - set(INCOMING_SCHEMA.names))
    if unknown:
        raise InputError(f"column {unknown[0]!r} is not in the event schema.", mend="Drop it or move it to attributes.")
    missing = [name for name in REQUIRED if name not in events.column_names]
    if missing:
        raise InputError(f"column {missing[0]!r} is missing from the events.", mend="Every event needs it.")
    columns: list[pa.ChunkedArray | pa.Array] = []
    for field in INCOMING_SCHEMA:
        if field.name not in events.column_names:
            columns.append(pa.nulls(len(events), field.type))
            continue
        try:
            columns.append(events.column(field.name).cast(field.type))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise InputError(f"column {field.name!r} cannot be read as {field.type}: {type(error).__name__}.") from None
    loose = pa.schema([pa.field(field.name, field.type) for field in INCOMING_SCHEMA])
    table = pa.table(columns, schema=loose)
    table = _fill(table, "tenant", pa.scalar(tenant))
    table = _fill(table, "known_at", table.column("occurred_at"))
    return _fill(table, "actor", _usual_actor(table.column("kind")))


def _fill(table: pa.Table, name: str, value: Any) -> pa.Table:
    index = table.schema.get_field_index(name)
    return table.set_column(index, table.schema.field(index), pc.coalesce(table.column(name), value))


def _usual_actor(kind: pa.ChunkedArray) -> pa.Array:
    registry = kinds()
    known = pa.array(list(registry), pa.string())
    actors = pa.array([entry.actor.value for entry in registry.values()], pa.string())
    return actors.take(pc.index_in(kind, known).combine_chunks())


def _faults(table: pa.Table, tenant: str, now: datetime) -> list[tuple[str, str, pa.ChunkedArray]]:
    """(column, reason, mask of rows at fault), in the order in which a row's first fault is reported."""
    faults: list[tuple[str, str, pa.ChunkedArray]] = []

    def fault(column: str, reason: str, mask: pa.ChunkedArray) -> None:
        mask = pc.fill_null(mask, False)
        if pc.any(mask).as_py():
            faults.append((column, reason, mask))

    column = table.column
    for name in REQUIRED:
        fault(name, "is missing", pc.is_null(column(name)))
    fault("tenant", f"belongs to another tenant than {tenant!r}", pc.not_equal(column("tenant"), tenant))
    for name in _IDENTIFIERS:
        fault(
            name, f"is longer than {MAX_ID_LENGTH} characters", pc.greater(pc.utf8_length(column(name)), MAX_ID_LENGTH)
        )
    for name in ("event_id", "lead_id"):
        fault(name, "is empty", _blank(column(name)))
    for name in _IDENTIFIERS:
        fault(name, "holds a control character", pc.match_substring_regex(column(name), _CONTROL))
    fault("kind", "is not a registered kind (docs/kinds.md)", pc.invert(pc.is_in(column("kind"), pa.array(kinds()))))
    for kind, named in _NAMED_BY_OBJECT.items():
        nameless = pc.fill_null(_blank(column("object_id")), True)
        fault("object_id", f"is missing: it names {named}", pc.and_(pc.equal(column("kind"), kind), nameless))
    actors = pa.array([actor.value for actor in Actor])
    fault("actor", "is not lead, agent or system", pc.invert(pc.is_in(column("actor"), actors)))
    earliest = pa.scalar(datetime.fromisoformat(EPOCH_MIN), TIME)
    latest = pa.scalar(now + FUTURE_TOLERANCE, TIME)
    for name in ("occurred_at", "known_at"):
        fault(name, f"lies before {EPOCH_MIN}", pc.less(column(name), earliest))
        fault(name, "lies in the future (milliseconds read as seconds?)", pc.greater(column(name), latest))
    fault("due_at", f"lies before {EPOCH_MIN}", pc.less(column("due_at"), earliest))
    fault("known_at", "lies before occurred_at", pc.less(column("known_at"), column("occurred_at")))
    for name in ("value", "attribute_1", "attribute_2", "attribute_3"):
        fault(name, "is not a finite number", pc.invert(pc.is_finite(column(name))))
        fault(name, "is out of range (±1e12)", pc.greater(pc.abs(column(name)), 1e12))
    fault(
        "text",
        f"is longer than {MAX_TEXT_LENGTH} characters",
        pc.greater(pc.utf8_length(column("text")), MAX_TEXT_LENGTH),
    )
    length = pc.utf8_length(column("attributes"))
    fault(
        "attributes", f"are longer than {MAX_ATTRIBUTES_LENGTH} characters", pc.greater(length, MAX_ATTRIBUTES_LENGTH)
    )
    return faults


def _blank(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.equal(pc.utf8_length(pc.utf8_trim_whitespace(column)), 0)


def _raw(table: pa.Table, row: int) -> str:
    """The row as JSON. Times go through Arrow, which can write years that Python cannot."""
    one = table.slice(row, 1)
    for i, field in enumerate(one.schema):
        if field.type == TIME:
            one = one.set_column(i, field.name, one.column(i).cast(pa.timestamp("us")).cast(pa.string()))
    return _json(_public(one.to_pylist()[0]))[:MAX_ATTRIBUTES_LENGTH]


def _loose(row: object) -> str:
    """A row that could not be read, as JSON of what is safe to keep of it."""
    return _json(_public(row)).encode("utf-8", "replace").decode()[:MAX_ATTRIBUTES_LENGTH]


def _public(row: object) -> object:
    """The registered fields of a row without its body, which may hold personal data, as unknown fields may."""
    if not isinstance(row, Mapping):
        return type(row).__name__
    safe = (name for name in INCOMING_SCHEMA.names if name not in {"text", "attributes"})
    return {name: row[name] for name in safe if row.get(name) is not None}


def _json(value: object) -> str:
    return json.dumps(value, default=str, ensure_ascii=False, sort_keys=True)
