"""Amounts of money that the speaker means to spend."""

import re
from collections.abc import Iterator
from itertools import pairwise

from lintel.voice.understanding.insights import Bound, Fact
from lintel.voice.understanding.numbers import Number, numbers
from lintel.voice.understanding.quoting import quoted
from lintel.voice.understanding.rules import compiled
from lintel.voice.understanding.utterance import Span, Utterance

_JOINS = re.compile(r" ?(?:to|and|or|-|–|through|up to|maybe) ?")
_TELEPHONE = re.compile(r"\b(?:\d{3}[ .-]?)?\d{3}[ .-]\d{4}\b")
_BEFORE = 48
"""Characters before an amount in which a bound is looked for."""
_LEAST_RENT, _LEAST_PRICE = 300.0, 20_000.0


def budgets(utterance: Utterance, asked: frozenset[str]) -> Iterator[Fact]:
    """One fact an amount or range, where the clause speaks of the speaker's own means or the question was for them."""
    for clause in utterance.clauses:
        text = utterance.plain[clause.start : clause.end]
        own = "budget" in asked or compiled("facts", "own_budget").search(text)
        if own and not compiled("facts", "others_price").search(text):
            yield from _amounts(utterance, clause, text, "budget" in asked)


def _amounts(utterance: Utterance, clause: Span, text: str, asked: bool) -> Iterator[Fact]:
    monthly = compiled("facts", "per_month").search(text) is not None
    found = [number for number in numbers(text) if not _counts_something(text, number)]
    ranges = {
        low: high
        for low, high in pairwise(found)
        if _JOINS.fullmatch(text, low.end, high.start) and _ascends(low, high)
    }
    upper = set(ranges.values())
    for number in found:
        last = ranges.get(number, number)
        value = _money(last, monthly, asked)
        if value is None or number in upper:
            continue
        lower = None if last is number else _scaled_like(number, value)
        span = Span(clause.start + number.start, clause.start + last.end)
        bound: Bound = "between" if lower is not None else _bound(text, number)
        unit = "month" if monthly and value < _LEAST_PRICE else None
        found_by = "rule:fact.budget"
        yield quoted(Fact, utterance, span, found_by, name="budget", value=value, bound=bound, lower=lower, unit=unit)


def _counts_something(text: str, number: Number) -> bool:
    """Whether what follows is a unit other than money, or the number is part of a telephone number."""
    if any(phone.start() <= number.start < phone.end() for phone in _TELEPHONE.finditer(text)):
        return True
    return compiled("facts", "not_money").match(text[number.end :].lstrip(" -")) is not None


def _money(number: Number, monthly: bool, asked: bool) -> float | None:
    """The amount meant; "four fifty" for a home is 450,000. None for what is no amount of money for a home."""
    value = number.value
    if value >= (_LEAST_RENT if monthly or number.money else _LEAST_PRICE):
        return value if not 1900 <= value <= 2100 or number.money or monthly else None
    if monthly or number.scaled:
        return None
    if 100 <= value < 1000 and not number.money:
        return value * 1000
    return value if asked and value >= _LEAST_RENT else None


def _ascends(low: Number, high: Number) -> bool:
    return _scaled_like(low, high.value) < high.value


def _scaled_like(low: Number, high: float) -> float:
    """ "four" before "five hundred thousand" is four hundred thousand."""
    value = low.value
    for scale in (1.0, 1e2, 1e3, 1e5, 1e6):
        if not low.scaled and high / 10 <= value * scale < high:
            return value * scale
    return value


def _bound(text: str, number: Number) -> Bound:
    around = text[max(0, number.start - _BEFORE) : number.start] + " | " + text[number.end : number.end + 10]
    if compiled("facts", "at_most").search(around):
        return "at_most"
    if compiled("facts", "at_least").search(around):
        return "at_least"
    return "about" if compiled("facts", "about").search(around) else "exactly"
