"""Personal data out of a text before it is written anywhere: cards, accounts, SSN, telephone numbers, e-mail addresses.

Patterns with checks (Luhn, modulo 97, issued ranges, the North American plan) and the words around them; numbers said
in words are read as digits first. What stays: prices, house numbers, dates, times, ZIP codes, listing numbers. Not
covered: names, addresses, birth dates. `benchmarks/redaction.py` prints recall and precision.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lintel.language.accounts import account_spans, card_spans, iban_spans, ssn_spans
from lintel.language.chains import Chain, Span, chains, subchains
from lintel.language.emails import email_spans
from lintel.language.phones import phone_spans
from lintel.language.spoken import View, digits_view

CATEGORIES = ("card", "account", "ssn", "phone", "email")


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text with "[card]", "[account]", "[ssn]", "[phone]" and "[email]" in place of what was found, and how many."""

    text: str
    found: dict[str, int]


def redact(text: str) -> Redacted:
    """Replace personal data. Pure, linear in the length of the text, and idempotent.

    What stands beside a replaced span is looked at afresh, until nothing more is found.
    """
    found: Counter[str] = Counter()
    while spans := _spans(text):
        found.update(category for _, category in spans)
        text = _replaced(text, spans)
    return Redacted(text, {category: found[category] for category in CATEGORIES if found[category]})


def _spans(text: str) -> list[tuple[Span, str]]:
    """Spans of the text to replace, in order, without overlap."""
    view = digits_view(text)
    taken = [(span, "email") for span in email_spans(view.text)]
    taken += [(span, "account") for span in _apart(iban_spans(view.text), [span for span, _ in taken])]
    busy = sorted(span for span, _ in taken)
    previous: Span | None = None
    for chain in chains(view):
        for rest in subchains(chain, busy):
            for span, category in _numbers(view, rest, previous):
                taken.append((span, category))
                previous = span if category == "account" else previous
    return [((view.starts[start], view.ends[end - 1]), category) for (start, end), category in sorted(taken)]


def _numbers(view: View, chain: Chain, previous: Span | None) -> Iterator[tuple[Span, str]]:
    """Cards first, then SSN, accounts and telephones in what is left of a chain."""
    rests = [chain]
    for category in ("card", "ssn", "account", "phone"):
        left: list[Chain] = []
        for rest in rests:
            spans = list(_detected(category, view, rest, previous))
            yield from ((span, category) for span in spans)
            left += subchains(rest, spans)
        rests = left


def _detected(category: str, view: View, chain: Chain, previous: Span | None) -> Iterator[Span]:
    if category == "card":
        return card_spans(view, chain)
    if category == "ssn":
        return ssn_spans(view, chain)
    return account_spans(view, chain, previous) if category == "account" else phone_spans(view, chain)


def _apart(spans: Iterable[Span], taken: list[Span]) -> list[Span]:
    """Those of the spans, all in order, that overlap neither the taken nor one another."""
    apart: list[Span] = []
    for start, end in spans:
        nearest = bisect_left(taken, (end, 0)) - 1
        if (nearest < 0 or taken[nearest][1] <= start) and (not apart or apart[-1][1] <= start):
            apart.append((start, end))
    return apart


def _replaced(text: str, spans: list[tuple[Span, str]]) -> str:
    parts, position = [], 0
    for (start, end), category in spans:
        parts += [text[position:start], f"[{category}]"]
        position = end
    return "".join([*parts, text[position:]])
