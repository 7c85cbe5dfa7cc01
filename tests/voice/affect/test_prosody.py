"""Prosody of sounds whose pitch, loudness and rhythm are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lintel.voice.affect.prosody import pitches, prosody
from lintel.voice.audio.files import read
from lintel.voice.audio.samples import SAMPLE_RATE, Samples
from tests.voice.published import published

SECONDS = 1.2


def voice(pitch: np.ndarray, harmonics: int = 8) -> Samples:
    """Harmonics that fall by 6 dB an octave, of a pitch a sample."""
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
    sound = sum(np.sin(number * phase) / number for number in range(1, harmonics + 1))
    return (0.2 * np.asarray(sound)).astype(np.float32)


def steady(hertz: float, seconds: float = SECONDS) -> Samples:
    return voice(np.full(round(seconds * SAMPLE_RATE), hertz))


@settings(max_examples=30, deadline=None)
@given(st.floats(75.0, 380.0), st.integers(2, 12))
def test_the_pitch_of_a_voice_is_found_without_octave_errors(hertz: float, harmonics: int) -> None:
    found = pitches(voice(np.full(round(0.5 * SAMPLE_RATE), hertz), harmonics))[5:-5]
    assert np.all(np.abs(found / hertz - 1) < 0.01)


def test_a_weak_fundamental_is_still_the_pitch() -> None:
    """As over a telephone, which carries nothing below 300 Hz."""
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    sound = sum(np.sin(2 * np.pi * 120 * number * time) / 8 for number in range(3, 12))
    assert prosody(np.asarray(sound, np.float32)).pitch_hz == pytest.approx(120, rel=0.01)


def test_a_glide_is_followed() -> None:
    pitch = np.geomspace(100, 200, 2 * SAMPLE_RATE)
    found = pitches(voice(pitch))
    middle = slice(10, -10)
    assert np.allclose(found[middle], pitch[:: SAMPLE_RATE // 100][middle], rtol=0.02)
    assert prosody(voice(pitch)).liveliness_semitones == pytest.approx(0.8 * 12, abs=0.4)


@settings(max_examples=20, deadline=None)
@given(st.floats(-30.0, 6.0))
def test_gain_moves_the_level_by_as_much_and_nothing_else(gain_db: float) -> None:
    clip = steady(150.0)
    plain, louder = prosody(clip), prosody((clip * 10 ** (gain_db / 20)).astype(np.float32))
    assert plain.level_db is not None
    assert louder.level_db == pytest.approx(plain.level_db + gain_db, abs=0.05)
    assert louder.pitch_hz == pytest.approx(plain.pitch_hz, rel=1e-3)
    assert louder.voiced_s == pytest.approx(plain.voiced_s, abs=0.03)


@pytest.mark.parametrize("seed", range(5))
def test_noise_is_not_voiced(seed: int) -> None:
    noise = np.random.default_rng(seed).normal(size=2 * SAMPLE_RATE).astype(np.float32) * 0.1
    found = prosody(noise)
    assert found.voiced_s < 0.1
    assert (found.pitch_hz, found.level_db, found.syllables_a_second) == (None, None, None)


@pytest.mark.parametrize("samples", [0, 1, 159, 160, 1_000, SAMPLE_RATE])
def test_silence_and_next_to_nothing_are_not_measured(samples: int) -> None:
    found = prosody(np.zeros(samples, np.float32))
    assert (found.voiced_s, found.pitch_hz) == (0.0, None)


@pytest.mark.parametrize("number", [2, 5])
def test_syllables_and_pauses_are_counted(number: int) -> None:
    """Bursts of 200 ms with 100 ms between each, and one pause of half a second."""
    burst = steady(140.0, 0.2) * np.hanning(round(0.2 * SAMPLE_RATE)).astype(np.float32)
    gap, pause = (np.zeros(round(length * SAMPLE_RATE), np.float32) for length in (0.1, 0.5))
    half = np.concatenate([burst, gap] * number)[: -len(gap)]
    found = prosody(np.concatenate([half, pause, half]))
    lasted = 2 * len(half) / SAMPLE_RATE + 0.5
    assert found.syllables_a_second == pytest.approx(2 * number / lasted, rel=0.1)
    assert found.pause_share == pytest.approx(0.5 / lasted, abs=0.06)


def test_who_reads_aloud_has_a_human_voice() -> None:
    """A reading of about three words a second."""
    samples = read(published("misc_speech/audio/stereo_two_channel.flac"), longest_seconds=60).channels[0]
    found = prosody(samples)
    assert found.pitch_hz is not None
    assert found.syllables_a_second is not None
    assert 80 < found.pitch_hz < 300
    assert 1 < found.syllables_a_second < 7
