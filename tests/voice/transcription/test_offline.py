"""Recordings of any length, a recogniser a channel."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.sounds import music, noise, silence
from lintel.errors import InputError
from lintel.settings import Settings
from lintel.voice.activity.detector import FRAME
from lintel.voice.activity.energy import EnergyDetector
from lintel.voice.audio.files import Recording, read
from lintel.voice.audio.samples import SAMPLE_RATE, Samples, seconds
from lintel.voice.transcript import Word
from lintel.voice.transcription.engine import Hypothesis, Window, check
from lintel.voice.transcription.faster_whisper import compression_ratio
from lintel.voice.transcription.loading import load
from lintel.voice.transcription.offline import PADDING_S, transcribe
from tests.voice.published import published


class Loud:
    """A detector: speech is what is not silent."""

    def probabilities(self, samples: Samples) -> NDArray[np.float32]:
        frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
        return (np.abs(frames).max(axis=1) > 0).astype(np.float32)

    def reset(self) -> None:
        """It has no past."""


class Counting:
    """An engine that hears a word at each second that is not silent, made of its level in hundredths and its place in
    the window; where the level is 0.9 it goes round in circles in windows longer than 10 s."""

    name = "counting"
    multilingual = False
    window_seconds = 1.0

    def __init__(self) -> None:
        self.lengths: list[float] = []

    def decode(self, windows: Sequence[Window], *, language: str, beam_size: int = 1) -> list[Hypothesis]:
        check(windows, language=language, known=("en",), name=self.name)
        self.lengths += [seconds(window.samples) for window in windows]
        return [self._heard(window.samples) for window in windows]

    def _heard(self, samples: Samples) -> Hypothesis:
        levels = [float(np.abs(samples[at : at + SAMPLE_RATE]).max()) for at in range(0, len(samples), SAMPLE_RATE)]
        if max(levels) > 0.85 and len(levels) > 10:
            return self._said(["round and round we go"] * 60)
        return self._said([f"{level * 100:.0f}at{second}" if level else "" for second, level in enumerate(levels)])

    def _said(self, texts: list[str]) -> Hypothesis:
        words = tuple(Word(text, at + 0.1, at + 0.9, 0.9) for at, text in enumerate(texts) if text)
        return Hypothesis(
            words, 0.0, -0.1, compression_ratio(" ".join(texts[:100])) if len(texts) > 50 else 1.0, "en", 1
        )


def channel(*stretches: tuple[float, float, float], length: float) -> Samples:
    """A level (0 is silence) between two seconds, several times."""
    samples = np.zeros(round(length * SAMPLE_RATE), np.float32)
    for start, end, level in stretches:
        samples[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)] = level
    return samples


def recording(*channels: Samples) -> Recording:
    return Recording(channels, SAMPLE_RATE, "", ())


def test_segments_are_on_the_files_clock_and_channels_are_merged_by_time() -> None:
    call = recording(channel((10, 12, 0.1), (40, 42, 0.2), length=60), channel((5, 7, 0.3), (20, 22, 0.4), length=60))
    found = transcribe(call, Counting(), language="en", detector=Loud)
    assert [(one.channel, one.text.split()[0]) for one in found] == [
        (1, "30at0"),
        (0, "10at0"),
        (1, "40at0"),
        (0, "20at0"),
    ]
    window, word = PADDING_S, 0.1  # a window begins so much before the speech, a word so much into its second
    assert [one.start for one in found] == pytest.approx([at - window + word for at in (5, 10, 20, 40)], abs=0.05)


def test_a_long_monologue_is_cut_and_nothing_of_it_is_lost() -> None:
    engine = Counting()
    found = transcribe(recording(channel((2, 92, 0.5), length=95)), engine, language="en", detector=Loud)
    assert max(engine.lengths) <= 30
    assert sum(engine.lengths) == pytest.approx(90 + 2 * PADDING_S, abs=0.1)
    assert [word.start for one in found for word in one.words] == sorted(
        word.start for one in found for word in one.words
    )


def test_a_window_in_which_the_decoder_circles_is_halved_and_heard_again() -> None:
    engine = Counting()
    found = transcribe(recording(channel((1, 15, 0.9), length=16)), engine, language="en", detector=Loud)
    assert len(engine.lengths) == 3
    assert {word.text.split("at")[0] for one in found for word in one.words} == {"90"}


def test_progress_is_told_of_all_audio() -> None:
    done: list[float] = []
    call = recording(channel((1, 2, 0.1), length=30), channel(length=30))
    transcribe(call, Counting(), language="en", detector=Loud, progress=done.append)
    assert sum(done) == pytest.approx(60)


def test_a_language_the_model_lacks_is_told_even_of_silence() -> None:
    with pytest.raises(InputError, match="'counting' does not transcribe 'de'"):
        transcribe(recording(channel(length=3)), Counting(), language="de", detector=Loud)


# real weights


def test_two_channels_are_two_speakers(with_weights: Settings) -> None:
    call = read(published("misc_speech/audio/stereo_two_channel.flac"), longest_seconds=30)
    found = transcribe(call, load("tiny.en", with_weights), language="en", beam_size=1)
    said = {one.channel: one.text for one in found}
    assert "wizard" in said[0]
    assert "horizon seems extremely distant" in said[1]


RNG = np.random.default_rng(11)
NOBODY = {
    "silence": silence,
    "faint white noise": lambda length: noise(length, RNG, slope=0, peak=0.001),
    "white noise": lambda length: noise(length, RNG, slope=0, peak=0.1),
    "loud brown noise": lambda length: noise(length, RNG, slope=2, peak=0.5),
    "music": lambda length: music(length, RNG),
}


@pytest.mark.parametrize("sound", NOBODY)
def test_not_one_word_where_nobody_speaks(with_weights: Settings, sound: str) -> None:
    """Half a minute; with the energy detector, which takes noise for speech, so that the guards are alone."""
    engine = load("tiny.en", with_weights)
    heard = recording(NOBODY[sound](30.0))
    assert transcribe(heard, engine, language="en", beam_size=1) == []
    assert transcribe(heard, engine, language="en", beam_size=1, detector=EnergyDetector) == []


@pytest.mark.slow
@pytest.mark.parametrize("model", ["tiny.en", "base"])
@pytest.mark.parametrize("sound", NOBODY)
def test_not_one_word_in_ten_minutes(weights: Path, model: str, sound: str) -> None:
    engine = load(model, Settings(weights_path=weights))
    heard = recording(NOBODY[sound](600.0))
    for beams in (1, 5):
        assert transcribe(heard, engine, language="en", beam_size=beams) == []
