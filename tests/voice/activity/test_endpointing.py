import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from lintel.errors import InputError
from lintel.voice.activity.detector import FRAME
from lintel.voice.activity.endpointing import (
    FRAME_S,
    Endpointer,
    EndpointSettings,
    SpeechEnded,
    SpeechStarted,
    detector,
    speech,
)
from lintel.voice.audio.samples import SAMPLE_RATE, Samples

probabilities_strategy = st.lists(st.sampled_from([0.0, 0.2, 0.3, 0.4, 0.6, 1.0]), max_size=80).map(np.array)
settings_strategy = st.builds(
    EndpointSettings,
    onset=st.sampled_from([0.5, 0.6]),
    offset=st.sampled_from([0.25, 0.35, 0.5]),
    shortest_speech_s=st.sampled_from([0.01, 0.032, 0.064, 0.1]),
    hangover_s=st.sampled_from([0.032, 0.05, 0.096, 0.3]),
)


def naive_stretches(probabilities: NDArray[np.float64], settings: EndpointSettings) -> list[tuple[int, int]]:
    """First frame and the frame after the last of each stretch, looking at all frames at once."""
    voiced: list[bool] = []
    for probability in probabilities:
        needed = settings.offset if voiced and voiced[-1] else settings.onset
        voiced.append(bool(probability >= needed))
    enough = int(np.ceil(round(settings.shortest_speech_s / FRAME_S, 6)))
    quiet = int(np.ceil(round(settings.hangover_s / FRAME_S, 6)))
    stretches, at = [], 0
    while at < len(voiced):
        if not all(voiced[at : at + enough]) or at + enough > len(voiced):
            at += 1
            continue
        end = at + enough
        while end < len(voiced) and not (end + quiet <= len(voiced) and not any(voiced[end : end + quiet])):
            end += 1
        last = max(frame for frame in range(at, end) if voiced[frame]) + 1
        stretches.append((at, last))
        at = end + quiet
    return stretches


def frames_of(events: list[SpeechStarted | SpeechEnded]) -> list[tuple[int, int]]:
    frames = [round(event.at / FRAME_S) for event in events]
    return list(zip(frames[::2], frames[1::2], strict=True))


@given(probabilities=probabilities_strategy, settings=settings_strategy)
def test_tells_what_a_look_at_all_frames_shows(probabilities: NDArray[np.float64], settings: EndpointSettings) -> None:
    endpointer = Endpointer(settings)
    events = [*endpointer.feed(probabilities), *endpointer.flush()]
    assert [type(event) for event in events] == [SpeechStarted, SpeechEnded] * (len(events) // 2)
    assert frames_of(events) == naive_stretches(probabilities, settings)


@given(probabilities=probabilities_strategy, settings=settings_strategy, cuts=st.lists(st.integers(0, 80), max_size=6))
def test_the_pieces_do_not_matter(
    probabilities: NDArray[np.float64], settings: EndpointSettings, cuts: list[int]
) -> None:
    whole, cut = Endpointer(settings), Endpointer(settings)
    pieces = [event for piece in np.split(probabilities, sorted(cuts)) for event in cut.feed(piece)]
    assert pieces == whole.feed(probabilities)
    assert cut.speaking == whole.speaking
    assert cut.flush() == whole.flush()


@given(probabilities=probabilities_strategy, settings=settings_strategy)
def test_an_end_is_told_when_the_hangover_is_over(
    probabilities: NDArray[np.float64], settings: EndpointSettings
) -> None:
    endpointer = Endpointer(settings)
    for number, probability in enumerate(probabilities):
        for event in endpointer.feed(np.array([probability])):
            wait = settings.hangover_s if isinstance(event, SpeechEnded) else settings.shortest_speech_s
            late = (number + 1) * FRAME_S - event.at
            assert wait - 1e-9 <= late < wait + FRAME_S


def test_a_short_yes_is_speech_and_a_click_is_none() -> None:
    yes, click = np.array([0.0, 0.9, 0.9, 0.9] + [0.0] * 30), np.array([0.0, 0.9] + [0.0] * 30)
    assert Endpointer().feed(yes) == [SpeechStarted(FRAME_S), SpeechEnded(4 * FRAME_S)]
    assert Endpointer().feed(click) == []


@pytest.mark.parametrize(
    "wrong", [{"onset": 0.1}, {"onset": 1.5}, {"offset": 0.0}, {"hangover_s": 0.0}, {"shortest_speech_s": -1.0}]
)
def test_refuses_settings_without_meaning(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError):
        EndpointSettings(**wrong)


class Loudness:
    """A detector that knows: any sound is speech."""

    def __init__(self) -> None:
        self.resets = 0

    def probabilities(self, samples: Samples) -> NDArray[np.float32]:
        frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
        return np.abs(frames).max(axis=1, initial=0).astype(np.float32)

    def reset(self) -> None:
        self.resets += 1


def bursts(*stretches: tuple[float, float], seconds: float) -> Samples:
    samples = np.zeros(round(seconds * SAMPLE_RATE), np.float32)
    for start, end in stretches:
        samples[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)] = 1.0
    return samples


def test_finds_the_stretches_of_a_channel() -> None:
    knowing = Loudness()
    found = speech(bursts((0.64, 1.28), (3.2, 3.84), seconds=4.8), knowing, padding_s=0.0)
    assert np.allclose(found, [(0.64, 1.28), (3.2, 3.84)])
    assert knowing.resets == 1
    assert speech(np.zeros(0, np.float32), knowing) == []
    assert speech(bursts(seconds=2), knowing) == []


def test_padding_ends_at_the_channel_and_halfway_to_a_neighbour() -> None:
    found = speech(bursts((0.064, 0.64), (1.6, 3.2), seconds=3.25), Loudness(), padding_s=0.5)
    assert np.allclose(found, [(0.0, 1.12), (1.12, 3.25)])


def test_speech_to_the_very_end_ends_there() -> None:
    assert np.allclose(speech(bursts((0.64, 2.0), seconds=2), Loudness(), padding_s=0.1), [(0.54, 2.0)])


def test_there_is_always_a_detector() -> None:
    assert len(detector().probabilities(np.zeros(FRAME * 3, np.float32))) == 3
