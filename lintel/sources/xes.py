"""Events from an XES event log (IEEE 1849), plain or gzip, as its mapping says: streamed, no tree is ever built."""

import gzip
import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import NoReturn
from xml.parsers import expat

from lintel.errors import InputError, NotFoundError
from lintel.events.kinds import Actor
from lintel.sources.batches import BATCH_ROWS, BatchBuilder, batched
from lintel.sources.source import SourceBatch
from lintel.sources.xes_mapping import CaseAttribute, Constant, EventAttribute, MinutesSince, XesMapping, XesRule

_FIELDS = (
    "event_id", "lead_id", "episode_id", "object_id", "agent_id",
    "channel", "source", "occurred_at", "kind", "actor", "value",
)  # fmt: skip
_CHUNK = 1 << 16  # bytes
_LONGEST_TOKEN = 1 << 22  # bytes
_DEEPEST = 100  # elements; every open one is held in memory
_GZIP = b"\x1f\x8b"
_MICROSECONDS_PER_MINUTE = 60_000_000

Attributes = dict[str, str]
_File = gzip.GzipFile | BufferedReader


class XesSource:
    """An XES file read through its mapping. Memory: one batch, one event and the names of the traces (some 100 bytes
    each).

    Ids are made of the trace's name and the event's number in it, so that reading twice gives the same ids. A trace
    whose name was seen before counts as `NAME~2`, so that none of its events is taken for one of the first.
    """

    def __init__(
        self, path: Path, mapping: XesMapping, *, total: int | None = None, batch_rows: int = BATCH_ROWS
    ) -> None:
        self.name = mapping.source
        self.total = total
        self._path = path
        self._mapping = mapping
        self._batch_rows = batch_rows

    def batches(self) -> Iterator[SourceBatch]:
        """Raises NotFoundError without the file; InputError if it is cut off, damaged, not XES or declares entities,
        after the events before the fault were yielded."""
        builder = BatchBuilder(_FIELDS)
        translator = _Translator(self._mapping, builder)
        with _opened(self._path) as file:
            steps = _Parser(str(self._path), translator.translate).feed(file)
            yield from batched(steps, builder, self._batch_rows)


@dataclass(slots=True)
class _Case:
    """A trace while it is read."""

    number: int
    attributes: Attributes = field(default_factory=dict)
    events: int = 0
    label: str | None = None
    """The trace's name, told apart from earlier traces of the same name; None before its first event."""
    latest: dict[tuple[str, str | None], int] = field(default_factory=dict)
    """When an event of a kind, about an object, last occurred (µs)."""


class _Parser:
    """Follows the XML and hands over each event with its trace. Elements other than traces, events and their own
    attributes are passed over; what is nested in an attribute too."""

    def __init__(self, file: str, deliver: Callable[[_Case, Attributes], None]) -> None:
        self._file = file
        self._deliver = deliver
        self._depth = 0
        self._traces = 0
        self._case: _Case | None = None
        self._event: Attributes | None = None
        self._expat = expat.ParserCreate(namespace_separator=" ")
        self._expat.StartElementHandler = self._start
        self._expat.EndElementHandler = self._end
        self._expat.StartDoctypeDeclHandler = self._doctype

    def feed(self, file: _File) -> Iterator[None]:
        """Parse the file; a step a chunk. Raises InputError naming the place of a fault."""
        offset = 0
        try:
            while chunk := file.read1(_CHUNK):  # one unpacking at a time: a damaged one loses nothing before it
                self._expat.Parse(chunk, False)
                offset += len(chunk)
                if offset - self._expat.CurrentByteIndex > _LONGEST_TOKEN:  # the parser keeps it until it ends
                    self._refuse(f"holds a tag or comment of more than {_LONGEST_TOKEN} bytes before byte {offset}")
                yield
            self._expat.Parse(b"", True)
        except expat.ExpatError as error:
            place = f"line {error.lineno}, byte {self._expat.ErrorByteIndex}"
            self._refuse(f"is not whole XML: {expat.errors.messages[error.code]} at {place}")
        except (EOFError, OSError, zlib.error) as error:
            line = self._expat.CurrentLineNumber
            self._refuse(f"is cut off or damaged after byte {offset} (line {line}) of the unpacked text: {error}")

    def _start(self, name: str, attributes: Attributes) -> None:
        self._depth += 1
        if self._depth > 4:
            if self._depth > _DEEPEST:
                self._refuse(f"nests its elements more than {_DEEPEST} deep")
            return
        tag = name.rpartition(" ")[2]
        if self._depth == 1 and tag != "log":
            self._refuse(f"is not an XES log: its root is <{tag}>")
        elif self._depth == 2 and tag == "trace":
            self._traces += 1
            self._case = _Case(self._traces)
        elif self._case is not None:
            self._inside_trace(tag, attributes, self._case)

    def _inside_trace(self, tag: str, attributes: Attributes, case: _Case) -> None:
        if self._depth == 3 and tag == "event":
            self._event = {}
            return
        owner = case.attributes if self._depth == 3 else self._event
        if owner is not None and "key" in attributes and "value" in attributes:
            owner[attributes["key"]] = attributes["value"]

    def _end(self, _name: str) -> None:
        if self._depth == 3 and self._event is not None and self._case is not None:
            self._case.events += 1
            self._deliver(self._case, self._event)
            self._event = None
        elif self._depth == 2:
            self._case = None
        self._depth -= 1

    def _doctype(self, *_: object) -> NoReturn:
        """Entities could make a small file unpack to any size, or read other files: XES needs none."""
        self._refuse("has a DOCTYPE, which XES does not use")

    def _refuse(self, reason: str) -> NoReturn:
        raise InputError(f"{self._file} {reason}.", mend="Everything before that place was read.") from None


