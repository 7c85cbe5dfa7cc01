"""What the turn before asked for, so that a bare answer ("four fifty", "Oakland", "yes") can be understood."""

import re
from collections.abc import Sequence

from lintel.voice.transcript import Turn
from lintel.voice.understanding.utterance import Utterance

_TOPICS = {
    "budget": re.compile(r"\b(?:budget|price range|spend|afford|how much|price point|comfortable with|approved for)\b"),
    "bedrooms": re.compile(r"\bbed ?rooms?\b|\bbeds\b"),
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
    """The facts that the other side's last turn asked for; empty where the same speaker spoke last."""
    if not before or before[-1].speaker == utterance.speaker or not before[-1].words:
        return frozenset()
    question = Utterance(before[-1]).plain[-400:]
    return frozenset(name for name, pattern in _TOPICS.items() if "?" in question and pattern.search(question))
