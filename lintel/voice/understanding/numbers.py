"""Numbers as people say and write them: "450k", "$1,200", "four hundred fifty thousand", "four fifty", "half a
million"."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_FIRST = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_TEEN = ("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
_TEN = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
SMALL = {
    **{word: float(value) for value, word in enumerate((*_FIRST, *_TEEN), start=1)},
    **{word: 10.0 * tens for tens, word in enumerate(_TEN, start=2)},
}
"""The value of a number word below a hundred."""
_SCALES = {"thousand": 1e3, "grand": 1e3, "k": 1e3, "million": 1e6, "mil": 1e6, "mill": 1e6, "m": 1e6}
_MONEY = frozenset({"$", "€", "£", "dollar", "dollars", "bucks", "euro", "euros", "pounds"})
_TOKEN = re.compile(
    r"[$€£]|(?<![\d:.])\d+(?:,\d{3})*(?:\.\d+)?(?![\d:])|half a(?= mil)|a quarter(?: of a)?(?= mil)|and a half"
    r"|[^\W\d_]+"
)
_GAP = re.compile(r"[ \-]{0,2}")


@dataclass(frozen=True, slots=True)
class Number:
    """A number at characters [start, end). `scaled` where thousands or millions were said, `money` where a currency."""

    value: float
    start: int
    end: int
    scaled: bool
    money: bool


@dataclass(slots=True)
class _Reading:
    """A number being read. `total` holds what a scale has closed, `current` what is open; `last` is the kind of the
    last word, which ended at `end`; the number ends at `complete`, for an "and" may lead nowhere."""

    start: int = 0
    end: int = 0
    complete: int = 0
    total: float = 0.0
    current: float | None = None
    last: str = ""
    decimals: int = 0
    scaled: bool = False
    money: bool = False
    scale: float = field(default=float("inf"))

    def finished(self) -> Number | None:
        if self.current is None and not self.scaled:
            return None
        return Number(self.total + (self.current or 0.0), self.start, self.complete, self.scaled, self.money)


def numbers(plain: str) -> Iterator[Number]:
    """The numbers of a text in lower case, in order."""
    reading = _Reading()
    for match in _TOKEN.finditer(plain):
        follows = not reading.last or _GAP.fullmatch(plain, reading.end, match.start())
        if not follows or not _extends(reading, match):
            if (number := reading.finished()) is not None:
                yield number
            reading = _Reading()
            if not _extends(reading, match):
                reading = _Reading()
    if (number := reading.finished()) is not None:
        yield number


def _extends(reading: _Reading, match: re.Match[str]) -> bool:
    if reading.end == 0:
        reading.start = match.start()
    if not _takes(reading, match.group()):
        return False
    reading.end = match.end()
    if match.group() not in ("and", "point", "a"):
        reading.complete = match.end()
    return True


def _takes(reading: _Reading, word: str) -> bool:
    """Add a word to the number if it can belong to it."""
    if word in _MONEY:
        return _takes_currency(reading, word)
    if word[0].isdigit():
        return _takes_digits(reading, float(word.replace(",", "")))
    if word in SMALL:
        return _takes_small(reading, SMALL[word])
    if word in _SCALES or word == "hundred":
        return _takes_scale(reading, word)
    return _takes_joint(reading, word)


def _takes_currency(reading: _Reading, word: str) -> bool:
    if reading.money or (word in "$€£" and reading.last):
        return False
    if word not in "$€£" and not reading.last:
        return False
    reading.money = True
    reading.last = "currency" if reading.last else "sign"
    return True


def _takes_digits(reading: _Reading, value: float) -> bool:
    if reading.last not in ("", "sign", "point"):
        return False
    reading.current = float(f"{reading.current or 0:g}.{value:g}") if reading.last == "point" else value
    reading.last = "digits"
    return True


def _takes_small(reading: _Reading, value: float) -> bool:
    current, last = reading.current, reading.last
    if last == "point" and value < 10:
        reading.decimals += 1
        reading.current = (current or 0.0) + value * 0.1**reading.decimals
        return True
    if current is None and last in ("", "sign", "scale", "and"):
        reading.current = value
    elif current is None or last in ("currency", "digits", "point"):
        return False
    elif (last == "tens" and value < 10) or last == "hundred":
        reading.current = current + value
    elif last in ("unit", "teens") and value >= 10:
        reading.current = current * 100 + value
    else:
        return False
    reading.last = "unit" if value < 10 else "teens" if value < 20 else "tens"
    return True


def _takes_scale(reading: _Reading, word: str) -> bool:
    """A bare "k" or "m" is a scale only after a number."""
    if reading.last in ("sign", "currency", "and", "point") and reading.decimals == 0:
        return False
    if reading.current is None and (reading.last != "a" or len(word) < 3):
        return False
    base = 1.0 if reading.current is None else reading.current
    if word == "hundred":
        if reading.last not in ("a", "unit", "teens") or base >= 100:
            return False
        reading.current, reading.last = base * 100, "hundred"
        return True
    if _SCALES[word] >= reading.scale:
        return False
    reading.total += base * _SCALES[word]
    reading.current, reading.scaled, reading.scale, reading.last = None, True, _SCALES[word], "scale"
    return True


def _takes_joint(reading: _Reading, word: str) -> bool:
    current, last = reading.current, reading.last
    if word in ("half a", "a quarter", "a quarter of a", "a") and not last:
        reading.current = {"half a": 0.5, "a quarter": 0.25, "a quarter of a": 0.25}.get(word)
        reading.last = "a" if word == "a" else "digits"
    elif word == "and a half" and current is not None and last in ("unit", "digits", "teens"):
        reading.current, reading.last = current + 0.5, "digits"
    elif word == "and" and last in ("hundred", "scale"):
        reading.last = "and" if last == "scale" else "hundred"
    elif word == "point" and current is not None:
        reading.last = "point"
    else:
        return False
    return True
