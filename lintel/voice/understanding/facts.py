"""What the speaker says about their search, by rules."""

from collections.abc import Iterator

from lintel.voice.understanding.areas import areas
from lintel.voice.understanding.budget import budgets
from lintel.voice.understanding.home import rooms, terms
from lintel.voice.understanding.insights import Denial, Fact
from lintel.voice.understanding.negation import affirmed, phrases
from lintel.voice.understanding.quoting import quoted
from lintel.voice.understanding.rules import compiled, patterns
from lintel.voice.understanding.utterance import Span, Utterance

_SHORT_ANSWER = 12
"""Words of a turn that may answer a question without naming what it answers."""


def facts(utterance: Utterance, asked: frozenset[str]) -> Iterator[Fact | Denial]:
    """Of a lead's turn everything, of an agent's only what was agreed: appointments and next steps."""
    yield from appointments(utterance, asked)
    yield from _each(utterance, "next_step", "next_step")
    if utterance.by_agent:
        return
    yield from budgets(utterance, asked)
    yield from rooms(utterance, asked)
    yield from terms(utterance)
    yield from areas(utterance, asked)
    yield from timelines(utterance, asked)
    yield from _named(utterance, "financing")
    yield from _named(utterance, "motivation")


def timelines(utterance: Utterance, asked: frozenset[str]) -> Iterator[Fact]:
    """Times in clauses that speak of moving, buying, selling; any time where the question was for it."""
    for span in _times(utterance, "when"):
        clause = utterance.clause(span.start)
        moves = compiled("facts", "move").search(utterance.plain, clause.start, clause.end)
        if "timeline" in asked or moves:
            yield _said(utterance, "timeline", span)
            return


def appointments(utterance: Utterance, asked: frozenset[str]) -> Iterator[Fact]:
    """Days and hours at which somebody is to meet or see a home."""
    answers = "appointment" in asked and len(utterance.words) <= _SHORT_ANSWER
    clauses: set[int] = set()
    for span in _times(utterance, "appointment_when"):
        clause = utterance.clause(span.start)
        meets = compiled("facts", "meet").search(utterance.plain, clause.start, clause.end)
        if clause.start not in clauses and (answers or "appointment" in asked or meets):
            clauses.add(clause.start)
            yield _said(utterance, "appointment", span)


def _times(utterance: Utterance, name: str) -> Iterator[Span]:
    return (Span(m.start(), m.end()) for m in compiled("facts", name).finditer(utterance.plain))


def _said(utterance: Utterance, name: str, span: Span) -> Fact:
    return quoted(
        Fact, utterance, span, f"rule:fact.{name}", name=name, value=utterance.text[span.start : span.end].strip(" ,")
    )


def _each(utterance: Utterance, name: str, pattern: str) -> Iterator[Fact]:
    for span in affirmed(utterance, compiled("facts", pattern)):
        yield _said(utterance, name, span)
        return


def _named(utterance: Utterance, name: str) -> Iterator[Fact | Denial]:
    """The values of a fact whose words are met, denied ones as denials."""
    for value, pattern in patterns(name).items():
        for span, negation in phrases(utterance, pattern):
            if negation is None:
                yield quoted(Fact, utterance, span, f"rule:fact.{name}", name=name, value=value)
            else:
                whole = Span(negation.start, span.end)
                yield quoted(Denial, utterance, whole, f"rule:fact.{name}", of=f"fact.{name}.{value}")
            break
