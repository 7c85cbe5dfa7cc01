"""Events from a CSV file, as its mapping says: streamed, and broken rows set aside one by one."""

import csv
import json
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from hashlib import blake2b
from pathlib import Path
from typing import TextIO

from lintel.errors import InputError, NotFoundError
from lintel.sources.batches import BATCH_ROWS, BatchBuilder, batched
from lintel.sources.csv_mapping import FIELDS, NUMBER_FIELDS, OTHERWISE, TIME_FIELDS, Condition, CsvEvent, CsvMapping
from lintel.sources.source import SourceBatch

Value = str | int | float | None
Read = Callable[[str], Value]

_NEEDED = ("lead_id", "occurred_at", "kind")
_LONGEST_LINE = 1 << 20  # characters; what is longer comes in pieces, so that no file can fill the memory
_UNDECODED = re.compile("[\udc80-\udcff]")  # how `surrogateescape` marks bytes that are no text


class CsvSource:
    """A CSV file read through its mapping. Memory: one batch and one row.

    The id of an event is a digest of the source's name and of the event itself unless the mapping sets `id`: rows
    that give equal events give one event, and a file exported again with more rows adds only what is new.
    """

    def __init__(self, path: Path, mapping: CsvMapping, *, batch_rows: int = BATCH_ROWS) -> None:
        self.name = mapping.source
        self.total: int | None = None
        self._path = path
        self._mapping = mapping
        self._batch_rows = batch_rows

    def batches(self) -> Iterator[SourceBatch]:
        """Raises NotFoundError without the file; InputError if it lacks a column or is not text, after the rows
        before the fault were yielded."""
        fields = _fields(self._mapping)
        builder = BatchBuilder(fields)
        with _opened(self._path, self._mapping.encoding) as file:
            yield from batched(self._read(file, fields, builder), builder, self._batch_rows)

    def _read(self, file: TextIO, fields: Sequence[str], builder: BatchBuilder) -> Iterator[None]:
        try:
            yield from self._rows(file, fields, builder)
        except UnicodeError:  # of encodings whose bytes cannot be told apart one by one, such as utf-16
            encoding = self._mapping.encoding
            raise InputError(f"{self._path} is not {encoding} text.", mend="Set `encoding` in the mapping.") from None

    def _rows(self, file: TextIO, fields: Sequence[str], builder: BatchBuilder) -> Iterator[None]:
        records = _records(file, self._mapping.delimiter)
        heading = self._heading(next(records, None))
        events = [_RowEvent.compiled(event, self._mapping, heading, fields) for event in self._mapping.events]
        for record in records:
            place = f"line {record.line}"
            if record.fault or len(record.cells) != len(heading):
                reason = record.fault or f"has {len(record.cells)} cells, the heading has {len(heading)}"
                builder.reject(place, "(row)", reason)
            else:
                cells = [cell.strip() for cell in record.cells]
                for number, event in enumerate(events, start=1):
                    event.add(place, number, cells, builder)
            yield

    def _heading(self, record: "_Record | None") -> list[str]:
        if record is None:
            raise InputError(f"{self._path} is empty.", mend="A CSV file begins with a line of column headings.")
        if record.fault:
            raise InputError(f"{self._path}: the heading {record.fault}.")
        heading = [cell.strip() for cell in record.cells]
        for name in self._mapping.headings:
            if heading.count(name) != 1:
                fault = "has two columns" if name in heading else "has no column"
                raise InputError(f"{self._path} {fault} {name!r}, which the mapping names.", mend=_mend(name, heading))
        return heading


def _mend(name: str, heading: list[str]) -> str:
    """A near heading; never all of them, for in a file without a heading they are somebody's data."""
    near = get_close_matches(name, heading, 1)
    if near and near != [name]:
        return f"Did you mean {near[0]!r}?"
    return f"Its first line has {len(heading)} cells: is it the heading, and is `delimiter` right?"


@dataclass(frozen=True, slots=True)
class _Record:
    line: int  # where it begins, from 1
    cells: list[str]
    fault: str | None = None


