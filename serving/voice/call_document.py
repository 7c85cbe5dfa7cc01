"""What is said and kept of a call, as JSON. What is kept is redacted first."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lintel.language.redaction import redact
from lintel.voice.transcript import Segment, Word
from serving.voice.live_event import LiveEvent

Document = dict[str, Any]
_LAST = {"meter": "talk", "consent": "consent", "ended": "ended"}


def segment_json(segment: Segment, speakers: Sequence[str], *, words: bool = True) -> Document:
    """A segment as it was heard. Times in seconds; a channel without a speaker has none."""
    known = segment.channel < len(speakers)
    document = {
        "channel": segment.channel,
        "speaker": speakers[segment.channel] if known else None,
        "start": segment.start,
        "end": segment.end,
        "text": segment.text,
    }
    return document | ({"words": [_word(word) for word in segment.words]} if words else {})


def redacted_segments(segments: Iterable[Segment], speakers: Sequence[str]) -> list[Document]:
    """Segments for keeping, without personal data. A segment that had some has no single words any more."""
    return [_redacted(segment, speakers) for segment in segments]


def call_document(segments: Iterable[Segment], speakers: Sequence[str], seen: Mapping[str, LiveEvent]) -> Document:
    """What is kept of a live call: its words, redacted, and the last that was told of talk, consent and its end."""
    told = {name: seen[kind].data for kind, name in _LAST.items() if kind in seen}
    return {"speakers": list(speakers), "segments": redacted_segments(segments, speakers), **told}


def _redacted(segment: Segment, speakers: Sequence[str]) -> Document:
    clean = redact(segment.text)
    if clean.found:
        return segment_json(segment, speakers, words=False) | {"text": clean.text, "redacted": clean.found}
    return segment_json(segment, speakers)


def _word(word: Word) -> Document:
    return {"text": word.text, "start": word.start, "end": word.end, "probability": word.probability}