@dataclass(frozen=True, slots=True)
class _LogEvent:
    """An event of the log whose time could be read."""

    case: _Case
    place: str
    attributes: Attributes
    occurred_at: int  # UTC µs


class _Translator:
    """Makes Lintel's events from the log's, as the mapping says."""

    def __init__(self, mapping: XesMapping, builder: BatchBuilder) -> None:
        self._mapping = mapping
        self._builder = builder
        self._rules: dict[tuple[str, str], tuple[XesRule, ...] | None] = {}
        self._names: Counter[str] = Counter()

    def translate(self, case: _Case, attributes: Attributes) -> None:
        """Put what a log event gives into the batch: events, or the reason why there is none."""
        place, keys = self._place(case), self._mapping.keys
        try:
            if keys.lead_id not in case.attributes:
                raise _FieldError("lead_id", f"is missing: the trace has no {keys.lead_id!r}")
            if not (rules := self._rules_for(attributes)):
                return
            event = _LogEvent(case, place, attributes, self._occurred_at(attributes))
        except _FieldError as error:
            self._builder.reject(place, error.column, error.reason, self._raw(attributes))
            return
        for number, rule in enumerate(rules, start=1):
            self._add(event, rule, number)

    def _raw(self, attributes: Attributes) -> str:
        """The attributes that the mapping reads, for the quarantine; others may hold personal data."""
        keys = self._mapping.keys
        read = (keys.activity, keys.transition, keys.time, keys.agent)
        return json.dumps({key: attributes[key] for key in read if key in attributes}, ensure_ascii=False)

    def _place(self, case: _Case) -> str:
        if case.label is None:
            name = case.attributes.get(self._mapping.keys.case, f"number {case.number}")
            self._names[name] += 1
            case.label = name if self._names[name] == 1 else f"{name}~{self._names[name]}"
        return f"trace {case.label}, event {case.events}"

    def _rules_for(self, attributes: Attributes) -> tuple[XesRule, ...]:
        keys = self._mapping.keys
        if keys.activity not in attributes:
            raise _FieldError("kind", f"is missing: the event has no {keys.activity!r}")
        pair = (attributes[keys.activity], attributes.get(keys.transition, ""))
        if pair not in self._rules:
            self._rules[pair] = self._mapping.rules_for(*pair)
        if (rules := self._rules[pair]) is None:
            raise _FieldError("kind", "the mapping takes no activity {!r} with the transition {!r}".format(*pair))
        return rules

    def _occurred_at(self, attributes: Attributes) -> int:
        key = self._mapping.keys.time
        if key not in attributes:
            raise _FieldError("occurred_at", f"is missing: the event has no {key!r}")
        try:
            return self._mapping.times.microseconds(attributes[key])
        except ValueError as error:
            raise _FieldError("occurred_at", f"attribute {key!r} {error}") from None

    def _add(self, event: _LogEvent, rule: XesRule, number: int) -> None:
        """Put the event that `rule`, the `number`th that takes the log event, makes of it into the batch."""
        object_id = event.attributes.get(rule.object_id) if rule.object_id else None
        try:
            value = self._value(event, rule, object_id)
        except _FieldError as error:
            self._builder.reject(event.place, error.column, error.reason, self._raw(event.attributes))
            return
        event.case.latest[rule.kind.name, object_id] = event.occurred_at
        keys, of_case = self._mapping.keys, event.case.attributes
        agent, actor = self._who(rule, event.attributes.get(keys.agent))
        lead, episode = of_case[keys.lead_id], of_case.get(keys.episode_id or "")
        identity = (self._id(event.case, number), lead, episode, object_id, agent)
        what = (rule.channel, self._mapping.source, event.occurred_at, rule.kind.name, actor.value, value)
        self._builder.add(event.place, identity + what)

    def _id(self, case: _Case, number: int) -> str:
        base = self._mapping.id.format(source=self._mapping.source, case=case.label, event=case.events)
        return base if number == 1 else f"{base}.{number}"

    def _value(self, event: _LogEvent, rule: XesRule, object_id: str | None) -> float | None:
        match rule.value:
            case Constant(number):
                return number
            case EventAttribute(key):
                return self._number(key, event.attributes.get(key))
            case CaseAttribute(key):
                return self._number(key, event.case.attributes.get(key))
            case MinutesSince(kind):
                started = event.case.latest.pop((kind, object_id), None)
                if started is not None and started <= event.occurred_at:
                    return (event.occurred_at - started) / _MICROSECONDS_PER_MINUTE
        return None

    def _number(self, key: str, text: str | None) -> float | None:
        try:
            return self._mapping.numbers.number(text) if text is not None else None
        except ValueError as error:
            raise _FieldError("value", f"attribute {key!r} {error}") from None

    def _who(self, rule: XesRule, resource: str | None) -> tuple[str | None, Actor]:
        """(agent_id, actor). What a lead did stays the lead's, whoever recorded it."""
        system = resource in self._mapping.system_agents
        agent = None if system else resource
        if rule.actor or rule.kind.actor is Actor.LEAD or resource is None:
            return agent, rule.actor or rule.kind.actor
        return agent, Actor.SYSTEM if system else Actor.AGENT


class _FieldError(Exception):
    """Why a log event gives no event."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column
        self.reason = reason


@contextmanager
def _opened(path: Path) -> Iterator[_File]:
    try:
        with path.open("rb") as file:
            packed = file.peek(2)[:2] == _GZIP
            if packed:
                with gzip.GzipFile(fileobj=file) as unpacked:
                    yield unpacked
            else:
                yield file
    except FileNotFoundError:
        raise NotFoundError(f"{path} does not exist.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or type(error).__name__}.") from None
