from hypothesis import given
from hypothesis import strategies as st

from lintel.voice.streaming.echo import without_echo
from lintel.voice.transcript import Word
from tests.voice.streaming.hearing import hypotheses, spaced


def test_a_sentence_repeated_in_no_time_is_said_once() -> None:
    said = spaced(["the", "background", "of", "the", "bondage."])
    echo = spaced(["The", "background", "of", "the", "bondage."], start=1.25, length=0.01)
    assert without_echo([*said, *echo]) == tuple(said)
    assert without_echo([*said, *echo, *spaced(["the", "background", "of", "the", "bondage."], 1.3, 0.0)]) == tuple(
        said
    )


def test_what_a_speaker_says_twice_stays() -> None:
    said = spaced(["tear", "down", "the", "fence", "tear", "down", "the", "fence"])
    assert without_echo(said) == tuple(said)


def test_a_single_word_may_be_said_twice_in_a_breath() -> None:
    said = [*spaced(["very"]), *spaced(["very"], start=0.25, length=0.02)]
    assert without_echo(said) == tuple(said)


@given(hypotheses())
def test_only_an_end_is_taken_away_and_all_of_it(words: list[Word]) -> None:
    kept = without_echo(words)
    assert kept == tuple(words[: len(kept)])
    assert without_echo(kept) == kept
    assert not words or kept, "what is repeated stays"


@given(st.integers(2, 8), st.integers(0, 4), st.integers(1, 3))
def test_an_echo_of_any_length_goes(length: int, before: int, times: int) -> None:
    said = spaced([f"word{place}" for place in range(before + length)])
    echoes = spaced([word.text for word in said[before:]] * times, start=said[-1].end, length=0.02)
    assert without_echo([*said, *echoes]) == tuple(said)
