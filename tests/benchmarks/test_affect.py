"""What the benchmark of affect compares with what."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.affect import by_speaker, compared, ravdess
from benchmarks.voice_lab.voice_statistics import mel_statistics, pitch_statistics
from lintel.errors import NotFoundError
from lintel.voice.affect.arousal import Direction, Piece

RATE = 16_000


def voice(hertz: float, seconds: float = 1.0) -> np.ndarray:
    """A tone with overtones between silences, and so little noise that nothing is quite still."""
    time = np.arange(round(seconds * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * hertz * over * time) / over for over in (1, 2, 3))
    spoken = np.concatenate([np.zeros(RATE // 2), 0.2 * tone, np.zeros(RATE // 2)])
    return (spoken + 1e-4 * np.random.default_rng(0).normal(size=len(spoken))).astype(np.float32)


@pytest.mark.parametrize("hertz", [100.0, 200.0, 300.0])
def test_pitch_and_pauses_are_in_the_numbers(hertz: float) -> None:
    numbers = pitch_statistics(voice(hertz))
    assert numbers.shape == (18,)
    assert numbers[0] == pytest.approx(12 * np.log2(hertz), abs=0.3)
    spoken, voiced, lasted = numbers[-3:]
    assert (spoken, voiced) == (pytest.approx(0.5, abs=0.05), pytest.approx(0.5, abs=0.05))
    assert lasted == pytest.approx(1.0, abs=0.05)


def test_silence_has_numbers_too() -> None:
    silence = np.zeros(RATE, np.float32)
    assert np.all(np.isfinite(pitch_statistics(silence)))
    assert np.all(np.isfinite(mel_statistics(silence)))


def test_each_speaker_is_brought_to_nought() -> None:
    vectors = np.random.default_rng(0).normal(3, 2, size=(20, 4))
    actors = ["a", "b"] * 10
    told = by_speaker(vectors, actors)
    for first in (0, 1):
        assert told[first::2].mean(axis=0) == pytest.approx(np.zeros(4), abs=1e-9)
        assert told[first::2].std(axis=0) == pytest.approx(np.ones(4))


def test_a_voice_is_compared_with_its_usual_clips_only() -> None:
    def clip(pitch: float, loudness: float) -> list[Piece]:
        return [Piece(0.0, 2.0, 2.0, pitch, loudness, 4.0, 4.0)]

    usual = [clip(pitch, -30.0 + pitch) for pitch in (0.0, 0.5, 1.0)]
    louder, same = compared(usual, [clip(6.0, -15.0), clip(0.5, -29.5)])
    assert (louder.direction, same.direction) == (Direction.RAISED, Direction.AS_BEFORE)


def test_without_the_clips_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="LINTEL_DATA_MIRROR"):
        ravdess(tmp_path)
