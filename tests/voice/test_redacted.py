from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.language.redaction import redact
from lintel.voice.redacted import redacted_turns, redacted_words
from lintel.voice.transcript import Turn, Word, joined


def words(text: str) -> list[Word]:
    return [Word(word, float(i), i + 0.5, 1.0 - i / 100) for i, word in enumerate(text.split())]


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("My number is four one five, five five five, oh one two three. Okay?", "My number is [phone]. Okay?"),
        ("Write jane dot doe at gmail dot com, please", "Write [email], please"),
        ("I live at 12 Oak Street. Nice.", "I live at [address]. Nice."),
        ("(303)-555-0142!", "[phone]!"),
        ("We want three bedrooms.", "We want three bedrooms."),
        ("", ""),
    ],
)
def test_what_was_said_of_a_person_goes_and_the_rest_stays(text: str, clean: str) -> None:
    assert joined(redacted_words(words(text))) == clean


def test_what_stands_for_it_lasts_as_long_and_is_as_sure_as_its_least_sure_word() -> None:
    (_, _, _, phone, _) = redacted_words(words("My number is 415 555 0123. Okay?"))
    assert phone == Word("[phone].", 3.0, 5.5, 0.95)


PIECES = st.sampled_from(
    ("hello 415 555 0123 four one five oh two , . 12 Oak Street at gmail dot com", "me@a.com 4111 1111 [phone] (")
).flatmap(lambda pieces: st.sampled_from(pieces.split()))


@given(st.lists(PIECES, max_size=14))
def test_it_agrees_with_redacting_the_text(pieces: list[str]) -> None:
    said = words(" ".join(pieces))
    kept = redacted_words(said)
    assert joined(kept) == redact(joined(said), addresses=True).text
    assert all(one.end <= other.start for one, other in pairwise(kept))


def said(*lines: str) -> list[str]:
    """What is left of turns, the lead's and the agent's in alternation."""
    turns = [Turn(("lead", "agent")[i % 2], tuple(words(line))) for i, line in enumerate(lines)]
    return [turn.text for turn in redacted_turns(turns)]


@pytest.mark.parametrize(
    ("lines", "clean"),
    [
        (
            ["It is four one five", "Mhm.", "five five five oh one two three, call me."],
            ["It is [phone]", "Mhm.", "[phone], call me."],
        ),
        (
            ["415 555", "Four one five, five five five?", "0123."],
            ["[phone]", "Four one five, five five five?", "[phone]."],
        ),
        (["415", "Okay.", "555", "Got it.", "0123"], ["[phone]", "Okay.", "[phone]", "Got it.", "[phone]"]),
        (["Three.", "And how many baths?", "415 555 012"], ["Three.", "And how many baths?", "415 555 012"]),
        (
            ["Three bedrooms.", "Okay.", "Four hundred thousand."],
            ["Three bedrooms.", "Okay.", "Four hundred thousand."],
        ),
        (["Jane dot doe", "Yes?", "at gmail dot com"], ["[email]", "Yes?", "[email]"]),
        (["", "Mhm.", "415 555 0123"], ["", "Mhm.", "[phone]"]),
    ],
)
def test_a_number_that_is_said_in_pieces_goes_as_a_whole(lines: list[str], clean: list[str]) -> None:
    assert said(*lines) == clean


@given(
    st.lists(st.tuples(st.lists(PIECES, min_size=1, max_size=6), st.sampled_from(("mhm.", "Okay", "5 5"))), max_size=5)
)
def test_acknowledgements_change_nothing(exchanges: list[tuple[list[str], str]]) -> None:
    """What is left of the lead's words, with every category once, is what is left of them said in one go."""
    lines = [line for pieces, heard in exchanges for line in (" ".join(pieces), heard)]
    pieces = [word for found, _ in exchanges for word in found]
    left = " ".join(said(*lines)[::2])
    whole = redact(" ".join(pieces), addresses=True).text
    assert digits(left) == digits(whole)


def digits(text: str) -> str:
    return "".join(c for c in text if c.isdigit())
