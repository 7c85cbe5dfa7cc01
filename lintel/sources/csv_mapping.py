"""The mapping of a CSV file: which columns of a row make which events."""

import codecs
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lintel.events.kinds import Kind, kinds
from lintel.events.schema import INCOMING_SCHEMA
from lintel.sources.cells import NumberReader, TimeReader
from lintel.sources.mapping import Section, read_mapping

TIME_FIELDS = ("occurred_at", "known_at", "due_at")
NUMBER_FIELDS = ("value", "attribute_1", "attribute_2", "attribute_3")
_SET_OTHERWISE = {"tenant", "source", "event_id", "attributes"}
FIELDS = tuple(name for name in INCOMING_SCHEMA.names if name not in _SET_OTHERWISE)
"""Event fields that a mapping may take from a column or a constant."""

OTHERWISE = "*"
"""The key of a value map that stands for every other word."""

TOP_KEYS = ("format", "source", "id", "delimiter", "encoding", "decimal", "time_zone", "time_formats")
EVENT_KEYS = ("when", "columns", "constants", "attributes")
TABLES = ("event", "values", "columns", "constants", "attributes")


@dataclass(frozen=True, slots=True)
class Condition:
    """Holds for a row whose `column` has one of `words`; without words, for one where it is filled (or is not)."""

    column: str
    words: frozenset[str] = frozenset()
    filled: bool = True

    def holds(self, cell: str) -> bool:
        return cell in self.words if self.words else bool(cell) == self.filled


@dataclass(frozen=True, slots=True)
class CsvEvent:
    """One event that a row gives if all of `when` hold."""

    when: tuple[Condition, ...]
    columns: Mapping[str, str]  # event field -> heading
    constants: Mapping[str, str | float]  # event field -> value
    attributes: Mapping[str, str]  # name in the event's attributes -> heading


@dataclass(frozen=True, slots=True)
class CsvMapping:
    """What a CSV mapping file says. `id` is a template of headings and `{event}`; None: a digest of the event."""

    source: str
    delimiter: str
    encoding: str
    times: TimeReader
    numbers: NumberReader
    values: Mapping[str, Mapping[str, str]]  # event field -> word in the cell -> word in Lintel
    events: tuple[CsvEvent, ...]
    id: str | None
    id_columns: tuple[str, ...]

    @property
    def headings(self) -> tuple[str, ...]:
        """Every heading that the file must have, in the order in which the mapping first names it."""
        named = dict.fromkeys(self.id_columns)
        for event in self.events:
            named |= dict.fromkeys(condition.column for condition in event.when)
            named |= dict.fromkeys([*event.columns.values(), *event.attributes.values()])
        return tuple(named)


def read_csv_mapping(path: Path) -> CsvMapping:
    """Read and check a CSV mapping file (docs/sources.md). Raises InputError or NotFoundError."""
    top = read_mapping(path, "csv")
    top.allow([*TOP_KEYS, *TABLES])
    values = _values(top.section("values"))
    events = tuple(_event(event, top) for event in top.sections("event") or (Section(str(path), "[columns]", {}),))
    for number, event in enumerate(events, start=1):
        _check_complete(top, f"[[event]] {number}" if "event" in top else "[columns]", event)
    _check_used(top.section("values"), events)
    template, id_columns = _id(top, len(events))
    return CsvMapping(
        source=top.text("source"),
        delimiter=_delimiter(top),
        encoding=_encoding(top),
        times=TimeReader(top.texts("time_formats"), top.zone("time_zone")),
        numbers=NumberReader(top.decimal("decimal")),
        values=values,
        events=events,
        id=template,
        id_columns=id_columns,
    )


def _event(section: Section, top: Section) -> CsvEvent:
    """An [[event]] on top of what the file says of every event."""
    section.allow(EVENT_KEYS)
    columns: dict[str, str] = {}
    constants: dict[str, str | float] = {}
    attributes: dict[str, str] = {}
    for place in (top, section):
        own_columns, own_constants = _columns(place.section("columns")), _constants(place.section("constants"))
        for name in own_columns.keys() & own_constants.keys():
            place.section("constants").refuse(name, "is given by a column too")
        columns = {name: head for name, head in columns.items() if name not in own_constants} | own_columns
        constants = {name: word for name, word in constants.items() if name not in own_columns} | own_constants
        attributes |= place.section("attributes").words()
    for field, heading in columns.items():
        if field != "lead_id":
            section.allow_as_signal(f"columns.{field}", heading)
    return CsvEvent(_conditions(section.section("when")), columns, constants, attributes)


