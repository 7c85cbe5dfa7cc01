"""A summary without a language model: what was understood of each turn, gathered, and the weightiest sentences."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from lintel.voice.phrases import Phrase, Spoken
from lintel.voice.summary.appointment import appointments
from lintel.voice.summary.claims import Claim, Summary
from lintel.voice.summary.highlights import Sentence, highlights
from lintel.voice.transcript import AGENT, LEAD, Turn, joined
from lintel.voice.understanding.insights import Commitment, Fact, Finding, Insights, Intent, Objection, Question

NEEDS = frozenset({"area", "property_type", "bedrooms", "bathrooms", "feature", "motivation"})
_SINGLE = frozenset({"budget", "timeline", "bedrooms", "bathrooms", "property_type", "financing"})
"""Facts of which the last word counts: "three bedrooms, no, four"."""
_WANTS = {
    "buy": "wants to buy",
    "rent": "wants to rent",
    "sell": "wants to sell",
    "invest": "wants to invest",
    "find_home": "is looking for a home",
    "viewing": "wants to see a home",
    "valuation": "wants a valuation",
    "finance": "asks about financing",
    "offer": "wants to make an offer",
    "callback": "wants to be called back",
}
_LATER = [
    Phrase.parse(source)
    for source in (
        "(i'll|i will|let me|we'll|i can) * (check|find out|look into|get back|ask|look it up|confirm)",
        "(not sure|don't know|do not know|no idea|have to check|need to check|need to ask|would have to ask)",
    )
]
_MOST_HIGHLIGHTS = 6

Understood = Sequence[Insights]
_Found = tuple[int, Turn, Finding]


def extract(turns: Sequence[Turn], understood: Understood) -> Summary:
    """Gather a summary; `understood` holds the insights of each turn. Every claim quotes its turn."""
    found = [(i, turns[i], one) for i, insights in enumerate(understood) for one in insights.findings()]
    facts = _facts(found)
    return Summary(
        made_by="extractive",
        needs=tuple(chain(_wants(found), (_claim(one) for one in facts if _name(one) in NEEDS))),
        budget=tuple(_claim(one) for one in facts if _name(one) in {"budget", "financing"}),
        timeline=tuple(_claim(one) for one in facts if _name(one) == "timeline"),
        objections=tuple(_claim(one) for one in _of(found, Objection) if one[1].speaker != AGENT),
        promises=tuple(_claim(one) for one in _of(found, Commitment)),
        next_step=tuple(chain(appointments(turns), (_claim(one) for one in facts if _name(one) == "next_step"))),
        open_questions=tuple(_claim(one) for one in _of(found, Question) if _is_open(one, turns)),
        highlights=tuple(_highlight(one, turns) for one in highlights(turns, highlight_count(len(turns)))),
    )


def highlight_count(turns: int) -> int:
    """How many sentences tell a call of so many turns."""
    return min(max(2, turns // 12), _MOST_HIGHLIGHTS)


def _of(found: Iterable[_Found], kind: type[Finding]) -> Iterator[_Found]:
    return (one for one in found if isinstance(one[2], kind))


def _name(one: _Found) -> str:
    return one[2].name if isinstance(one[2], Fact | Intent) else ""


def _facts(found: Iterable[_Found]) -> list[_Found]:
    """The lead's own facts: of single ones the last, of others each value once, in the order in which they were
    said. Where voices have no role, everybody's."""
    kept: dict[object, _Found] = {}
    for one in found:
        fact = one[2]
        if isinstance(fact, Fact) and one[1].speaker != AGENT:
            key = fact.name if fact.name in _SINGLE else (fact.name, str(fact.value).casefold())
            kept.pop(key, None)
            kept[key] = one
    return list(kept.values())


def _wants(found: Iterable[_Found]) -> Iterator[Claim]:
    seen: set[str] = set()
    for one in found:
        intent = one[2]
        if isinstance(intent, Intent) and one[1].speaker != AGENT and intent.name in _WANTS and intent.name not in seen:
            seen.add(intent.name)
            yield _quoted(one, f"{_who(one[1])} {_WANTS[intent.name]}.")


def _claim(one: _Found) -> Claim:
    return _quoted(one, _told(one[1], one[2]))


def _told(turn: Turn, finding: Finding) -> str:
    who = _who(turn)
    if isinstance(finding, Fact):
        return f"{finding.name.replace('_', ' ').capitalize()}: {_value(finding)}."
    if isinstance(finding, Objection):
        return f"{who} objects ({finding.category}): “{finding.quote}”"
    if isinstance(finding, Commitment):
        return f"{who} promises: “{finding.quote}”"
    return f"{who}: “{finding.quote}”"


def _value(fact: Fact) -> str:
    value = f"{fact.value:,.0f}" if isinstance(fact.value, float) else str(fact.value)
    lower = f"{fact.lower:,.0f} to " if fact.lower is not None else ""
    bound = {"about": "about ", "at_least": "at least ", "at_most": "at most "}.get(fact.bound, "")
    unit = f" {fact.unit}" if fact.unit else ""
    return f"{bound}{lower}{value}{unit}"


def _quoted(one: _Found, text: str) -> Claim:
    number, turn, finding = one
    return Claim(text, number, turn.speaker, finding.quote, finding.start, finding.end)


def _is_open(one: _Found, turns: Sequence[Turn]) -> bool:
    """A question of the lead's that the other side put off, or never came to."""
    number, turn, _ = one
    if turn.speaker == AGENT:
        return False
    answer = next((later for later in turns[number + 1 :] if later.speaker != turn.speaker), None)
    return answer is None or _is_put_off(answer)


def _is_put_off(answer: Turn) -> bool:
    spoken = Spoken.of(answer.words)
    return any(next(phrase.find(spoken), None) is not None for phrase in _LATER)


def _highlight(one: Sentence, turns: Sequence[Turn]) -> Claim:
    turn = turns[one.turn]
    words = turn.words[one.first : one.last]
    quote = joined(words)
    others = {AGENT: "the lead", LEAD: "the agent"}.get(turn.speaker, "the other")
    verb = "asks" if quote.endswith("?") else "tells"
    return Claim(f"{_who(turn)} {verb} {others}: {quote}", one.turn, turn.speaker, quote, words[0].start, words[-1].end)


def _who(turn: Turn) -> str:
    return {AGENT: "The agent", LEAD: "The lead"}.get(turn.speaker, turn.speaker.capitalize())
