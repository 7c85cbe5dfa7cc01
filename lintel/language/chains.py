"""Chains of digit groups in a text, and the words that introduce them."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter

from lintel.language.spoken import View
from lintel.language.vocabulary import WORD, words

Span = tuple[int, int]
"""Half-open range of positions in a view."""

_GROUP = re.compile(r"\d+")
_GAP = re.compile(r"[ \t().,/\-]{0,4}")
_LOOK_BACK = 60
_BARRIER = re.compile(r"[\d\[\]@\n;!?]")
CONNECTING = words(
    """number numbers num no nr nbr is are was it's its it the my our your his her their and of at me us on to this
    for would be please called bank here new best that's that so uh um yes yeah ok okay then s"""
)
_AMOUNT = re.compile(r"[$€£¥]\s?\d[\d,]*(?:\.\d{1,2})?(?!\d)|(?<![\d,.])\d{1,3}(?:,\d{3}){1,4}(?![\d]|,\d)")
_DATE = re.compile(
    r"(?<![\d./\-])(?:(?:19|20)\d\d([-/.])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12]\d|3[01])"
    r"|(?:0?[1-9]|[12]\d|3[01])([-/.])(?:0?[1-9]|[12]\d|3[01])\2(?:(?:19|20)\d\d|\d\d))(?![./\-]?\d)"
)
_URL = re.compile(r"https?://[^\s<>\"]{1,2000}")


@dataclass(frozen=True, slots=True)
class Group:
    """Digits without a gap. `gap` is what stands between the group before it in the chain and this one."""

    start: int
    end: int
    digits: str
    gap: str
    spoken: bool
    glued: bool
    """Part of a word or of a web address, so that the bare digits may be anything."""

    @property
    def free(self) -> bool:
        """Said or written digit by digit: its borders say nothing of the number's layout."""
        return self.spoken or len(self.digits) == 1


Chain = list[Group]


def chains(view: View) -> Iterator[Chain]:
    """Groups with only spaces and punctuation between; amounts and dates are left out and end a chain."""
    text = view.text
    quiet = _quiet(text)
    addresses = {position for match in _URL.finditer(text) for position in range(*match.span())}
    chain: Chain = []
    for match in _GROUP.finditer(text):
        if match.start() in quiet:
            continue
        start, end = match.span()
        gap = _between(text, chain[-1].end, start) if chain else None
        if gap is None and chain:
            yield chain
            chain = []
        glued = start in addresses or _letter(text, start - 1) or _letter(text, end)
        for piece in _pieces(view, start, end):
            inner = gap or "" if piece[0] == start else ""
            digits = text[piece[0] : piece[1]]
            chain.append(Group(*piece, digits, inner, piece[0] in view.spoken, glued))
    if chain:
        yield chain


def subchains(chain: Chain, taken: list[Span]) -> Iterator[Chain]:
    """What is left of a chain when the groups within the spans taken, which are in order, are cut out of it."""
    rest: Chain = []
    for group in chain:
        nearest = bisect_right(taken, group.start, key=itemgetter(0)) - 1
        if nearest >= 0 and group.start < taken[nearest][1]:
            if rest:
                yield rest
            rest = []
        else:
            rest.append(group)
    if rest:
        yield rest


def introduction(text: str, position: int) -> list[str]:
    """The last words before a position, back to a digit, a bracket or the end of a sentence."""
    window = text[max(0, position - _LOOK_BACK) : position]
    start = max((match.end() for match in _BARRIER.finditer(window)), default=0)
    return [match.group().lower() for match in WORD.finditer(window, start)]


def introduced(text: str, position: int, by: frozenset[str], *, through: frozenset[str] = CONNECTING) -> bool:
    """Whether one of the words `by` stands before the position with only words of `through` between."""
    for word in reversed(introduction(text, position)):
        if word in by:
            return True
        if word not in through:
            return False
    return False


def total(groups: Chain) -> str:
    return "".join(group.digits for group in groups)


def borders(groups: Chain) -> set[int]:
    """Offsets, counted in digits, at which a group written as such begins or ends."""
    found: set[int] = set()
    offset = 0
    for group in groups:
        after = offset + len(group.digits)
        if not group.free:
            found |= {offset, after}
        offset = after
    return found


def _quiet(text: str) -> set[int]:
    """Positions within amounts and dates."""
    found: set[int] = set()
    for pattern in (_AMOUNT, _DATE):
        for match in pattern.finditer(text):
            found.update(range(*match.span()))
    return found


def _between(text: str, end: int, start: int) -> str | None:
    return text[end:start] if start - end <= 4 and _GAP.fullmatch(text, end, start) else None


def _pieces(view: View, start: int, end: int) -> list[Span]:
    """Digits that stand together in the view, cut where spoken groups begin."""
    cuts = [start, *(i for i in range(start + 1, end) if i in view.spoken), end]
    return list(pairwise(cuts))


def _letter(text: str, position: int) -> bool:
    return 0 <= position < len(text) and (text[position].isalpha() or text[position] == "_")
