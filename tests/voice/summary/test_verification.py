import pytest

from lintel.voice.summary.claims import Claim
from lintel.voice.summary.verification import verified
from lintel.voice.transcript import Turn, Word


def turn(speaker: str, text: str, at: float) -> Turn:
    return Turn(speaker, tuple(Word(word, at + i, at + i + 0.5, 1.0) for i, word in enumerate(text.split())))


TURNS = [
    turn("agent", "Hi, this is Ann. What is your budget?", 0),
    turn("lead", "Around four hundred fifty thousand, and we need three bedrooms in Fremont.", 10),
    turn("agent", "Can you see it on Tuesday at five?", 30),
    turn("lead", "I don't know, I have to ask my wife.", 40),
    turn("agent", "All right. I will call you tomorrow.", 50),
]


def claim(text: str, number: int, quote: str, status: str | None = None) -> Claim:
    return Claim(text, number, "", quote, 0.0, 0.0, status)


def test_a_claim_is_placed_where_its_words_are() -> None:
    kept = verified(claim("Budget about $450,000.", 1, "around four hundred fifty thousand"), TURNS)
    assert isinstance(kept, Claim)
    assert (kept.speaker, kept.quote) == ("lead", "Around four hundred fifty thousand,")
    assert (kept.start, kept.end) == (10.0, 14.5)


@pytest.mark.parametrize(
    ("text", "number", "quote", "why"),
    [
        ("They want 3 bedrooms.", 7, "three bedrooms", "no such turn"),
        ("They want 3 bedrooms.", -1, "three bedrooms", "no such turn"),
        ("They want a pool.", 1, "a pool", "quote is not in the turn"),
        ("They want a pool.", 1, "", "quote is not in the turn"),
        ("They want 3 bedrooms.", 0, "three bedrooms", "quote is not in the turn"),
        ("They want 4 bedrooms.", 1, "three bedrooms", "number without a source"),
        ("Budget $550,000.", 1, "four hundred fifty thousand", "number without a source"),
        ("They look in Oakland.", 1, "in Fremont", "name without a source"),
        ("They have asked the wife already.", 3, "I don't know", "denies what was said, or the reverse"),
        ("A visit is booked for Tuesday.", 2, "see it on Tuesday at five", "nothing was settled"),
        ("word " * 41, 1, "three bedrooms", "too long"),
    ],
)
def test_what_the_words_do_not_bear_out_is_dropped(text: str, number: int, quote: str, why: str) -> None:
    assert verified(claim(text, number, quote), TURNS) == why


def test_booked_needs_words_that_book() -> None:
    proposal = claim("A visit on Tuesday.", 2, "see it on Tuesday", status="booked")
    assert verified(proposal, TURNS) == "nothing was settled"
    said = [*TURNS[:3], turn("lead", "Yes, that works.", 40), turn("agent", "Your visit is booked for Tuesday.", 45)]
    kept = verified(claim("A visit is booked for Tuesday.", 4, "Your visit is booked", status="booked"), said)
    assert isinstance(kept, Claim)
    assert kept.status == "booked"


@pytest.mark.parametrize(
    "text", ["Budget 450k.", "Budget $450,000.", "Budget four hundred fifty thousand.", "Wants 3 bedrooms."]
)
def test_numbers_count_however_they_are_written(text: str) -> None:
    assert isinstance(verified(claim(text, 1, "three bedrooms"), TURNS), Claim)