class _Lines:
    """Lines of a file that can be given back."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._returned: deque[str] = deque()
        self.taken: list[str] = []

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._returned.popleft() if self._returned else self._file.readline(_LONGEST_LINE)
        if not line:
            raise StopIteration
        self.taken.append(line)
        return line

    def ended(self) -> int:
        """How many of the taken lines were whole or the last piece of one."""
        return sum(line.endswith(("\n", "\r")) for line in self.taken)

    def give_back_all_but_first(self) -> None:
        self._returned.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]


def _records(file: TextIO, delimiter: str) -> Iterator[_Record]:
    """Records of the file, blank lines left out; all that are broken come with their fault.

    A quote that is never closed swallows every row up to the next quote. A broken record that spans lines is
    therefore cut to its first line, and the others are read again.
    """
    lines = _Lines(file)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    line, width = 1, None
    while True:
        lines.taken = []
        try:
            record = _Record(line, next(reader), _undecoded(lines.taken))
        except StopIteration:
            return
        except csv.Error as error:
            record = _Record(line, [], f"is not CSV: {error}")
        width = width or len(record.cells)
        if len(lines.taken) > 1 and len(record.cells) != width:
            lines.give_back_all_but_first()
            record = _Record(
                line, record.cells, record.fault or "is not CSV: a quote is not closed, or cells are missing"
            )
        if record.cells or record.fault:
            yield record
        line += lines.ended()


def _undecoded(lines: list[str]) -> str | None:
    if any(_UNDECODED.search(line) for line in lines if not line.isascii()):
        return "holds bytes that are no text in the mapping's `encoding`"
    return None


@dataclass(frozen=True, slots=True)
class _RowEvent:
    """A CsvEvent bound to the positions of a file's columns."""

    source: str
    when: tuple[tuple[int, Condition], ...]
    constants: Mapping[str, Value]
    cells: tuple[tuple[str, str, int, Read], ...]  # event field, heading, position, reader
    attributes: tuple[tuple[str, int], ...]
    id: str | None
    id_cells: tuple[tuple[str, int], ...]
    fields: Sequence[str]

    @classmethod
    def compiled(cls, event: CsvEvent, mapping: CsvMapping, heading: list[str], fields: Sequence[str]) -> "_RowEvent":
        position = heading.index
        return cls(
            source=mapping.source,
            when=tuple((position(condition.column), condition) for condition in event.when),
            constants=dict(event.constants),
            cells=tuple((name, head, position(head), _reader(name, mapping)) for name, head in event.columns.items()),
            attributes=tuple((name, position(head)) for name, head in event.attributes.items()),
            id=mapping.id,
            id_cells=tuple((head, position(head)) for head in mapping.id_columns),
            fields=fields,
        )

    def add(self, place: str, number: int, cells: list[str], builder: BatchBuilder) -> None:
        """Put the event of this row into `builder`, if the row gives one."""
        if not all(condition.holds(cells[position]) for position, condition in self.when):
            return
        record = dict(self.constants)
        for field, head, position, read in self.cells:
            try:
                record[field] = read(cells[position])
            except ValueError as error:
                builder.reject(place, field, f"column {head!r} {error}", self._raw(cells))
                return
        if self.attributes:
            named = {name: cells[position] for name, position in self.attributes if cells[position]}
            record["attributes"] = _json(named) if named else None
        if self.id and not all(cells[position] for _, position in self.id_cells):
            builder.reject(place, "event_id", "a column of the mapping's `id` is empty", self._raw(cells))
            return
        record["event_id"] = self._id(number, cells, record)
        record["source"] = self.source
        builder.add(place, tuple(record.get(field) for field in self.fields))

    def _id(self, number: int, cells: list[str], record: Mapping[str, Value]) -> str:
        if self.id:
            return self.id.format_map({"event": number} | {head: cells[position] for head, position in self.id_cells})
        return blake2b(_json([self.source, record]).encode(), digest_size=16).hexdigest()

    def _raw(self, cells: list[str]) -> str:
        """The mapped cells, for the quarantine; without the text, which may hold personal data."""
        return _json({head: cells[position] for field, head, position, _ in self.cells if field != "text"})


def _fields(mapping: CsvMapping) -> tuple[str, ...]:
    """The columns of the batches: the same for every batch of a file."""
    used = {name for event in mapping.events for name in (*event.columns, *event.constants)}
    attributes = ("attributes",) if any(event.attributes for event in mapping.events) else ()
    return ("event_id", "source", *(name for name in FIELDS if name in used), *attributes)


def _reader(field: str, mapping: CsvMapping) -> Read:
    """How a cell of this field is read: raises ValueError with the reason."""
    convert: Read = str
    if field in TIME_FIELDS:
        convert = mapping.times.microseconds
    elif field in NUMBER_FIELDS:
        convert = mapping.numbers.number
    elif field in mapping.values:
        convert = _translation(field, mapping.values[field])

    def read(cell: str) -> Value:
        if cell:
            return convert(cell)
        if field in _NEEDED:
            raise ValueError("is empty")
        return None

    return read


def _translation(field: str, words: Mapping[str, str]) -> Read:
    otherwise = words.get(OTHERWISE)

    def translate(cell: str) -> str:
        word = words.get(cell, otherwise)
        if word is None:
            raise ValueError(f"holds a word that [values.{field}] does not name")
        return word

    return translate


@contextmanager
def _opened(path: Path, encoding: str) -> Iterator[TextIO]:
    try:
        with path.open(encoding=encoding, errors="surrogateescape", newline="") as file:
            yield file
    except FileNotFoundError:
        raise NotFoundError(f"{path} does not exist.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or type(error).__name__}.") from None


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
