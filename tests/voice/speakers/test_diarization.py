import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lintel.errors import IncompatibleError, InputError, NotFoundError
from lintel.voice.activity.detector import FRAME
from lintel.voice.audio.samples import SAMPLE_RATE, Samples
from lintel.voice.speakers.diarization import diarize
from lintel.voice.speakers.encoder import SpeakerEncoder
from lintel.voice.speakers.error_rate import diarization_errors
from lintel.voice.speakers.stretch import Stretch
from tests.voice.published import published


class Loudness:
    """A detector that knows: any sound is speech."""

    def probabilities(self, samples: Samples) -> NDArray[np.float32]:
        return np.abs(samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)).max(axis=1, initial=0)

    def reset(self) -> None: ...


class Pitch:
    """An encoder that knows: the strongest of four tones is the voice."""

    TONES = (200, 400, 800, 1_600)

    def embed(self, samples: Samples, starts_s: NDArray[np.float64]) -> NDArray[np.float32]:
        middles = ((starts_s + 0.8) * SAMPLE_RATE).astype(int)
        found = []
        for middle in middles:
            heard = np.abs(np.fft.rfft(samples[max(0, middle - 1_600) : middle + 1_600], SAMPLE_RATE))
            found.append(np.eye(4, dtype=np.float32)[np.argmax(heard[list(self.TONES)])])
        return np.array(found)


def spoken(*said: tuple[int, float], pause_s: float = 0.0) -> Samples:
    """Tones in a row: number of the voice, seconds."""
    quiet = np.zeros(round(pause_s * SAMPLE_RATE), np.float32)
    pieces = []
    for voice, seconds in said:
        time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
        pieces += [np.sin(2 * np.pi * Pitch.TONES[voice] * time).astype(np.float32), quiet]
    return np.concatenate(pieces)


@settings(max_examples=30)
@given(
    said=st.lists(st.tuples(st.integers(0, 3), st.sampled_from([2.0, 3.5])), min_size=1, max_size=6),
    pause_s=st.sampled_from([0.0, 1.0]),
)
def test_stretches_are_who_spoke_when(said: list[tuple[int, float]], pause_s: float) -> None:
    got = diarize(spoken(*said, pause_s=pause_s), Pitch(), Loudness(), speakers=len({voice for voice, _ in said}))
    begins = np.cumsum([0.0, *(seconds + pause_s for _, seconds in said)])
    true = [Stretch(begin, begin + seconds, str(voice)) for begin, (voice, seconds) in zip(begins, said, strict=False)]
    assert diarization_errors(true, got, collar_s=0.4).rate == pytest.approx(0.0, abs=1e-6)
    assert got == sorted(got)
    assert all(one.end <= other.start + 1e-9 for one, other in itertools.pairwise(got))
    assert got[0].speaker == "speaker-1"


def test_estimates_how_many_they_are() -> None:
    got = diarize(spoken((0, 4.0), (2, 4.0), (0, 4.0), (3, 4.0)), Pitch(), Loudness())
    assert [one.speaker for one in got] == ["speaker-1", "speaker-2", "speaker-1", "speaker-3"]


def test_one_speaker_has_all() -> None:
    got = diarize(spoken((0, 4.0), (2, 4.0), pause_s=1.0), Pitch(), Loudness(), speakers=1)
    assert {one.speaker for one in got} == {"speaker-1"}
    assert len(got) == 2


def test_nobody_speaks_in_silence() -> None:
    assert diarize(np.zeros(SAMPLE_RATE, np.float32), Pitch(), Loudness()) == []
    assert diarize(np.zeros(0, np.float32), Pitch(), Loudness()) == []


@pytest.mark.parametrize("speakers", [0, -1, 11])
def test_refuses_an_impossible_number(speakers: int) -> None:
    with pytest.raises(InputError, match=f"{speakers} speakers"):
        diarize(spoken((0, 2.0)), Pitch(), Loudness(), speakers=speakers)


@pytest.fixture(scope="module")
def encoder(weights: Path) -> SpeakerEncoder:
    pytest.importorskip("torch", reason="the voice extra is not installed")
    return SpeakerEncoder(weights / "voice-encoder" / "pretrained.pt")


def test_the_encoder_gives_unit_vectors_whatever_is_asked(encoder: SpeakerEncoder) -> None:
    noise = (0.01 * np.random.default_rng(0).standard_normal(3 * SAMPLE_RATE)).astype(np.float32)
    vectors = encoder.embed(noise, np.array([0.0, 1.0, 2.9]))
    assert vectors.shape == (3, 256)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert encoder.embed(noise, np.zeros(0)).shape == (0, 256)
    assert np.allclose(encoder.embed(noise, np.array([1.0])), vectors[1:2], atol=1e-5)


def test_the_encoder_knows_a_voice_again(encoder: SpeakerEncoder) -> None:
    """Two sentences of each of three readers: the nearest other sentence is the same reader's."""
    pytest.importorskip("av", reason="the voice extra is not installed")
    from lintel.voice.audio.files import read

    folder, vectors = published("librispeech_test_other/audio"), []
    for reader in ("1688-142285", "2033-164914", "3331-159605"):
        for number in ("0005", "0007"):
            (channel,) = read(folder / f"{reader}-{number}.flac", longest_seconds=40).channels
            mean = encoder.embed(channel, np.arange(0.3, len(channel) / SAMPLE_RATE - 1.6, 0.8)).mean(axis=0)
            vectors.append(mean / np.linalg.norm(mean))
    similar = np.stack(vectors) @ np.stack(vectors).T - 2 * np.eye(6)
    assert np.argmax(similar, axis=1).tolist() == [1, 0, 3, 2, 5, 4]


def test_the_encoder_names_weights_that_are_none(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    (tmp_path / "text.pt").write_text("no weights")
    with pytest.raises(IncompatibleError, match="no speaker encoder"):
        SpeakerEncoder(tmp_path / "text.pt")
    with pytest.raises(NotFoundError, match=r"absent\.pt"):
        SpeakerEncoder(tmp_path / "absent.pt")
