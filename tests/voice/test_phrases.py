import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.voice.phrases import Match, Phrase, PhraseError, Spoken
from lintel.voice.transcript import Word


def spoken(text: str) -> Spoken:
    return Spoken.of([Word(word, i, i + 0.5, 1.0) for i, word in enumerate(text.split())])


def quotes(phrase: str, text: str) -> list[str]:
    said = spoken(text)
    return [said.quote(match) for match in Phrase.parse(phrase).find(said)]


@pytest.mark.parametrize(
    ("phrase", "text", "found"),
    [
        ("too expensive", "It is TOO expensive, really.", ["TOO expensive,"]),
        ("too (high|much)", "Too much, far too high.", ["Too much,", "too high."]),
        ("too [very] high", "too high and too very high", ["too high", "too very high"]),
        ("safe * area", "a safe and quiet area", ["safe and quiet area"]),
        ("safe * area", "a safe and quiet little area", []),
        ("area ('s|is) safe", "the area's safe", ["area's safe"]),
        ("what 's the price", "What’s the price?", ["What’s the price?"]),
        ("i'm [very] sure", "I’m sure", ["I’m sure"]),
        ("good part of town", "a good part of town.", ["good part of town."]),
        ("safe area", "It is safe. Area codes differ.", []),
        ("art", "a smart start", []),
        ("$450,000", "about $450,000.", ["$450,000."]),
    ],
)
def test_a_phrase_finds_the_words_it_says(phrase: str, text: str, found: list[str]) -> None:
    assert quotes(phrase, text) == found


@pytest.mark.parametrize(
    ("phrase", "why"),
    [
        ("", "has no word"),
        ("* *", "has no word"),
        ("...", "has no word"),
        ("[maybe]", "may be left out as a whole"),
        ("(a|b", "lacks a `)`"),
        ("a)", "closes nothing"),
        ("[a b)", "closes nothing"),
        ("a|b", "outside brackets"),
        ("a * b * c * d * e", "more than 3"),
        ("word " * 500, "longer than"),
    ],
)
def test_a_phrase_that_cannot_be_read_says_why(phrase: str, why: str) -> None:
    with pytest.raises(PhraseError, match=re.escape(why)):
        Phrase.parse(phrase)


def test_a_sentence_is_what_lies_between_full_stops() -> None:
    said = spoken("I see. We can't say whether it is safe there! Anything else?")
    (match,) = Phrase.parse("safe there").find(said)
    assert said.quote(said.sentence(match)) == "We can't say whether it is safe there!"
    assert [said.quote(one) for one in said.sentences()] == [
        "I see.",
        "We can't say whether it is safe there!",
        "Anything else?",
    ]


def test_a_title_ends_no_sentence() -> None:
    said = spoken("Ask Mr. Hale or Dr. Ng first. Then call.")
    assert [said.quote(one) for one in said.sentences()] == ["Ask Mr. Hale or Dr. Ng first.", "Then call."]
    assert quotes("mr hale", "Ask Mr. Hale.") == ["Mr. Hale."]


def test_the_last_sentence_may_be_without_an_end() -> None:
    said = spoken("Yes. it is safe there")
    (match,) = Phrase.parse("safe").find(said)
    assert said.quote(said.sentence(match)) == "it is safe there"
    assert [said.quote(one) for one in said.sentences()] == ["Yes."]


VOCABULARY = st.sampled_from(["a", "b", "c", "a.", "B?", "c,", "d's"])
PIECES = st.lists(st.sampled_from(["a", "b", "c", "*", "[b]", "(a|c)", "d's"]), min_size=1, max_size=4)


@given(st.lists(VOCABULARY, max_size=8), PIECES)
def test_phrases_agree_with_a_search_word_by_word(words: list[str], pieces: list[str]) -> None:
    if all(piece in ("*", "[b]") for piece in pieces) or pieces.count("*") > 3:
        return
    said = spoken(" ".join(words))
    found = set(Phrase.parse(" ".join(pieces)).find(said))
    every = set(naive(words, pieces))
    assert found <= every
    assert bool(found) == bool(every)
    assert {min(match.first for match in found)} == {min(match.first for match in every)} if every else not found


def naive(words: list[str], pieces: list[str]) -> list[Match]:
    """All stretches that match, tried one after another."""
    found = []
    for first in range(len(words)):
        for last in range(first + 1, len(words) + 1):
            inside = words[first : last - 1]
            if not any(word.endswith((".", "?")) for word in inside) and fits(
                [word.strip(".,?").lower() for word in words[first:last]], pieces
            ):
                found.append(Match(first, last))
    return found


def fits(words: list[str], pieces: list[str]) -> bool:
    if not pieces:
        return not words
    piece, rest = pieces[0], pieces[1:]
    if piece == "*":
        return any(fits(words[n:], rest) for n in range(min(2, len(words)) + 1))
    if piece == "[b]":
        return fits(words, rest) or (words[:1] == ["b"] and fits(words[1:], rest))
    choices = ["a", "c"] if piece == "(a|c)" else [piece]
    return bool(words) and words[0] in choices and fits(words[1:], rest)
