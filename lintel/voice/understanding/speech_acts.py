"""Questions, promises, and wishes not to be contacted, by rules."""

import re
from collections.abc import Iterator

from lintel.voice.understanding.insights import Commitment, OptOut, Question
from lintel.voice.understanding.negation import affirmed
from lintel.voice.understanding.quoting import quoted
from lintel.voice.understanding.rules import compiled
from lintel.voice.understanding.utterance import Span, Utterance

_ASKS = re.compile(
    r"^(?:(?:so|and|but|ok|okay|well|um|uh|hi|hello|sorry|alright|great),? )*"
    r"(?:what|when|where|who|whose|how|why|which|is|are|was|were|can|could|do|does|did|would|will|has|have|should|may|isn't"
    r"|aren't|don't|doesn't|didn't|won't|any chance|what's|how's|where's|who's|when's)\b"
)
_ASKS_FOLLOWED = re.compile(r"\b(?:what|when|where|who|how|why|which) (?:a|an|ever)\b|^(?:when|which|where) (?:we|i)\b")


def questions(utterance: Utterance) -> Iterator[Question]:
    """Clauses that end in a question mark, or begin as questions do."""
    for clause in utterance.clauses:
        text = utterance.plain[clause.start : clause.end]
        if "?" in text:
            yield quoted(Question, utterance, clause, "rule:question.mark")
        elif len(text.split()) >= 3 and _ASKS.match(text) and not _ASKS_FOLLOWED.search(text):
            yield quoted(Question, utterance, clause, "rule:question.opening")


def commitments(utterance: Utterance) -> Iterator[Commitment]:
    """Promises in the first person, not those that hang on an "if" or are asked about; at most one a clause."""
    clauses: set[int] = set()
    for span in affirmed(utterance, compiled("commitments", "promise")):
        clause = utterance.clause(span.start)
        text = utterance.plain[clause.start : clause.end]
        if clause.start in clauses or "?" in text or re.match(r"(?:if|when|maybe|perhaps)\b", text):
            continue
        clauses.add(clause.start)
        whole = Span(span.start, clause.end)
        due = compiled("commitments", "due").search(utterance.plain, span.start, clause.end)
        words = utterance.text[due.start() : due.end()] if due else None
        yield quoted(Commitment, utterance, whole, "rule:commitment", by=utterance.speaker, due=words)


def opt_out(utterance: Utterance) -> OptOut | None:
    """A plain wish first, else a mere lack of interest."""
    for name, hard in (("hard", True), ("soft", False)):
        for span in affirmed(utterance, compiled("opt_out", name)):
            return quoted(OptOut, utterance, span, f"rule:opt_out.{name}", hard=hard)
    return None
