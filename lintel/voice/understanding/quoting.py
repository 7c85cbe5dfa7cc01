"""Findings made from stretches of an utterance."""

from typing import Any, TypeVar

from lintel.voice.understanding.insights import Finding
from lintel.voice.understanding.utterance import Span, Utterance

Found = TypeVar("Found", bound=Finding)


def quoted(
    kind: type[Found], utterance: Utterance, span: Span, found_by: str, probability: float | None = None, **said: Any
) -> Found:
    """A finding of a kind, with the words of a span and their times."""
    quote = utterance.quote(span)
    return kind(quote.quote, quote.start, quote.end, found_by, probability, **said)
