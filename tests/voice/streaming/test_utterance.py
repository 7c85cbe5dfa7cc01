from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lintel.voice.audio.samples import SAMPLE_RATE, Samples
from lintel.voice.streaming.utterance import Limits, Stretch, Utterance
from lintel.voice.transcript import Word
from tests.voice.streaming.hearing import TEXTS, spaced

SHORT = Limits(sentence_cut_s=2.0, word_cut_s=3.0, window_s=5.0, unsure_s=1.0)


def audio(length_s: float) -> Samples:
    return np.ones(round(length_s * SAMPLE_RATE), np.float32)


def test_nothing_is_wanted_until_a_chunk_is_new() -> None:
    utterance = Utterance(10.0, 0.0, SHORT)
    utterance.add(audio(0.5))
    assert utterance.wanted(0.6) is None
    utterance.add(audio(0.1))
    stretch = utterance.wanted(0.6)
    assert stretch is not None
    assert (stretch.start, stretch.end, stretch.last) == (10.0, 10.6, False)
    utterance.hear(stretch, [])
    assert utterance.wanted(0.6) is None


def test_the_end_is_wanted_at_once_and_settles_everything() -> None:
    utterance = Utterance(0.0, 0.0, SHORT)
    utterance.add(audio(0.3))
    utterance.close()
    stretch = utterance.wanted(0.6)
    assert stretch is not None
    assert stretch.last
    update = utterance.hear(stretch, spaced(["yes"]))
    assert [word.text for word in update.committed] == ["yes"]
    assert utterance.done
    assert utterance.wanted(0.6) is None


def test_a_stretch_of_which_nothing_was_made_takes_nothing_back() -> None:
    utterance = Utterance(0.0, 0.0, SHORT)
    utterance.add(audio(1.0))
    first = utterance.wanted(0.6)
    assert first is not None
    utterance.hear(first, spaced(["yes"]))
    utterance.add(audio(0.6))
    second = utterance.wanted(0.6)
    assert second is not None
    assert [word.text for word in utterance.miss(second).tentative] == ["yes"]
    utterance.close()
    last = utterance.wanted(0.6)
    assert last is not None
    assert [word.text for word in utterance.miss(last).committed] == ["yes"]
    assert utterance.done


def test_a_decoder_that_makes_nothing_of_anything_still_lets_the_audio_go() -> None:
    utterance = Utterance(0.0, 0.0, SHORT)
    for _ in range(20):
        utterance.add(audio(1.0))
        while (stretch := utterance.wanted(0.6)) is not None:
            assert utterance.miss(stretch).committed == ()
    assert utterance.end - utterance.start <= SHORT.window_s


def test_what_is_certain_is_cut_at_a_sentence_end() -> None:
    utterance = Utterance(0.0, 0.0, SHORT)
    utterance.add(audio(2.5))
    words = spaced(["It", "is", "sold.", "Now"], length=0.5)
    for _ in range(2):
        stretch = Stretch(audio(0), 0.0, 2.5, last=False)
        utterance.hear(stretch, words)
    assert utterance.start == 1.5


def test_a_window_that_leaves_nothing_certain_counts_but_for_its_end() -> None:
    utterance = Utterance(0.0, 0.0, SHORT)
    utterance.add(audio(6.0))
    stretch = utterance.wanted(0.6)
    assert stretch is not None
    assert stretch.end == 5.0
    update = utterance.hear(stretch, spaced(["a", "b", "c", "d", "e"], length=1.0))
    assert [word.text for word in update.committed] == ["a", "b", "c", "d"]
    assert utterance.start <= 4.0


@given(
    st.lists(st.tuples(st.floats(0.1, 9.0), st.lists(TEXTS, max_size=12), st.floats(0.1, 0.6)), min_size=1, max_size=15)
)
def test_every_sample_is_heard_before_it_is_cut_and_little_stays_open(
    steps: list[tuple[float, list[str], float]],
) -> None:
    """Whatever an engine says, with audio arriving in lumps that may be longer than a window."""
    utterance, heard_to, committed = Utterance(0.0, 0.0, SHORT), 0.0, list[Word]()
    for place, (length, texts, pace) in enumerate(steps):
        utterance.add(audio(length))
        if place == len(steps) - 1:
            utterance.close()
        for _ in range(200):
            stretch = utterance.wanted(0.6)
            if stretch is None:
                break
            assert stretch.start <= heard_to + 1e-3, "no hole between what was heard and what is heard now"
            assert len(stretch.samples) == round((stretch.end - stretch.start) * SAMPLE_RATE)
            heard_to = max(heard_to, stretch.end)
            words = [word for word in spaced(texts, stretch.start, pace) if word.end <= stretch.end]
            committed += utterance.hear(stretch, words).committed
            assert utterance.start <= heard_to + 1e-3
        else:
            raise AssertionError("it wants the same for ever")
        assert utterance.done or utterance.unheard < 0.6 + 1e-3
        assert utterance.done or utterance.end - utterance.start <= SHORT.window_s + 0.6
    assert utterance.done
    assert abs(heard_to - utterance.end) < 1e-3
    times = [time for word in committed for time in (word.start, word.end)]
    assert times == sorted(times)


@given(st.lists(st.booleans(), min_size=30, max_size=30), st.integers(0, 6), st.floats(0.5, 1.2))
def test_every_word_counts_once_and_soon_although_looks_disagree(odd: list[bool], disputed: int, chunk: float) -> None:
    """A voice of four words a second, an engine that writes some of them otherwise with every look."""
    utterance, said = Utterance(0.0, 0.0, SHORT), spaced([f"word{place}" for place in range(30)])
    committed: list[Word] = []
    for look in range(1, 200):
        utterance.add(audio(0.1))
        stretch = utterance.wanted(chunk)
        if stretch is None:
            continue
        heard = [word for word in said if stretch.start - 1e-6 <= word.start and word.end <= stretch.end]
        written = [_written(word, look, odd[said.index(word)] or said.index(word) == disputed) for word in heard]
        committed += utterance.hear(stretch, written).committed
        waiting = [word for word in said[len(committed) :] if word.end <= stretch.end - SHORT.disputed_s]
        assert not waiting, "a word waits for `disputed_s` and one more look"
    assert [word.text.partition("-")[0] for word in committed] == [word.text for word in said]


def _written(word: Word, look: int, otherwise: bool) -> Word:
    return replace(word, text=f"{word.text}-{'x' * look}") if otherwise else word


def test_an_echo_is_no_word() -> None:
    utterance = Utterance(0.0, 0.0, SHORT)
    utterance.add(audio(2.0))
    utterance.close()
    stretch = utterance.wanted(0.6)
    assert stretch is not None
    words = [*spaced(["It", "is", "sold."]), *spaced(["It", "is", "sold."], start=1.9, length=0.01)]
    assert [word.text for word in utterance.hear(stretch, words).committed] == ["It", "is", "sold."]
