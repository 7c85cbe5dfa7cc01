"""Whether a phrase is denied: a negation shortly before it, or inside it, that no idiom takes back."""

import re
from collections.abc import Iterator

from lintel.language.sentiment import NEGATIONS
from lintel.voice.understanding.utterance import Span, Utterance

_REACH = 5
"""How many words before a phrase a negation reaches."""
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_DENIES_NOTHING = re.compile(
    r"\b(?:can't wait|cannot wait|why don't (?:we|you|i)|not only|no problem|don't mind|wouldn't mind|no longer than"
    r"|not (?:more|less|over|above) than|no (?:more|less) than|don't (?:hesitate|worry|forget)|never mind"
    r"|no,|not (?:to mention|sure (?:if|whether))|couldn't (?:agree|be) \w+|don't know (?:if|whether|what|how|when))"
)
_BARRIER = re.compile(r"[,;]|\b(?:if|unless|until|that|which|who|so)\b")


def denial(utterance: Utterance, span: Span) -> Span | None:
    """The negation that denies what stands at `span`, within its clause; None where it is affirmed."""
    clause = utterance.clause(span.start)
    before = utterance.plain[clause.start : span.start]
    barriers = [match.end() for match in _BARRIER.finditer(before)]
    near = _blanked(before[barriers[-1] if barriers else 0 :])
    offset = span.start - len(near)
    for word in list(_WORD.finditer(near))[-_REACH:]:
        if word.group() in NEGATIONS:
            return Span(offset + word.start(), offset + word.end())
    return None


def phrases(utterance: Utterance, pattern: re.Pattern[str]) -> Iterator[tuple[Span, Span | None]]:
    """Where a pattern matches, and the negation that denies it."""
    for match in pattern.finditer(utterance.plain):
        span = Span(match.start(), match.end())
        if span.end > span.start:
            yield span, denial(utterance, span)


def affirmed(utterance: Utterance, pattern: re.Pattern[str]) -> Iterator[Span]:
    """Where a pattern matches and is not denied."""
    return (span for span, negation in phrases(utterance, pattern) if negation is None)


def _blanked(text: str) -> str:
    return _DENIES_NOTHING.sub(lambda match: " " * len(match.group()), text)
