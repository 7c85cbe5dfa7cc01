"""What kind of home is meant: bedrooms, bathrooms, type, features."""

import re
from collections.abc import Iterator

from lintel.voice.understanding.insights import Bound, Denial, Fact
from lintel.voice.understanding.negation import phrases
from lintel.voice.understanding.numbers import SMALL, numbers
from lintel.voice.understanding.quoting import quoted
from lintel.voice.understanding.rules import patterns
from lintel.voice.understanding.utterance import Span, Utterance

_NUMBER = r"(?:\d{1,2}(?:\.5)?|" + "|".join(SMALL) + r"|a|an|single)(?: and a half)?"
_JOINED = (
    rf"(?:at least |minimum )?(?P<low>{_NUMBER})(?:(?:-| to | or )(?P<high>{_NUMBER}))?(?P<more>\+| or more| plus)?"
)
_ROOMS = {
    "bedrooms": re.compile(rf"\b{_JOINED}[ -]?(?:large |big |full |separate )?(?:bed[- ]?rooms?|beds?|br|bdrms?)\b"),
    "bathrooms": re.compile(rf"\b{_JOINED}[ -]?(?:large |big |full |separate )?(?:bath[- ]?rooms?|baths?|ba)\b"),
}
_SHARED = re.compile(rf"\b(?P<low>{_NUMBER}) (?:bed[- ]?rooms?|beds?) and (?:bath[- ]?rooms?|baths?)\b")
_SEARCHES = re.compile(
    r"\b(?:find|search\w*|look\w*|need\w*|want\w*|show me|get me|have (?:any|something|anything)|any(?:thing)?|other"
    r"|another|else|something|places|with|i'd|we'd|prefer\w*)\b"
)
_WHETHER = re.compile(r"\b(?:if|whether)\b")
_BARE = re.compile(rf"\b(?!(?:a|an|single)\b|one (?!or|to|please|is))(?P<low>{_NUMBER})\b")


def rooms(utterance: Utterance, asked: frozenset[str]) -> Iterator[Fact]:
    named = any(pattern.search(utterance.plain) for pattern in _ROOMS.values())
    for name, pattern in _ROOMS.items():
        matches = list(pattern.finditer(utterance.plain))
        if name == "bathrooms":
            matches += _SHARED.finditer(utterance.plain)
        if not named and name in asked and len(utterance.words) <= 12:
            matches = list(_BARE.finditer(utterance.plain))[:1]
        for match in matches[:3]:
            yield _rooms(utterance, name, match)


def _rooms(utterance: Utterance, name: str, match: re.Match[str]) -> Fact:
    said = match.groupdict()
    low, high = _count(said["low"]), _count(said.get("high") or said["low"])
    bound: Bound = (
        "at_least" if said.get("more") or "at least" in match.group() else "between" if high > low else "exactly"
    )
    span = Span(match.start(), match.end())
    lower = low if high > low else None
    return quoted(Fact, utterance, span, f"rule:fact.{name}", name=name, value=high, bound=bound, lower=lower)


def _count(text: str) -> float:
    if text in ("a", "an", "single"):
        return 1.0
    half = 0.5 if text.endswith(" and a half") else 0.0
    return next((number.value for number in numbers(text.removesuffix(" and a half"))), 1.0) + half


def terms(utterance: Utterance) -> Iterator[Fact | Denial]:
    """Types of property and features, each once; denied ones as denials ("no pool" is a wish against it)."""
    for section, name in (("property_types", "property_type"), ("features", "feature")):
        for value, pattern in patterns(section).items():
            for span, negation in phrases(utterance, pattern):
                if name == "feature" and _only_asks(utterance, span):
                    continue
                if negation is None:
                    yield quoted(Fact, utterance, span, f"rule:fact.{name}", name=name, value=value)
                else:
                    whole = Span(negation.start, span.end)
                    yield quoted(Denial, utterance, whole, f"rule:fact.{name}", of=f"fact.{name}.{value}")
                break


def _only_asks(utterance: Utterance, span: Span) -> bool:
    """ "Do they allow pets?" asks about a home and says nothing of the wish; "do you have any with a garage?" does."""
    clause = utterance.clause(span.start)
    text = utterance.plain[clause.start : clause.end]
    indirect = _WHETHER.search(utterance.plain, clause.start, span.start) is not None
    return indirect or ("?" in text and _SEARCHES.search(text) is None)
