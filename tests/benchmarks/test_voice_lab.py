"""The truth that voice benchmarks measure against, on clips made here."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("soxr", reason="the voice extra is not installed")

from benchmarks.voice_activity import Told, endpoint_row, start_row
from benchmarks.voice_lab.composition import LEVEL_DB, SPREAD_DB, Clip, Track, Utterance, composed, mixed, noise
from benchmarks.voice_lab.conversations import rttm
from lintel.voice.activity.detector import FRAME
from lintel.voice.activity.endpointing import FRAME_S
from lintel.voice.audio.samples import SAMPLE_RATE
from lintel.voice.speakers.stretch import Stretch


def clip(seed: int) -> Clip:
    """Forty frames: ten quiet, twenty of sound at LEVEL_DB, ten quiet."""
    voiced = np.repeat([False, True, False], [10, 20, 10])
    sound = np.random.default_rng(seed).standard_normal(40 * FRAME) * 10 ** (LEVEL_DB / 20)
    return Clip("reader", (sound * np.repeat(voiced, FRAME)).astype(np.float32), voiced, ("one", "two", "three"))


def test_a_track_knows_where_its_speech_is() -> None:
    track = composed([clip(0), clip(1)], 2.0, np.random.default_rng(3))
    assert len(track.samples) == len(track.voiced) * FRAME >= 120 * SAMPLE_RATE
    loud = np.abs(track.samples.reshape(-1, FRAME)).max(axis=1) > 0
    assert np.array_equal(loud, track.voiced)
    for utterance in track.utterances:
        first, last = round(utterance.start / FRAME_S), round(utterance.end / FRAME_S)
        assert track.voiced[first:last].all()
        assert not track.voiced[first - 1]
        assert ((utterance.words > utterance.start) & (utterance.words < utterance.end)).all()


def test_the_same_seed_gives_the_same_track() -> None:
    tracks = [composed([clip(0), clip(1)], 0.5, np.random.default_rng(7)) for _ in range(2)]
    assert np.array_equal(tracks[0].samples, tracks[1].samples)


def test_noise_is_as_far_below_speech_as_was_asked() -> None:
    random = np.random.default_rng(0)
    track = composed([clip(number) for number in range(9)], 10.0, random)
    beside = noise([random.standard_normal(5_000).astype(np.float32), np.ones(700, np.float32)], 40_000, random)
    assert len(beside) == 40_000
    assert np.mean(beside**2) == pytest.approx(1.0, rel=0.1)
    beside = np.resize(beside, len(track.samples))
    added = mixed(track, beside, 10) - track.samples
    speech_db = 10 * np.log10(np.mean(track.samples.reshape(-1, FRAME)[track.voiced] ** 2))
    assert speech_db - 10 * np.log10(np.mean(added**2)) == pytest.approx(10, abs=SPREAD_DB / 2)


def told(*rows: tuple[float, float, float]) -> Told:
    return Told(*(np.array(column) for column in zip(*rows, strict=True)))


def track_of(*utterances: Utterance) -> Track:
    return Track(np.zeros(30 * SAMPLE_RATE, np.float32), np.zeros(937, bool), utterances)


TWO = (Utterance(2.0, 6.0, np.array([2.5, 3.5, 4.5, 5.5])), Utterance(12.0, 14.0, np.array([12.5, 13.5])))


def test_counts_what_is_cut_off_lost_and_late() -> None:
    found = told((2.0, 3.0, 3.8), (4.2, 5.9, 6.7), (12.0, 14.0, 14.8))
    row = endpoint_row(track_of(*TWO), found)
    assert row == {
        "cut_utterances": 0.5,
        "words_after_cut": round(2 / 6, 4),
        "lost_words": round(1 / 6, 4),
        "median_delay_s": 0.75,
        "p90_delay_s": 0.79,
    }


def test_a_start_in_a_pause_is_false() -> None:
    found = told((2.0, 6.0, 6.8), (8.0, 8.5, 9.3), (11.9, 14.0, 14.8), (20.0, 21.0, 21.8))
    assert start_row(track_of(*TWO), found) == {"lost_words": 0.0, "false_starts_an_hour": 2 / 24 * 3_600}


def test_reads_time_marks(tmp_path: Path) -> None:
    (tmp_path / "ref.rttm").write_text("SPEAKER call 1 1.500 0.500 <NA> <NA> Ann <NA> <NA>\n")
    assert rttm(tmp_path / "ref.rttm") == {"call": (Stretch(1.5, 2.0, "Ann"),)}
