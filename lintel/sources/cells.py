"""What a source writes in a cell -> a time or a number; whatever cannot be read raises ValueError with the reason."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from lintel.events.moments import to_microseconds

_UNIX = {  # µs in a unit, and how it is written up to the year 5138
    "unix_seconds": (1_000_000, re.compile(r"[0-9]{1,11}")),
    "unix_milliseconds": (1_000, re.compile(r"[0-9]{1,14}")),
}

Decimal = Literal[".", ","]
_CURRENCY_SIGNS = "$€£ \u00a0\u202f"
_NUMBERS: dict[str, re.Pattern[str]] = {
    # grouped in threes or not at all: a decimal comma read as grouping would be wrong a hundredfold, silently
    ".": re.compile(r"[+-]?(?:\d{1,3}(?:[, '\u00a0\u202f]\d{3})+|\d+)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII),
    ",": re.compile(r"[+-]?(?:\d{1,3}(?:[. '\u00a0\u202f]\d{3})+|\d+)(?:,\d+)?(?:[eE][+-]?\d+)?", re.ASCII),
}
_GROUPING = {".": str.maketrans("", "", ", '\u00a0\u202f"), ",": str.maketrans(",", ".", ". '\u00a0\u202f")}


@dataclass(frozen=True, slots=True)
class TimeReader:
    """Times as ISO 8601 or as one of `formats` (strptime, `unix_seconds` or `unix_milliseconds`), tried in order.

    A time without an offset is local time in `zone`; an hour that the end of summer time repeats is taken as the
    first, one that its beginning skips as if the clock had not been moved yet.
    """

    formats: tuple[str, ...] = ()
    zone: ZoneInfo | None = None

    def microseconds(self, text: str) -> int:
        """UTC µs since the epoch. Raises ValueError with the reason."""
        if not self.formats:
            return self._resolved(_iso(text))
        for layout in self.formats:
            if (moment := _parsed(text, layout)) is not None:
                return moment if isinstance(moment, int) else self._resolved(moment)
        raise ValueError(f"is not a time as in {' or '.join(self.formats)}")

    def _resolved(self, moment: datetime) -> int:
        if moment.tzinfo is None:
            if self.zone is None:
                raise ValueError("has no offset, and the mapping sets no `time_zone`")
            moment = moment.replace(tzinfo=self.zone)
        return to_microseconds(moment)


def _parsed(text: str, layout: str) -> datetime | int | None:
    """A time, or UTC µs; None if the text is not in this layout."""
    if layout in _UNIX:
        unit, digits = _UNIX[layout]
        return int(text) * unit if digits.fullmatch(text) else None
    try:
        return datetime.strptime(text, layout)
    except ValueError:
        return None


def _iso(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("is not an ISO 8601 time") from None


@dataclass(frozen=True, slots=True)
class NumberReader:
    """Numbers with `decimal` as the decimal sign, thousands grouped or not, with or without a currency sign."""

    decimal: Decimal = "."

    def number(self, text: str) -> float:
        """Raises ValueError with the reason."""
        bare = text.strip(_CURRENCY_SIGNS)
        if not _NUMBERS[self.decimal].fullmatch(bare):
            raise ValueError(f"is not a number with {self.decimal!r} as its decimal sign")
        return float(bare.translate(_GROUPING[self.decimal]))
