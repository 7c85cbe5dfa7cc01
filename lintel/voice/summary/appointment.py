"""Whether an appointment was made: proposed, or booked. Booked needs the words that say so."""

from collections.abc import Iterable, Iterator, Sequence

from lintel.voice.phrases import Match, Phrase, Spoken
from lintel.voice.summary.claims import Claim
from lintel.voice.transcript import AGENT, Turn

_DAY = "(monday|tuesday|wednesday|thursday|friday|saturday|sunday|today|tomorrow|tonight|weekend)"
_VISIT = "(visit|viewing|tour|showing|appointment|meeting|call|inspection|walkthrough|walk-through)"


_ORDINALS = [
    f"{day}{'st' if day in (1, 21, 31) else 'nd' if day in (2, 22) else 'rd' if day in (3, 23) else 'th'}"
    for day in range(1, 32)
]
_DONE = "(scheduled|booked|confirmed|set|arranged|reserved|made|planned|set up)"


def _phrases(*sources: str) -> list[Phrase]:
    return [Phrase.parse(source) for source in sources]


_BOOKED = _phrases(
    f"{_VISIT} * * (is|has been|was|'s) [now|all|successfully] {_DONE}",
    f"(scheduled|booked|made|arranged) (your|the|an) {_VISIT}",
    "(you're|you are) [now] (scheduled|booked) [in]",
    f"(booked|scheduled|arranged|reserved|i've set up|i have set up) (your|the|our|a|an|that|you) * {_VISIT}",
    f"(booked|scheduled|put|signed|got|have) (you|us) * [down|in] for * {_DAY}",
    "(you're|you are|we're|we are|it's|it is|that's) [all] (set|booked|scheduled|confirmed) [for|on]",
    f"(see|meet) (you|you guys|you both|you there) [then|there] [on|this|next] {_DAY}",
    "(it's|it is|that's) (booked|scheduled|confirmed|a date|in the calendar|on my calendar)",
)
_PROPOSED = _phrases(
    f"(can|could|shall|should|would|how about|what about|let's|want|like|please|i'd|prefer) * * {_DAY}",
    f"(schedule|book|set up|arrange|do|have|make) * {_VISIT}",
    f"(scheduling|planning|confirm|wish|want) * {_VISIT}",
    "(does|would|how|how's|is) * (work|suit|good|okay|fine) for (you|me|us)",
)
_ACCEPTED = _phrases(
    "(yes|yeah|yep|yup|sure|perfect|great|okay|ok|correct|absolutely|definitely|that works|sounds good|works for me)",
    f"(that|it|{_DAY}) [time|day] [would|will|does] (works|work|is fine|is good|is perfect|suits)",
)
_NOT = _phrases(
    "(not|isn't|wasn't|haven't|hasn't|couldn't|can't|cannot|unable|failed|don't|if|once|before|after|until|would) * *"
)
_FAILED = _phrases(
    "(couldn't|could not|not able to|unable to|cannot|can't|didn't|failed to) * (schedule|book|do|make|set|arrange)",
    f"{_VISIT} [request|booking] (wasn't|was not|couldn't be|could not be|isn't|is not|failed|didn't)",
    "(no|not any|aren't any|isn't any) [more] (free|open|available) (times|slots|appointments|time|slot|openings)",
    "(not|isn't|aren't|wasn't|weren't|no longer) [any] available [then|on|at|that]",
    "(booking|scheduling|reservation|request) * (failed|unsuccessful|not successful|not possible|not go through)",
)
_APOLOGY = _phrases("(sorry|unfortunately|afraid|apologize|apologies|fail|failed)")
_WHEN = _phrases(
    _DAY,
    "(january|february|march|april|may|june|july|august|september|october|november|december) *",
    "(noon|midnight|o'clock|am|pm|a.m|p.m)",
    f"({'|'.join(_ORDINALS)})",
)
_TURNS_BACK = 4
"""Turns before a booking in which its day may have been named."""
_TURNS_AFTER = 3
"""Turns after it in which it may still turn out to be impossible."""


