"""A segment of a call as JSON, as it was heard: for who may hear the call, not for keeping."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from lintel.voice.transcript import Segment


def segment_json(segment: Segment, speakers: Sequence[str], *, words: bool = True) -> dict[str, Any]:
    """Times in seconds; a channel without a speaker has none."""
    known = segment.channel < len(speakers)
    document = {
        "channel": segment.channel,
        "speaker": speakers[segment.channel] if known else None,
        "start": segment.start,
        "end": segment.end,
        "text": segment.text,
    }
    return document | ({"words": [asdict(word) for word in segment.words]} if words else {})
