"""A reader is judged on dialogues that it has not seen."""

import random

import pytest

from lintel.errors import InputError
from lintel.voice.understanding.training import Line
from lintel.voice.understanding.validation import validated
from tests.voice.understanding.embedding import WordsEmbedder

EMBEDDER = WordsEmbedder()
SAID = {"price": "that costs too much", "trust": "I do not believe you", "none": "see you on Monday"}


def lines(dialogues: int, labels: dict[str, str] | None = None) -> list[Line]:
    said = labels or SAID
    return [
        Line(f"d{number}", "lead", f"{text} {number}", kind)
        for number in range(dialogues)
        for kind, text in said.items()
    ]


def test_what_the_words_tell_is_learnt() -> None:
    judged = validated("objections", lines(12), EMBEDDER)
    assert (judged.turns, judged.dialogues, judged.folds) == (36, 12, 5)
    assert judged.weighted_f1 == pytest.approx(1.0)
    assert judged.macro_f1 == pytest.approx(1.0)
    assert judged.commonest_f1 == pytest.approx(1 / 6)  # F1 of .5 for a third of the turns
    assert judged.earns
    assert [(one.label, one.turns, one.precision, one.recall) for one in judged.labels] == [
        (label, 12, 1.0, 1.0) for label in sorted(SAID)
    ]


def test_a_dialogue_is_never_on_both_sides() -> None:
    """Each dialogue has a word of its own that gives its label away, but only to who has seen the dialogue."""
    order = random.Random(0)
    kinds = ["price"] * 15 + ["none"] * 15
    order.shuffle(kinds)
    told = [Line(f"d{n}", "lead", f"word{n}", kind) for n, kind in enumerate(kinds) for _ in range(4)]
    assert validated("objections", told, EMBEDDER).weighted_f1 < 0.7


def test_the_order_of_dialogues_is_no_matter_to_what_is_counted() -> None:
    forward, backward = validated("objections", lines(12), EMBEDDER), validated("objections", lines(12)[::-1], EMBEDDER)
    assert forward.commonest_f1 == pytest.approx(backward.commonest_f1)
    assert [one.turns for one in forward.labels] == [one.turns for one in backward.labels]


@pytest.mark.parametrize(("dialogues", "words"), [(1, "of 1 dialogues"), (9, "9 turns of its rarest label")])
def test_too_little_is_refused(dialogues: int, words: str) -> None:
    with pytest.raises(InputError, match=words):
        validated("objections", lines(dialogues), EMBEDDER)