def appointments(turns: Sequence[Turn]) -> Iterator[Claim]:
    """The appointment that was booked last, else the one that was proposed last; none where nothing was said of one.

    Booked: one side says that it is, of a time that was named by then; or a proposal with a day is plainly accepted in
    the next turn and does not come to nothing after it. Words that deny or condition it ("once it is confirmed") book
    nothing.
    """
    booked = [claim for i, turn in enumerate(turns) for claim in _said_booked(turns, i, turn)]
    booked += [claim for i in range(1, len(turns)) for claim in _accepted(turns, i)]
    booked = [claim for claim in booked if not _came_to_nothing(turns, claim)]
    if booked:
        yield max(booked, key=lambda claim: (claim.turn, claim.end))
        return
    proposed = [_claim(turns, i, match, "proposed") for i, match in _proposals(turns)]
    yield from proposed[-1:]


def says_booked(turn: Turn) -> bool:
    """Whether words of the turn say, without condition, that an appointment is booked."""
    return _booking(Spoken.of(turn.words)) is not None


def _said_booked(turns: Sequence[Turn], i: int, turn: Turn) -> Iterator[Claim]:
    match = _booking(Spoken.of(turn.words))
    if match is not None and any(_names_a_time(one) for one in turns[max(0, i - _TURNS_BACK) : i + 1]):
        yield _claim(turns, i, match, "booked")


def _booking(spoken: Spoken) -> Match | None:
    for match in _found(_BOOKED, spoken):
        sentence = spoken.sentence(match)
        before = Spoken.of(spoken.words[sentence.first : match.first])
        inside = Spoken.of(spoken.words[match.first : match.last])
        asked = spoken.words[sentence.last - 1].text.endswith("?")
        if not asked and _first(_NOT, before) is None and _first(_NOT, inside) is None:
            return match
    return None


def _accepted(turns: Sequence[Turn], i: int) -> Iterator[Claim]:
    """A proposal of the agent's with a day, and the other's plain yes after it."""
    proposal, answer = turns[i - 1], turns[i]
    spoken = Spoken.of(proposal.words)
    match = _first(_PROPOSED, spoken)
    said_yes = _first(_ACCEPTED, Spoken.of(answer.words))
    if match is None or said_yes is None or said_yes.first > 1 or proposal.speaker == answer.speaker:
        return
    if proposal.speaker == AGENT and _names_a_time(proposal) and not _is_denied(answer):
        yield _claim(turns, i - 1, spoken.sentence(match), "booked")


def _came_to_nothing(turns: Sequence[Turn], claim: Claim) -> bool:
    after = turns[claim.turn + 1 : claim.turn + 1 + _TURNS_AFTER]
    return any(_fails(later) for later in after if later.speaker == claim.speaker)


def _fails(turn: Turn) -> bool:
    """Whether a turn says that it could not be done; an apology without a booking is taken for that."""
    spoken = Spoken.of(turn.words)
    if _first(_FAILED, spoken) is not None:
        return True
    return _first(_APOLOGY, spoken) is not None and _booking(spoken) is None


def _is_denied(turn: Turn) -> bool:
    return any(word.text.casefold().strip(",.!") in {"but", "not", "no", "can't", "don't"} for word in turn.words)


def _proposals(turns: Sequence[Turn]) -> Iterator[tuple[int, Match]]:
    for i, turn in enumerate(turns):
        spoken = Spoken.of(turn.words)
        match = _first(_PROPOSED, spoken)
        if match is not None and _names_a_time(turn):
            yield i, spoken.sentence(match)


def _names_a_time(turn: Turn) -> bool:
    return _first(_WHEN, Spoken.of(turn.words)) is not None


def _found(phrases: Iterable[Phrase], spoken: Spoken) -> Iterator[Match]:
    return (match for phrase in phrases for match in phrase.find(spoken))


def _first(phrases: Iterable[Phrase], spoken: Spoken) -> Match | None:
    return min(_found(phrases, spoken), key=lambda match: match.first, default=None)


def _claim(turns: Sequence[Turn], i: int, match: Match, status: str) -> Claim:
    turn = turns[i]
    words = turn.words[match.first : match.last]
    quote = Spoken.of(turn.words).quote(match)
    return Claim(f"Appointment {status}: “{quote}”", i, turn.speaker, quote, words[0].start, words[-1].end, status)
