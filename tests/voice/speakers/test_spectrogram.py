import numpy as np
import pytest

from lintel.voice.audio.samples import SAMPLE_RATE, Samples
from lintel.voice.speakers.spectrogram import BANDS, STEP, mel_spectrogram


def slaney_mel(hertz: float) -> float:
    return 3 * hertz / 200 if hertz < 1_000 else 15 + 27 * np.log(hertz / 1_000) / np.log(6.4)


def slaney_hertz(mel: float) -> float:
    return 200 * mel / 3 if mel < 15 else 1_000 * 6.4 ** ((mel - 15) / 27)


def naive_frame(samples: Samples, middle: int) -> list[float]:
    """One frame by the definitions: a sum over the window for each frequency, a sum over frequencies for each band."""
    window = [0.5 - 0.5 * np.cos(2 * np.pi * n / 400) for n in range(400)]
    heard = [samples[at] if 0 <= (at := middle - 200 + n) < len(samples) else 0.0 for n in range(400)]
    power = [
        abs(sum(w * x * np.exp(-2j * np.pi * k * n / 400) for n, (w, x) in enumerate(zip(window, heard, strict=True))))
        ** 2
        for k in range(201)
    ]
    edges = [slaney_hertz(slaney_mel(8_000) * edge / (BANDS + 1)) for edge in range(BANDS + 2)]
    return [sum(weight(40.0 * k, *edges[band : band + 3]) * power[k] for k in range(201)) for band in range(BANDS)]


def weight(hertz: float, low: float, middle: float, high: float) -> float:
    if not low < hertz < high:
        return 0.0
    side = (hertz - low) / (middle - low) if hertz <= middle else (high - hertz) / (high - middle)
    return side * 2 / (high - low)


def test_frames_are_what_the_definition_says() -> None:
    samples = (0.1 * np.random.default_rng(0).standard_normal(1_600)).astype(np.float32)
    got = mel_spectrogram(samples)
    assert got.shape == (11, BANDS)
    for frame in (0, 4, 10):
        assert got[frame] == pytest.approx(naive_frame(samples, frame * STEP), rel=1e-4)


def test_a_tone_is_loudest_in_its_band() -> None:
    tone = np.sin(2 * np.pi * 1_000 * np.arange(SAMPLE_RATE) / SAMPLE_RATE).astype(np.float32)
    middles = [slaney_hertz(slaney_mel(8_000) * (band + 1) / (BANDS + 1)) for band in range(BANDS)]
    assert np.argmax(mel_spectrogram(tone)[50]) == np.argmin(np.abs(np.array(middles) - 1_000))