def _columns(section: Section) -> dict[str, str]:
    section.allow(FIELDS)
    return section.words()


def _constants(section: Section) -> dict[str, str | float]:
    section.allow(name for name in FIELDS if name not in TIME_FIELDS)
    constants: dict[str, str | float] = {}
    for name in section:
        constants[name] = _number(section, name) if name in NUMBER_FIELDS else _word(section, name)
    return constants


def _number(section: Section, name: str) -> float:
    number = section.get(name)
    if isinstance(number, bool) or not isinstance(number, int | float):
        section.refuse(name, "must be a number")
    return float(number)


def _word(section: Section, field: str, key: str | None = None) -> str:
    """The text under `key`, which must be a kind or an actor if that is what `field` holds."""
    key = key or field
    if field == "kind":
        return section.kind(key).name
    if field == "actor":
        return section.text(key) if section.actor(key) is None else str(section.actor(key))
    return section.text(key)


def _values(section: Section) -> dict[str, dict[str, str]]:
    section.allow(name for name in FIELDS if name not in {*TIME_FIELDS, *NUMBER_FIELDS, "text"})
    maps = {}
    for field in section:
        words = section.section(field)
        maps[field] = {word: _word(words, field, word) for word in words}
    return maps


def _conditions(section: Section) -> tuple[Condition, ...]:
    conditions = []
    for column in section:
        section.allow_as_signal(column, column)
        if isinstance(filled := section.get(column), bool):
            conditions.append(Condition(column, filled=filled))
        elif words := section.texts(column):
            conditions.append(Condition(column, frozenset(words)))
        else:
            section.refuse(column, "is an empty list", "Name the words, or write true (filled) or false (empty).")
    return tuple(conditions)


def _check_complete(top: Section, place: str, event: CsvEvent) -> None:
    for field in ("lead_id", "occurred_at", "kind"):
        if field not in event.columns and field not in event.constants:
            top.refuse(place, f"nothing gives the event's {field}", f"Name its column: columns.{field} = ...")
    if "kind" not in event.constants:
        return  # the row names it: some kinds may use a number and others not
    kind = kinds()[str(event.constants["kind"])]
    for field in NUMBER_FIELDS:
        if field in {*event.columns, *event.constants} and not _has_measure(kind, field):
            top.refuse(place, f"{kind.name} has no {field}", "Put the number into [attributes], or drop it.")


def _check_used(values: Section, events: tuple[CsvEvent, ...]) -> None:
    for field in values:
        if not any(field in event.columns for event in events):
            values.refuse(field, "no column gives this field")


def _has_measure(kind: Kind, field: str) -> bool:
    return kind.value is not None if field == "value" else len(kind.attributes) >= int(field[-1])


def _id(top: Section, events: int) -> tuple[str | None, tuple[str, ...]]:
    if "id" not in top:
        return None, ()
    template, names = top.template("id", "")
    if events > 1 and "event" not in names:
        top.refuse("id", "would give the events of one row the same id", "Put {event}, their number, into it.")
    return template, tuple(name for name in names if name != "event")


def _delimiter(top: Section) -> str:
    delimiter = top.text("delimiter", ",")
    if len(delimiter) != 1 or delimiter in '"\r\n':
        top.refuse("delimiter", "must be one character other than a quote or a line end")
    return delimiter


def _encoding(top: Section) -> str:
    encoding = top.text("encoding", "utf-8")
    try:
        "".encode(encoding)  # not every codec is one of text
        name = codecs.lookup(encoding).name
    except LookupError:
        top.refuse("encoding", f"{encoding!r} is not an encoding", "Use utf-8, cp1252 or latin-1, for example.")
    return "utf-8-sig" if name == "utf-8" else name  # a byte-order mark is no part of the first heading
