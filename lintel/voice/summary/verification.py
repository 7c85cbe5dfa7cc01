"""Whether the words of a call bear a claim out. A claim that they do not is dropped, with the reason."""

import re
from collections.abc import Sequence
from dataclasses import replace

from lintel.language.vocabulary import words
from lintel.voice.phrases import plain
from lintel.voice.summary.appointment import says_booked
from lintel.voice.summary.claims import Claim
from lintel.voice.transcript import Turn, joined
from lintel.voice.understanding.numbers import numbers

_DIGITS = re.compile(r"(?<![\d,.])\d+(?![\d,])")
_NAME = re.compile(r"(?<![.!?:“\"] )(?<!^)\b[A-Z][a-z]{2,}\b")
_NEGATIONS = words("not no never none cannot can't don't doesn't didn't won't wouldn't isn't aren't wasn't couldn't")
_SETTLED = re.compile(r"\b(?:booked|scheduled|confirmed|agreed|signed|accepted|will (?:meet|visit|tour|view))\b", re.I)
_OWN = words("The Lead Agent Appointment Budget Area Timeline Property Bedrooms Bathrooms Financing")
"""Capitalised words that a summary may bring of its own."""
_MOST_WORDS = 40


def verified(claim: Claim, turns: Sequence[Turn]) -> Claim | str:
    """The claim with its speaker and times read off the transcript, or the reason why it is dropped.

    Its quote must stand in its turn, word for word; every number and name of its text in that turn or beside it; a
    denial must be one on both sides; and what is called settled needs words that settle it.
    """
    if not 0 <= claim.turn < len(turns):
        return "no such turn"
    turn = turns[claim.turn]
    place = _place(claim.quote, turn)
    if place is None:
        return "quote is not in the turn"
    if len(claim.text.split()) > _MOST_WORDS:
        return "too long"
    around = turns[max(0, claim.turn - 1) : claim.turn + 2]
    for reason, holds in (
        ("number without a source", _numbers(claim.text) <= _numbers(" ".join(one.text for one in around))),
        ("name without a source", _names(claim.text) <= _all_words(turns)),
        ("denies what was said, or the reverse", _negated(claim.text) == _negated(claim.quote)),
        ("nothing was settled", not _claims_settled(claim) or any(says_booked(one) for one in around)),
    ):
        if not holds:
            return reason
    first, last = place
    said = turn.words[first:last]
    return replace(claim, speaker=turn.speaker, quote=joined(said), start=said[0].start, end=said[-1].end)


def _place(quote: str, turn: Turn) -> tuple[int, int] | None:
    """Where a quote's words stand in a turn, whatever their case and punctuation."""
    wanted = [plain(word) for word in quote.split() if plain(word)]
    spoken = [plain(word.text) for word in turn.words]
    starts = range(len(spoken) - len(wanted) + 1) if wanted else ()
    return next(((i, i + len(wanted)) for i in starts if spoken[i : i + len(wanted)] == wanted), None)


def _numbers(text: str) -> set[float]:
    """Numbers as values, those said in words included. "450k" and "450" are one: whoever says "four fifty" means it."""
    lowered = text.casefold()
    found = {number.value for number in numbers(lowered)} | {float(one) for one in _DIGITS.findall(lowered)}
    return {value / 1_000 if value >= 1_000 and not value % 1_000 else value for value in found}


def _names(text: str) -> set[str]:
    return {name.casefold() for name in _NAME.findall(text) if name not in _OWN}


def _all_words(turns: Sequence[Turn]) -> set[str]:
    return {part for turn in turns for word in turn.words for part in _parts(word.text)}


def _parts(word: str) -> set[str]:
    spelled = plain(word)
    return {spelled, spelled.removesuffix("'s"), spelled.removesuffix("s")}


def _negated(text: str) -> bool:
    return any(plain(word) in _NEGATIONS for word in text.split())


def _claims_settled(claim: Claim) -> bool:
    return claim.status == "booked" or _SETTLED.search(claim.text) is not None
