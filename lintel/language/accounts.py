"""Payment cards, bank accounts and social security numbers among the digits of a text."""

import re
from collections.abc import Iterator

from lintel.language.chains import Chain, Group, Span, borders, introduced, total
from lintel.language.spoken import View
from lintel.language.vocabulary import words

_ACCOUNT_WORDS = words(
    """account accounts acct accts a/c acc checking chequing savings routing aba rtn transit iban swift sort"""
)
_SSN_WORDS = words("ssn ssn's ss social security socials tin itin taxpayer")
_CODE_WORDS = words("cvv cvc cvv2 cvc2 csc cvn code")
_ISSUERS = re.compile(
    r"(?:4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|3(?:0[0-5]|[689]\d)\d{11}|35\d{14}|6(?:011|5\d\d|4[4-9]\d|2\d\d)\d{12})\Z"
)
_CARD_BORDERS = (frozenset({0, 4, 8, 12, 16}), frozenset({0, 4, 10}))

# lengths of the IBAN registry, ISO 13616 / SWIFT
_IBAN_LENGTHS = {
    country: length
    for length, countries in {
        15: "NO",
        16: "BE",
        18: "DK FK FI FO GL NL SD",
        19: "MK SI",
        20: "AT BA EE KZ LT LU MN XK",
        21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA",
        23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST",
        26: "IS TR",
        27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HU LB NI PL SV",
        29: "BR EG PS QA UA",
        30: "JO KW MU YE",
        31: "MT SC",
        32: "LC",
        33: "RU",
    }.items()
    for country in countries.split()
}
_IBAN_START = re.compile(r"(?<![^\W_])([A-Za-z]{2})\d\d(?=[ \-]?[A-Za-z\d]{4})")


def luhn(digits: str) -> bool:
    """The check of ISO/IEC 7812-1, annex B."""
    double = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
    odd = sum(int(d) for d in digits[-1::-2])
    return (odd + sum(double[int(d)] for d in digits[-2::-2])) % 10 == 0


def card_spans(view: View, chain: Chain) -> Iterator[Span]:
    """Windows of whole groups, 13 to 19 digits, that pass Luhn's check and are laid out or issued as cards are."""
    i = 0
    while i < len(chain):
        window = _card_window(chain, i)
        if window:
            yield chain[i].start, chain[window - 1].end
        elif _security_code(view, chain[i]):
            yield chain[i].start, chain[i].end
        i = window or i + 1


def _card_window(chain: Chain, first: int) -> int | None:
    """End of the longest card that begins at group `first`."""
    found, count = None, 0
    for last in range(first, len(chain)):
        count += len(chain[last].digits)
        if count > 19:
            break
        if count >= 13 and _is_card(chain[first : last + 1]):
            found = last + 1
    return found


def _is_card(groups: Chain) -> bool:
    digits = total(groups)
    if digits[0] in "01" or len(set(digits)) == 1 or not luhn(digits):
        return False
    if _ISSUERS.match(digits):
        return True
    edges = borders(groups) - {len(digits)}
    return any(edges <= layout for layout in _CARD_BORDERS)


def _security_code(view: View, group: Group) -> bool:
    if not 3 <= len(group.digits) <= 4 or not introduced(view.text, group.start, _CODE_WORDS):
        return False
    window = view.text[max(0, group.start - 40) : group.start].lower()
    return "security code" in window or re.search(r"\bc(?:vv|vc|sc|vn)2?\b", window) is not None


def iban_spans(text: str) -> Iterator[Span]:
    """International account numbers of a country's own length whose remainder modulo 97 is 1 (ISO 7064)."""
    for match in _IBAN_START.finditer(text):
        length = _IBAN_LENGTHS.get(match.group(1).upper())
        end = _alphanumeric_end(text, match.start(), length) if length else None
        if end is not None and _mod_97(text[match.start() : end]) == 1:
            yield match.start(), end


def _alphanumeric_end(text: str, start: int, length: int) -> int | None:
    """Where `length` letters and digits end that stand together, or in fours with one sign between; None if not so."""
    position, count, signs = start, 0, set()
    while position < len(text) and count < length:
        if text[position].isascii() and text[position].isalnum():
            count += 1
        elif text[position] in " -" and count % 4 == 0 and text[position - 1] not in " -":
            signs.add(text[position])
        else:
            return None
        position += 1
    whole = count == length and len(signs) <= 1 and not (position < len(text) and text[position].isalnum())
    return position if whole else None


def _mod_97(iban: str) -> int:
    plain = re.sub(r"[ \-]", "", iban).upper()
    return int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97


def ssn_spans(view: View, chain: Chain) -> Iterator[Span]:
    """123-45-6789 as such; other layouts where words introduce them. Never issued ranges are left out (SSA, 2011)."""
    i = 0
    while i < len(chain):
        size = _ssn_size(view, chain, i)
        if size:
            yield chain[i].start, chain[i + size - 1].end
        i += size or 1


def _ssn_size(view: View, chain: Chain, first: int) -> int | None:
    """How many groups from `first` on make a number."""
    count = 0
    for last in range(first, min(first + 9, len(chain))):
        count += len(chain[last].digits)
        if count >= 9:
            groups = chain[first : last + 1]
            named = _layout_of_ssn(groups) or introduced(view.text, chain[first].start, _SSN_WORDS)
            return len(groups) if count == 9 and named and _issued(total(groups)) else None
    return None


def _layout_of_ssn(groups: Chain) -> bool:
    sizes = [len(group.digits) for group in groups]
    gaps = {group.gap.strip(" ") for group in groups[1:]}
    return sizes == [3, 2, 4] and not any(group.spoken for group in groups) and gaps in ({"-"}, {"."}, {""})


def _issued(digits: str) -> bool:
    area = digits[:3]
    return area not in ("000", "666") and area < "900" and digits[3:5] != "00" and digits[5:] != "0000"


def account_spans(view: View, chain: Chain, previous: Span | None) -> Iterator[Span]:
    """6 to 17 digits that words introduce as an account or routing number, or that follow one after "and"."""
    digits = total(chain)
    if not 6 <= len(digits) <= 17:
        return
    start = chain[0].start
    follows = previous is not None and view.text[previous[1] : start].strip(" ,").lower() in ("and", "/", "")
    if follows or introduced(view.text, start, _ACCOUNT_WORDS):
        yield start, chain[-1].end
