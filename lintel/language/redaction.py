"""Personal data out of a text before it is written anywhere: cards, accounts, SSN, telephone numbers, e-mail
addresses, and in calls street addresses.

Patterns with checks (Luhn, modulo 97, issued ranges, the North American plan) and the words around them; numbers said
in words are read as digits first. What stays: prices, dates, times, ZIP codes, listing numbers. Not covered: names,
birth dates. `benchmarks/redaction.py` prints recall and precision.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lintel.language.accounts import account_spans, card_spans, iban_spans, ssn_spans
from lintel.language.addresses import address_spans
from lintel.language.chains import Chain, Span, chains, subchains
from lintel.language.emails import email_spans
from lintel.language.phones import phone_spans
from lintel.language.spoken import View, digits_view

CATEGORIES = ("card", "account", "ssn", "phone", "email", "address")


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text with "[card]", "[account]" and so on (CATEGORIES) in place of what was found, and how many."""

    text: str
    found: dict[str, int]


def redact(text: str, *, addresses: bool = False) -> Redacted:
    """Replace personal data. Pure, linear in the length of the text, and idempotent.

    Street addresses only where `addresses` says so: a message often names the listing it is about. What stands beside
    a replaced span is looked at afresh, until nothing more is found.
    """
    found: Counter[str] = Counter()
    while spans := personal_spans(text, addresses=addresses):
        found.update(category for _, category in spans)
        text = _replaced(text, spans)
    return Redacted(text, {category: found[category] for category in CATEGORIES if found[category]})


def personal_spans(text: str, *, addresses: bool = False) -> list[tuple[Span, str]]:
    """Spans of the text to replace and their categories, in order, without overlap. What is left may hold more."""
    view = digits_view(text)
    taken = [(span, "email") for span in email_spans(view.text)]
    if addresses:
        taken += [(span, "address") for span in _apart(address_spans(view.text), [span for span, _ in taken])]
        taken.sort()
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
