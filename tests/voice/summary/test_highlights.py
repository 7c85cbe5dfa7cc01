from hypothesis import given
from hypothesis import strategies as st

from lintel.voice.summary.highlights import highlights, sentences
from lintel.voice.transcript import Turn, Word

TEXTS = st.lists(
    st.lists(st.sampled_from(["house", "garden.", "price", "we", "Really?", "lease", "ends", "June!"]), min_size=1),
    max_size=6,
)


def turns(texts: list[list[str]]) -> list[Turn]:
    return [Turn("lead", tuple(Word(word, i, i + 0.5, 1.0) for i, word in enumerate(text))) for text in texts]


@given(TEXTS)
def test_sentences_cover_every_word_once_in_order(texts: list[list[str]]) -> None:
    said = turns(texts)
    covered = [(one.turn, i) for one in sentences(said) for i in range(one.first, one.last)]
    assert covered == [(number, i) for number, turn in enumerate(said) for i in range(len(turn.words))]


@given(TEXTS, st.integers(1, 4))
def test_highlights_are_sentences_in_the_order_in_which_they_were_said(texts: list[list[str]], count: int) -> None:
    every, chosen = list(sentences(turns(texts))), highlights(turns(texts), count)
    assert len(chosen) == min(count, len(every))
    assert chosen == [one for one in every if one in chosen]


def test_what_others_speak_of_too_outweighs_small_talk() -> None:
    said = turns(
        [
            ["Hi", "there."],
            ["We", "want", "a", "house", "with", "garden", "near", "the", "lake."],
            ["Fine."],
            ["A", "house", "with", "garden", "near", "the", "lake", "costs", "much."],
            ["Bye", "now."],
        ]
    )
    assert [one.turn for one in highlights(said, 2)] == [1, 3]
