"""Reading a mapping file (TOML): typed access to its tables; every error names the file, the table and the key."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from string import Formatter
from typing import Any, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from lintel.errors import InputError, NotFoundError
from lintel.events.kinds import Actor, Kind, kinds
from lintel.features.fairness import denied_words
from lintel.sources.cells import Decimal


class Section:
    """One table of a mapping file. `name` is as the file writes it: `[values.kind]`, `[[event]] 2`."""

    def __init__(self, file: str, name: str, table: Mapping[str, Any]) -> None:
        self._file = file
        self._name = name
        self._table = table

    def __contains__(self, key: str) -> bool:
        return key in self._table

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def get(self, key: str) -> Any:
        return self._table.get(key)

    def refuse(self, key: str, reason: str, mend: str | None = None) -> NoReturn:
        """Raise InputError for `key` of this table."""
        where = f"{self._file}, {self._name}, {key}" if self._name else f"{self._file}, {key}"
        raise InputError(f"{where}: {reason}.", mend=mend)

    def allow(self, keys: Iterable[str]) -> None:
        """Refuse every key but `keys`: a misspelt key that is passed over would change the result silently."""
        names = sorted(keys)
        for key in self._table:
            if key not in names:
                near = get_close_matches(key, names, 1)
                self.refuse(key, "is not a key of this table", f"Did you mean {near[0]}?" if near else _one_of(names))

    def allow_as_signal(self, key: str, column: str) -> None:
        """Refuse a column that names a protected attribute where it would become what features read."""
        if denied := denied_words(column):
            self.refuse(
                key,
                f"{column!r} names a protected attribute ({', '.join(denied)})",
                "Leave it out; if it means something else, rename it in the file. Nothing may be scored by it.",
            )

    def text(self, key: str, default: str | None = None) -> str:
        value = self._table.get(key, default)
        if value is None:
            self.refuse(key, "is missing")
        if not isinstance(value, str) or not value:
            self.refuse(key, "must be a string that is not empty")
        return value

    def optional_text(self, key: str) -> str | None:
        return self.text(key) if key in self._table else None

    def texts(self, key: str) -> tuple[str, ...]:
        """A string or a list of strings; none if the key is absent."""
        value = self._table.get(key, [])
        words = [value] if isinstance(value, str) else value
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            self.refuse(key, "must be a string or a list of strings")
        return tuple(words)

    def section(self, key: str) -> "Section":
        """The table under `key`; an empty one if it is absent."""
        value = self._table.get(key, {})
        if not isinstance(value, dict):
            self.refuse(key, "must be a table")
        return Section(self._file, self._child(key), value)

    def _child(self, key: str) -> str:
        if not self._name:
            return f"[{key}]"
        return f"{self._name[:-1]}.{key}]" if self._name.endswith("]") else f"{self._name}, {key}"

    def sections(self, key: str) -> tuple["Section", ...]:
        """The array of tables under `key`, numbered from 1 in their names."""
        value = self._table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(table, dict) for table in value):
            self.refuse(key, f"must be an array of tables: write [[{key}]]")
        return tuple(Section(self._file, f"[[{key}]] {n}", table) for n, table in enumerate(value, start=1))

    def words(self) -> dict[str, str]:
        """This table as strings by key."""
        return {key: self.text(key) for key in self._table}

    def zone(self, key: str) -> ZoneInfo | None:
        """An IANA time zone."""
        name = self.optional_text(key)
        try:
            return ZoneInfo(name) if name else None
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.refuse(key, f"{name!r} is not a time zone", "Use an IANA name such as America/Denver.")

    def kind(self, key: str) -> Kind:
        """A registered event kind."""
        return self.kind_named(key, self.text(key))

    def kind_named(self, key: str, name: str) -> Kind:
        """The kind `name`, which `key` led to."""
        if name not in kinds():
            near = get_close_matches(name, kinds(), 1)
            mend = f"Did you mean {near[0]}?" if near else "docs/kinds.md lists them."
            self.refuse(key, f"{name!r} is not a registered kind", mend)
        return kinds()[name]

    def decimal(self, key: str) -> Decimal:
        """The decimal sign."""
        match self.text(key, "."):
            case "." | "," as sign:
                return sign
        self.refuse(key, 'must be "." or ","')

    def actor(self, key: str) -> Actor | None:
        name = self.optional_text(key)
        if name is not None and name not in list(Actor):
            self.refuse(key, f"{name!r} is not an actor", _one_of(Actor))
        return Actor(name) if name else None

    def template(self, key: str, default: str) -> tuple[str, tuple[str, ...]]:
        """A text with names in braces, and those names."""
        text = self.text(key, default)
        try:
            parts = list(Formatter().parse(text))
        except ValueError as error:
            self.refuse(key, f"is not a template ({error})")
        if any(spec or conversion for _, _, spec, conversion in parts):
            self.refuse(key, "may hold plain names in braces only", 'Write it as in "{case}-{event}".')
        return text, tuple(name for _, name, _, _ in parts if name is not None)


def read_mapping(path: Path, expected: str) -> Section:
    """The top of the mapping file at `path`, whose `format` must be `expected`.

    Raises NotFoundError if there is no such file, InputError if it is not TOML or maps another format.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFoundError(
            f"the mapping file {path} does not exist.", mend="docs/sources.md shows how to write one."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the mapping file {path} cannot be read: {type(error).__name__}.") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"the mapping file {path} is not TOML: {error}.") from None
    top = Section(str(path), "", table)
    if (found := top.text("format")) != expected:
        top.refuse("format", f"is {found!r}, but the file to read is {expected}", f'Set it to "{expected}".')
    return top


def _one_of(names: Iterable[str]) -> str:
    return f"One of: {', '.join(names)}."
