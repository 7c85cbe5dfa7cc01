"""Reasons against, by rules: price, timing, trust, authority, competition, features."""

import re
from collections.abc import Iterator

from lintel.voice.understanding.insights import Objection
from lintel.voice.understanding.negation import denial
from lintel.voice.understanding.quoting import quoted
from lintel.voice.understanding.rules import patterns
from lintel.voice.understanding.utterance import Span, Utterance

_DENIES_BY_ITSELF = re.compile(r"^(?:not?|\w+n't|cannot|could never|do not|does not|never|without|hard|until)\b")


def objections(utterance: Utterance) -> Iterator[Objection]:
    """Each category once a clause. "Not too expensive" is no objection, "can't afford" is one."""
    for category, pattern in patterns("objections").items():
        clauses: set[int] = set()
        for match in pattern.finditer(utterance.plain):
            span = Span(match.start(), match.end())
            clause = utterance.clause(span.start).start
            own = _DENIES_BY_ITSELF.match(match.group()) is not None
            if clause not in clauses and (own or denial(utterance, span) is None):
                clauses.add(clause)
                yield quoted(Objection, utterance, span, f"rule:objection.{category}", category=category)
