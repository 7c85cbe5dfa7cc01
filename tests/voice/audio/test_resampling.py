import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from lintel.errors import InputError

pytest.importorskip("soxr", reason="the voice extra is not installed")

from lintel.voice.audio.resampling import Resampler
from lintel.voice.audio.samples import SAMPLE_RATE

RATES = (4_000, 8_000, 11_025, 16_000, 22_050, 44_100, 48_000)


def noise(count: int, seed: int) -> NDArray[np.float32]:
    return (np.random.default_rng(seed).standard_normal(count) * 0.2).astype(np.float32)


def at_once(samples: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    resampler = Resampler(rate)
    return np.concatenate((resampler.push(samples), resampler.flush()))


def sine(rate: int, hertz: float) -> NDArray[np.float32]:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(2 * rate) / rate)).astype(np.float32)


@given(rate=st.sampled_from(RATES), cuts=st.lists(st.integers(0, 20_000), max_size=12), seed=st.integers(0, 99))
def test_pieces_give_what_the_whole_gives(rate: int, cuts: list[int], seed: int) -> None:
    samples, resampler = noise(20_000, seed), Resampler(rate)
    pieces = [resampler.push(piece) for piece in np.split(samples, sorted(cuts))] + [resampler.flush()]
    assert np.array_equal(np.concatenate(pieces), at_once(samples, rate))


@pytest.mark.parametrize("rate", RATES)
def test_a_tone_stays_where_and_what_it_was(rate: int) -> None:
    resampled = at_once(sine(rate, 440), rate)
    assert len(resampled) == 2 * SAMPLE_RATE
    inner = slice(2_000, -2_000)
    assert np.abs(resampled[inner] - sine(SAMPLE_RATE, 440)[inner]).max() < 1e-5


def test_what_16_khz_cannot_hold_is_gone() -> None:
    inner = slice(2_000, -2_000)
    assert np.abs(at_once(sine(48_000, 9_000), 48_000)[inner]).max() < 1e-4


@pytest.mark.parametrize("rate", RATES)
def test_says_how_much_it_holds_back(rate: int) -> None:
    resampler, given_s, got = Resampler(rate), 0.0, 0
    for piece in np.array_split(noise(rate, 0), 50):
        got += len(resampler.push(piece))
        given_s += len(piece) / rate
        assert given_s - got / SAMPLE_RATE == pytest.approx(resampler.held_s, abs=2 / SAMPLE_RATE)
        assert resampler.held_s < (0.25 if rate < 8_000 else 0.12)


def test_a_flush_begins_a_new_stream() -> None:
    resampler, samples = Resampler(8_000), noise(8_000, 1)
    first = np.concatenate((resampler.push(samples), resampler.flush()))
    assert np.array_equal(first, np.concatenate((resampler.push(samples), resampler.flush())))


@pytest.mark.parametrize("rate", [8_000, 16_000])
def test_integers_are_sixteen_bits_wide(rate: int) -> None:
    integers = (noise(8_000, 2) * 32_768).astype(np.int16)
    resampler = Resampler(rate)
    got = np.concatenate((resampler.push(integers), resampler.flush()))
    assert np.array_equal(got, at_once(integers.astype(np.float32) / 32_768, rate))
    assert got.dtype == np.float32


def test_never_leaves_full_scale() -> None:
    square = np.sign(sine(8_000, 500)).astype(np.float32)
    assert np.abs(at_once(square, 8_000)).max() == 1.0


@pytest.mark.parametrize("rate", [-8_000, 0, 999, 1_000_000])
def test_refuses_a_rate_that_no_recording_has(rate: int) -> None:
    with pytest.raises(InputError, match="1000-384000 Hz"):
        Resampler(rate)
