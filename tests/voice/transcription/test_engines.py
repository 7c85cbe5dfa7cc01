"""One battery over both engines, with real weights."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from lintel.errors import InputError
from lintel.settings import Settings
from lintel.voice.audio.files import read
from lintel.voice.audio.samples import SAMPLE_RATE, Samples, seconds
from lintel.voice.transcript import joined
from lintel.voice.transcription.engine import Engine, Window
from lintel.voice.transcription.loading import load
from tests.voice.published import published

pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # whisper's, of its vocabulary

Load = Callable[[Literal["faster-whisper", "openai-whisper"]], Engine]
ENGINES = ("faster-whisper", "openai-whisper")


@pytest.fixture(scope="module")
def loaded(weights: Path) -> Load:
    """Each engine once, with tiny.en."""
    settings = Settings(weights_path=weights)
    engines = {}

    def engine(name: Literal["faster-whisper", "openai-whisper"]) -> Engine:
        if name not in engines:
            engines[name] = load("tiny.en", settings, engine=name)
        return engines[name]

    return engine


@pytest.fixture(scope="module")
def jfk() -> Samples:
    return read(published("misc_speech/audio/jfk.flac"), longest_seconds=30).channels[0]


@pytest.mark.parametrize("name", ENGINES)
def test_words_and_their_times(loaded: Load, jfk: Samples, name: Literal["faster-whisper", "openai-whisper"]) -> None:
    (heard,) = loaded(name).decode([Window(jfk)], language="en")
    said = joined(heard.words).lower().replace(",", "").rstrip(".")
    assert said == (
        "and so my fellow americans ask not what your country can do for you ask what you can do for your country"
    )
    times = [time for word in heard.words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert times[-1] <= seconds(jfk)
    pause = next(word for word in heard.words if word.text.lower().startswith("ask"))
    assert pause.start == pytest.approx(3.3, abs=0.4)  # after "Americans" he waits a second
    assert heard.no_speech_probability < 0.3
    assert -0.6 < heard.mean_log_probability < 0
    assert 1 < heard.compression_ratio < 2
    assert (heard.language, heard.tokens) == ("en", pytest.approx(25, abs=4))


def test_windows_come_back_in_order_and_none_depends_on_its_neighbours(loaded: Load, jfk: Samples) -> None:
    engine = loaded("faster-whisper")
    windows = [
        Window(jfk[: 3 * SAMPLE_RATE]),
        Window(jfk[:100]),
        Window(jfk[3 * SAMPLE_RATE : 6 * SAMPLE_RATE], "And so,"),
    ]
    together = engine.decode(windows, language="en")
    assert together == [engine.decode([window], language="en")[0] for window in windows]
    assert joined(together[0].words).lower().startswith("and so my fellow americans")
    assert together[1].words == ()


@pytest.mark.parametrize("name", ENGINES)
def test_what_cannot_be_decoded_is_told(loaded: Load, name: Literal["faster-whisper", "openai-whisper"]) -> None:
    engine = loaded(name)
    with pytest.raises(InputError, match=r"'tiny\.en' does not transcribe 'de'.*It knows en"):
        engine.decode([], language="de")
    with pytest.raises(InputError, match=r"30\.50 s is longer"):
        engine.decode([Window(np.zeros(round(30.5 * SAMPLE_RATE), np.float32))], language="en")
    assert engine.decode([], language="en") == []


def test_beams_hear_no_worse_than_greed(loaded: Load) -> None:
    samples = read(published("misc_speech/audio/leopard_test.flac"), longest_seconds=30).channels[0]
    engine = loaded("faster-whisper")
    greedy, beams = (engine.decode([Window(samples)], language="en", beam_size=size)[0] for size in (1, 5))
    assert beams.mean_log_probability >= greedy.mean_log_probability - 1e-3


def test_a_short_window_that_ends_in_speech_does_not_babble(loaded: Load, jfk: Samples) -> None:
    for cut in (1.0, 2.2, 4.7, 7.5):
        window = Window(jfk[: round(cut * SAMPLE_RATE)])
        (heard,) = loaded("faster-whisper").decode([window], language="en")
        assert len(heard.words) <= 4 * cut


def test_a_multilingual_model_knows_other_languages(weights: Path) -> None:
    engine = load("base", Settings(weights_path=weights))
    assert engine.multilingual
    assert engine.decode([], language="de") == []
    for unknown in ("xx", "yue"):  # Cantonese came with a later, larger vocabulary
        with pytest.raises(InputError, match=f"does not transcribe '{unknown}'"):
            engine.decode([], language=unknown)
