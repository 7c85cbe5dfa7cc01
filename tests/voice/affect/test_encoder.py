"""Clips as vectors: by a model that echoes its window, and by the real one."""

from pathlib import Path

import numpy as np
import pytest

from lintel.errors import InputError, NotFoundError
from lintel.settings import Settings
from lintel.voice.affect.encoder import WIDTH, SpeechEncoder
from tests.voice.weights import weights_at_hand

SECOND = 16_000
STATES = WIDTH // 2


class Echo:
    """States are the window's own samples, a state a second of it, the same in each column."""

    def __init__(self) -> None:
        self.windows: list[int] = []

    def feature_extractor(self, samples: np.ndarray, padding: int) -> np.ndarray:
        assert padding == 0
        self.windows.append(len(samples))
        return samples[::SECOND, None] * np.ones(STATES)

    def encode(self, features: np.ndarray) -> np.ndarray:
        return features


def test_a_clip_is_the_mean_and_deviation_of_its_six_seconds() -> None:
    model = Echo()
    (vector,) = SpeechEncoder(model).vectors([np.full(3 * SECOND, 0.5, np.float32)])
    assert model.windows == [6 * SECOND], "padded to more or less than six seconds"
    assert vector == pytest.approx(np.repeat([0.25, 0.25], STATES))


def test_windows_of_a_long_clip_count_by_what_they_hold() -> None:
    clip = np.concatenate([np.full(6 * SECOND, 0.5, np.float32), np.full(SECOND // 100, 0.9, np.float32)])
    (vector,) = SpeechEncoder(Echo()).vectors([clip])
    assert vector[0] == pytest.approx(0.5, abs=0.002), "a hundredth of a second outweighed the rest"


def test_a_clip_without_sound_is_refused() -> None:
    encoder = SpeechEncoder(Echo())
    with pytest.raises(InputError, match="no sound"):
        encoder.vectors([np.zeros(0, np.float32)])
    assert encoder.vectors([]).shape == (0, WIDTH)


def test_without_weights_it_says_how_to_install_them(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="models pull base"):
        SpeechEncoder.load(Settings(home=tmp_path, weights_path=tmp_path))


def test_the_real_encoder_hears_a_difference_and_the_same_twice(tmp_path: Path) -> None:
    encoder = SpeechEncoder.load(Settings(home=tmp_path, weights_path=weights_at_hand()))
    time = np.arange(SECOND) / SECOND
    low, high = (np.sin(2 * np.pi * pitch * time).astype(np.float32) * 0.3 for pitch in (120, 900))
    first, again, other = encoder.vectors([low, low, high])
    assert first.shape == (WIDTH,)
    assert np.array_equal(first, again)
    assert np.linalg.norm(first - other) > 0.05 * np.linalg.norm(first)
