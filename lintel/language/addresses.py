"""Street addresses in a text: a house number, the street, and what follows of unit, town, state and ZIP code.

They are personal where somebody says where they live, and cannot be told from a listing's by their form; so they are
looked for only where it is asked for, as in calls.
"""

import re
from collections.abc import Iterator

from lintel.language.chains import Span
from lintel.language.vocabulary import words


def _pattern(source: str) -> re.Pattern[str]:
    return re.compile(source, re.IGNORECASE)


_TYPE = (
    r"(?:(?:street|avenue|road|boulevard|lane|drive|court|place|terrace|circle|parkway|highway|square|trail|loop|crescent"
    r"|way|alley|plaza|ridge|commons?|real|vista)\b|(?:st|ave|rd|blvd|ln|dr|ct|pl|ter|cir|pkwy|hwy|sq|trl)\b\.?)"
)
_NUMBER = r"(?<![\w$€£.,#])\d{1,5}(?:[ \-]\d{1,4}){0,3}[a-d]?(?![\w%])"
_PART = r"(?:[^\W_]+(?:['’\-][^\W_]+)*|[^\W\d_]{1,2}\.)"
_STREET = _pattern(rf"(?P<number>{_NUMBER}) (?P<name>{_PART}(?: {_PART}){{0,4}}?) (?P<type>{_TYPE})")
_AVENUE = _pattern(rf"(?P<number>{_NUMBER}) (?P<type>(?:avenue|highway|route|county road) (?:\d+|[a-z])\b)")
_BROADWAY = _pattern(rf"(?P<number>{_NUMBER}) (?P<type>(?:(?:north|south|east|west|[nsew])\.? )?broadway\b)")
_BOX = _pattern(r"\bp\.? ?o\.? box (?:number )?\d{1,6}\b")
_SIDE = _pattern(r",? (?:north|south|east|west|northeast|northwest|southeast|southwest)\b|,? [ns][ew]?\b\.?")
_UNIT = _pattern(r",? ?(?:#|\b(?:apt|apartment|unit|suite|ste|number|flat|floor)\b\.?) ?#?[ ]?\w{1,5}\b")
_STATE = (
    "AL|AK|AZ|AR|CA|CO|CT|DE|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|NY|NC|ND|OH|OK|OR|PA"
    "|RI|SC|SD|TN|TX|UT|VT|VA|WA|WV|WI|WY|DC"
)
_TOWN = re.compile(rf",? (?:in )?(?:[A-Z][a-z'’.\-]+ ?){{1,3}},? ?(?:(?:{_STATE})\b\.?)?,? ?\d{{5}}(?:-\d{{4}})?")
_NOT_A_NAME = words(
    """a an the of to from in on at by for per and or is are was be down up off across over near next past before after
    about around under minute minutes hour hours block blocks mile miles day days week weeks month months year years
    bedroom bedrooms bed beds bath baths bathroom bathrooms house houses home homes unit units square foot feet acre
    acres percent dollars thousand hundred million k people kids cars dogs cats am pm o'clock times more less than
    that this there we i you they it my your our his her their no not with without have has had see saw go going car
    garage any some other either which all such story stories floor floors level want would could can will on into
    through family pets bucks lots apartment apartments property properties different nice place places found
    called located"""
)
_LONGEST_NUMBER = 6
"""Digits of a house number; a telephone number has more."""
_LONGEST_NAME = 4
"""Words between number and kind of street at most; "two beds and a bath on a quiet street" has such words as well."""


def address_spans(text: str) -> Iterator[Span]:
    """Addresses in order, without overlap, in a view with digits for number words."""
    end = 0
    found = [*_streets(text), *(match.span() for match in _BOX.finditer(text))]
    for start, stop in sorted(found):
        if start >= end:
            yield start, stop
            end = stop


def _streets(text: str) -> Iterator[Span]:
    for pattern in (_STREET, _AVENUE, _BROADWAY):
        position = 0
        while match := pattern.search(text, position):
            if _is_a_street(match):
                yield match.start(), _tail(text, match.end())
                position = match.end()
            else:
                position = match.end("number")


def _is_a_street(match: re.Match[str]) -> bool:
    name = match.groupdict().get("name")
    parts = name.lower().split() if name else []
    digits = sum(character.isdigit() for character in match["number"])
    named = not any(part.strip(".,") in _NOT_A_NAME or part.isdigit() for part in parts)
    return digits <= _LONGEST_NUMBER and len(parts) <= _LONGEST_NAME and named


def _tail(text: str, end: int) -> int:
    """Past what belongs to the address behind the street: side, unit, town with ZIP code."""
    for pattern in (_SIDE, _UNIT, _TOWN):
        match = pattern.match(text, end)
        end = match.end() if match else end
    return end
