"""What every detector keeps to, and what each can do."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lintel.errors import IncompatibleError, NotFoundError
from lintel.voice.activity.detector import FRAME, Detector
from lintel.voice.activity.endpointing import speech
from lintel.voice.activity.energy import EnergyDetector
from lintel.voice.activity.silero import SileroDetector
from lintel.voice.audio.samples import SAMPLE_RATE, Samples
from tests.voice.published import published


def silero() -> Detector:
    pytest.importorskip("onnxruntime", reason="the voice extra is not installed")
    try:
        return SileroDetector()
    except NotFoundError as error:
        pytest.skip(error.message)


MAKERS = pytest.mark.parametrize("make", [EnergyDetector, silero], ids=["energy", "silero"])
Make = Callable[[], Detector]


def noisy(seconds: float, seed: int, level: float = 0.01) -> Samples:
    count = round(seconds * SAMPLE_RATE)
    return (level * np.random.default_rng(seed).standard_normal(count)).astype(np.float32)


@MAKERS
def test_gives_one_probability_a_frame(make: Make) -> None:
    got = make().probabilities(noisy(1.0, 0))
    assert got.shape == (SAMPLE_RATE // FRAME,)
    assert got.dtype == np.float32
    assert ((got >= 0) & (got <= 1)).all()


@MAKERS
@settings(max_examples=20)
@given(cuts=st.lists(st.integers(0, 16_000), max_size=8), seed=st.integers(0, 9))
def test_the_pieces_do_not_matter(make: Make, cuts: list[int], seed: int) -> None:
    samples = noisy(1.0, seed) * (1 + 20 * (np.arange(16_000) > 9_000)).astype(np.float32)
    whole, cut = make(), make()
    pieces = [cut.probabilities(piece) for piece in np.split(samples, sorted(cuts))]
    assert np.allclose(np.concatenate(pieces), whole.probabilities(samples), atol=1e-6)


@MAKERS
def test_a_reset_forgets(make: Make) -> None:
    used, fresh = make(), make()
    used.probabilities(noisy(0.7, 1, level=0.3))
    used.reset()
    assert np.array_equal(used.probabilities(noisy(1.0, 2)), fresh.probabilities(noisy(1.0, 2)))


@MAKERS
def test_channels_do_not_share_their_past(make: Make) -> None:
    one, other, alone = make(), make(), make()
    one.probabilities(noisy(1.0, 3, level=0.5))
    assert np.array_equal(other.probabilities(noisy(1.0, 4)), alone.probabilities(noisy(1.0, 4)))


@MAKERS
@pytest.mark.parametrize("samples", [np.zeros(32_000, np.float32), noisy(2.0, 5, level=0.02)], ids=["silence", "hiss"])
def test_hears_no_speech_where_there_is_none(make: Make, samples: Samples) -> None:
    assert speech(samples, make()) == []


@MAKERS
def test_hears_nothing_in_nothing(make: Make) -> None:
    assert make().probabilities(np.zeros(0, np.float32)).shape == (0,)


@MAKERS
def test_hears_a_read_sentence_between_silences(make: Make) -> None:
    pytest.importorskip("av", reason="the voice extra is not installed")
    from lintel.voice.audio.files import read

    (clip,) = read(published("misc_speech/audio/leopard_test.flac"), longest_seconds=9).channels
    quiet = np.zeros(SAMPLE_RATE, np.float32)
    found = speech(np.concatenate((quiet, clip, quiet)), make())
    heard = sum(end - start for start, end in found)
    assert 0.75 < heard / 5.855 < 1.1
    assert found[0][0] == pytest.approx(1.0, abs=0.6)
    assert found[-1][1] == pytest.approx(6.855, abs=0.7)


def test_energy_follows_a_room_that_grows_loud() -> None:
    fan = np.concatenate((noisy(2.0, 6, level=0.003), noisy(30.0, 7, level=0.03)))
    found = speech(fan, EnergyDetector())
    assert all(end < 12 for _, end in found)


def test_energy_is_the_naive_quantile_of_the_last_half_minute() -> None:
    count = 40 * SAMPLE_RATE
    samples = noisy(40.0, 8) * (1 + np.arange(count) / count + 30 * (np.arange(count) % 9_000 > 6_000))
    frames = samples[: count // FRAME * FRAME].astype(np.float32).reshape(-1, FRAME)
    levels = [naive_level(frame) for frame in frames]
    smooth = [np.mean(levels[max(0, at - 6) : at + 1]) for at in range(len(levels))]
    recent = [smooth[max(0, at - 937) : at + 1] for at in range(len(levels))]
    floors = [np.quantile(window, 0.2, method="lower") for window in recent]
    expected = [1 / (1 + np.exp(-(level - floor - 12) / 3)) for level, floor in zip(smooth, floors, strict=True)]
    assert np.allclose(EnergyDetector().probabilities(samples.astype(np.float32)), expected, atol=1e-4)


def naive_level(frame: NDArray[np.float32]) -> float:
    """Power of 150-3,800 Hz in dB by the sum of the transform's squares, as in the textbook."""
    spectrum = np.fft.fft(frame * np.hanning(FRAME))
    power = sum(abs(spectrum[line]) ** 2 for line in range(5, 122)) * 2 / FRAME**2
    return max(-70.0, 10 * np.log10(power + 1e-12))


def test_silero_is_its_makers_network_frame_by_frame() -> None:
    """The step model of Silero's own package, driven one frame at a time, against its sequence model."""
    onnxruntime = pytest.importorskip("onnxruntime", reason="the voice extra is not installed")
    folder = package_folder("silero_vad") / "data"
    step = onnxruntime.InferenceSession(str(folder / "silero_vad_16k_op15.onnx"), providers=["CPUExecutionProvider"])
    samples = noisy(1.0, 9, level=0.1)
    state, context, expected = np.zeros((2, 1, 128), np.float32), np.zeros(64, np.float32), []
    for at in range(0, len(samples) - FRAME + 1, FRAME):
        frame = samples[at : at + FRAME]
        seen = {"input": np.concatenate((context, frame))[None], "state": state, "sr": np.array(SAMPLE_RATE)}
        probability, state = step.run(None, seen)
        expected.append(float(probability[0, 0]))
        context = frame[-64:]
    got = SileroDetector(folder / "silero_vad_16k_sequence.onnx").probabilities(samples)
    assert np.allclose(got, expected, atol=1e-5)
    assert any(abs(one - other) > 1e-4 for one, other in pairwise(expected))


def package_folder(name: str) -> Path:
    from importlib.util import find_spec

    spec = find_spec(name)
    if spec is None or spec.origin is None:
        pytest.skip(f"{name} is not installed")
    return Path(spec.origin).parent


def test_silero_names_a_model_that_is_not_there_or_is_none(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="the voice extra is not installed")
    with pytest.raises(NotFoundError, match=r"absent\.onnx"):
        SileroDetector(tmp_path / "absent.onnx")
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(IncompatibleError, match="no ONNX model"):
        SileroDetector(tmp_path / "text.onnx")
