"""Telephone numbers among the digits of a text: North American, international and national forms."""

import re
from collections.abc import Iterator
from itertools import pairwise

from lintel.language.chains import Chain, Group, Span, borders, introduced, total
from lintel.language.spoken import View
from lintel.language.vocabulary import words

_PHONE_WORDS = words(
    """phone phones telephone tel cell cellphone mobile call calls callback text txt sms reach dial ring fax whatsapp
    number contact line direct landline ph"""
)
_OTHER_NUMBERS = words(
    """mls listing listings parcel apn id ids order invoice case permit zpid ref reference confirmation tracking lot
    file loan license licence policy zip zipcode postcode postal vin serial item sku transaction escrow
    price priced asking budget offer offered sqft year tax ticket docket unit isbn pin version"""
)
_NAMING = words("number numbers num no nr nbr is was it's its the s")
"""Between "listing" and its number; "the listing at 303-555-0142" gives a telephone."""
_AREA_AND_EXCHANGE = re.compile(r"[2-9]\d\d[2-9]\d{6}\Z")
_LOCAL = re.compile(r"[2-9]\d{6}\Z")
_EXTENSION = re.compile(r",? {0,2}(?:x|ext\.?|extension) {0,2}\d{1,6}(?!\d)", re.IGNORECASE)
_LAYOUT = {0, 3, 6, 8, 10}


def phone_spans(view: View, chain: Chain) -> Iterator[Span]:
    """Telephone numbers of a chain, with the sign before and the extension after them."""
    for part in _parts(chain):
        i = 0
        while i < len(part):
            end = _window(view, part, i)
            if end:
                yield _opening(view.text, part[i]), _end(view.text, part[end - 1].end)
            i = end or i + 1


def _parts(chain: Chain) -> Iterator[Chain]:
    """A chain cut at its commas, unless all gaps have one, or it was said: "555-1234, 450-500" is a list."""
    commas = [i for i in range(1, len(chain)) if "," in chain[i].gap and not chain[i].spoken]
    if len(commas) == len(chain) - 1:
        commas = []
    for start, end in pairwise([0, *commas, len(chain)]):
        yield chain[start:end]


def _window(view: View, chain: Chain, first: int) -> int | None:
    """End of the number that begins at group `first`, or None."""
    if introduced(view.text, _opening(view.text, chain[first]), _OTHER_NUMBERS, through=_NAMING) and not _signed(
        view, chain[first]
    ):
        return None
    if _signed(view, chain[first]):
        return _longest(chain, first, 8, 15)
    if first == 0 and _whole(view, chain):
        return len(chain)
    for size in (11, 10):
        end = _exact(chain, first, size)
        if end and _north_american(chain[first:end]):
            return end
    return None


def _whole(view: View, chain: Chain) -> bool:
    """Whether the chain as a whole is a number that could not be told as a part of a longer one."""
    digits = total(chain)
    if 7 <= len(digits) <= 15 and introduced(view.text, _opening(view.text, chain[0]), _PHONE_WORDS):
        return True
    if chain[0].glued:
        return False
    if digits[0] == "0":
        return 9 <= len(digits) <= 11 and len(chain) > 1 and [len(group.digits) for group in chain] != [3, 2, 4]
    return _LOCAL.match(digits) is not None and _local_layout(chain)


def _local_layout(chain: Chain) -> bool:
    """555-1234, or seven digits of which the first three were said one by one."""
    if all(group.spoken for group in chain):
        return {0, 3} <= _edges(chain)
    return len(chain) == 2 and len(chain[0].digits) == 3 and chain[1].gap == "-"


def _edges(chain: Chain) -> set[int]:
    offsets, offset = {0}, 0
    for group in chain:
        offset += len(group.digits)
        offsets.add(offset)
    return offsets


def _north_american(groups: Chain) -> bool:
    """Ten digits, or eleven with a leading 1, of the North American plan, laid out 3-3-4 or not at all."""
    digits = total(groups)
    shift = len(digits) - 10
    if shift and (digits[0] != "1" or (len(groups) > 1 and groups[0].spoken and not groups[1].spoken)):
        return False
    if not _AREA_AND_EXCHANGE.match(digits[shift:]):
        return False
    if len(groups) == 1:
        return not groups[0].glued
    said = any(group.spoken for group in groups)
    edges = {edge - shift for edge in borders(groups)} - {-shift}
    return edges <= _LAYOUT and (not said or 3 + shift in _edges(groups))


def _exact(chain: Chain, first: int, size: int) -> int | None:
    """End of the groups from `first` on that hold exactly `size` digits."""
    count = 0
    for last in range(first, len(chain)):
        count += len(chain[last].digits)
        if count >= size:
            return last + 1 if count == size else None
    return None


def _longest(chain: Chain, first: int, least: int, most: int) -> int | None:
    """End of the longest stretch of groups with `least` to `most` digits; of a +1 number, exactly eleven."""
    if chain[first].digits[0] == "1" and (end := _exact(chain, first, 11)):
        return end
    found, count = None, 0
    for last in range(first, len(chain)):
        count += len(chain[last].digits)
        if count > most:
            break
        found = last + 1 if count >= least else found
    return found


def _signed(view: View, group: Group) -> bool:
    """A plus before it, or the international prefix 00 with a country code glued to or after it."""
    before = view.text[max(0, group.start - 2) : group.start]
    return before.rstrip(" (").endswith("+") or (re.match("00[1-9]", group.digits) is not None and not group.glued)


def _opening(text: str, group: Group) -> int:
    """Where the number begins with its plus and bracket."""
    start = group.start
    while start and text[start - 1] in "(+" and group.start - start < 2:
        start -= 1
    return start


def _end(text: str, end: int) -> int:
    extension = _EXTENSION.match(text, end)
    return extension.end() if extension else end
