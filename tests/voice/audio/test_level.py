import numpy as np
import pytest

from lintel.voice.audio.level import raised


def test_raises_what_is_quiet_and_leaves_what_is_loud() -> None:
    quiet = np.full(100, 0.001, np.float32)
    assert raised(quiet, -20.0) == pytest.approx(np.full(100, 0.1), rel=1e-5)
    loud = np.full(100, 0.5, np.float32)
    assert raised(loud, -20.0) is loud


def test_silence_stays_silence() -> None:
    assert not raised(np.zeros(10, np.float32), -20.0).any()
    assert raised(np.zeros(0, np.float32), -20.0).shape == (0,)


def test_a_click_in_silence_is_cut_at_full_scale() -> None:
    click = np.zeros(10_000, np.float32)
    click[5] = 0.5
    assert raised(click, -10.0).max() == 1.0
