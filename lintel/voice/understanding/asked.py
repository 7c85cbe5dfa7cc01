"""What the turn before asked for, so that a bare answer ("four fifty", "Oakland", "yes") can be understood."""

import re
from collections.abc import Sequence

from lintel.voice.transcript import Turn
from lintel.voice.understanding.utterance import Utterance

_BACK = 3
"""Turns back that the other side may have spoken; a speaker's pause splits a turn in two."""
_QUESTION = re.compile(r"[^.!?]*\?")
_VISIT = re.compile(r"\b(?:visit|view|viewing|showing|tour|appointment|meet|schedul\w+)\b")
_TOPICS = {
    "budget": re.compile(r"\b(?:budget|price range|spend|afford|how much|price point|comfortable with|approved for)\b"),
    "bedrooms": re.compile(r"\bbed ?rooms?\b|\bbeds\b|\bmany rooms\b"),
    "bathrooms": re.compile(r"\bbath ?rooms?\b|\bbaths\b"),
    "area": re.compile(r"\b(?:areas?|cit(?:y|ies)|towns?|locations?|located|neighbou?rhoods?|where|which part)\b"),
    "timeline": re.compile(
        r"\b(?:timeline|time ?frame|how soon|when (?:are|do|would) you (?:look|plan|hop|want|need|like) ?"
        r"(?:ing)? to (?:move|buy|sell|close|be)|move[- ]in)\b"
    ),
    "appointment": re.compile(
        r"\b(?:what|which) (?:day|date|time)s?\b|\bwhen (?:would|do|can|could|are|should|will)\b|\bwhen\?"
        r"|\b(?:visit|viewing|showing|tour|appointment|meet|schedule[d]?)\b"
    ),
}


def asked(utterance: Utterance, before: Sequence[Turn]) -> frozenset[str]:
    """The facts that the other side's last questions were for, and `appointment` where they spoke of a visit."""
    said = next((turn.text for turn in reversed(before[-_BACK:]) if turn.speaker != utterance.speaker), "").lower()
    found = {name for name, pattern in _TOPICS.items() if any(map(pattern.search, _QUESTION.findall(said)))}
    return frozenset(found | ({"appointment"} if _VISIT.search(said) else set()))
