"""The rules of each tenant: those that ship, changed by the operator's file."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

from lintel.alerts.rule import Rule, parse_rule
from lintel.alerts.signal import INSTALLATION
from lintel.errors import InputError, NotFoundError

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class RuleBook:
    """Entries in the order in which they count: a later one changes fields of an earlier one of the same name.

    An entry with `tenants` holds for these alone; one with `enabled = false` ends the rule.
    """

    entries: Sequence[Entry]
    _known: dict[str, dict[str, Rule]] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def load(cls, path: Path | None = None) -> Self:
        """The shipped rules and those of a TOML file. Raises InputError, NotFoundError."""
        shipped = files("lintel.alerts").joinpath("rules.toml").read_bytes()
        entries = _entries(shipped, "the shipped rules")
        if path is not None:
            entries += _entries(_content(path), str(path))
        book = cls(entries)
        for tenant in {INSTALLATION, *(one for entry in entries for one in entry.get("tenants", ()))}:
            book.rules(tenant)
        return book

    def rules(self, tenant: str) -> dict[str, Rule]:
        """The rules in force for a tenant, by name."""
        named = any(tenant in entry.get("tenants", ()) for entry in self.entries)
        place = tenant if named else INSTALLATION
        if place not in self._known:
            self._known[place] = self._built(place)
        return self._known[place]

    def tenants(self) -> list[str]:
        """Tenants with rules of their own."""
        return sorted({one for entry in self.entries for one in entry.get("tenants", ())})

    def _built(self, tenant: str) -> dict[str, Rule]:
        merged: dict[str, dict[str, Any]] = {}
        for entry in self.entries:
            if not entry.get("tenants") or tenant in entry["tenants"]:
                merged.setdefault(str(entry.get("name", "")), {}).update(entry)
        return {name: _parsed(entry) for name, entry in merged.items() if entry.get("enabled", True)}


def _parsed(entry: Entry) -> Rule:
    return parse_rule({name: value for name, value in entry.items() if name not in ("tenants", "enabled")})


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFoundError(
            f"The alert rules {path} cannot be read ({error.strerror}).", mend="Set LINTEL_ALERT_RULES."
        ) from None


def _entries(content: bytes, place: str) -> list[Entry]:
    try:
        document = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"The alert rules in {place} are not TOML ({error}).") from None
    rules = document.get("rule", [])
    if document.keys() - {"rule"} or not isinstance(rules, list) or not all(isinstance(one, dict) for one in rules):
        raise InputError(f"The alert rules in {place} hold something else than [[rule]].", mend="See docs/alerts.md.")
    for one in rules:
        tenants = one.get("tenants", [])
        if not isinstance(tenants, list) or not all(isinstance(name, str) for name in tenants):
            raise InputError(f"`tenants` of the alert rule {one.get('name')!r} in {place} is no list of ids.")
    return rules
