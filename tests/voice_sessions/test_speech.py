"""Real speech through a session with the real model, on a clock that the test moves."""

import csv
from functools import cache

import numpy as np

from benchmarks.streaming_lab.playing import Simulation, followed_by_silence
from lintel.voice.audio.files import read
from lintel.voice.audio.samples import SAMPLE_RATE, Samples
from lintel.voice.streaming.agreement import spoken
from lintel.voice.transcription.faster_whisper import FasterWhisper
from lintel.voice.transcription.word_error_rate import word_errors
from tests.voice.published import published
from tests.voice.weights import weights_at_hand

CLIP = "3005-163389-0000"


@cache
def engine() -> FasterWhisper:
    return FasterWhisper(weights_at_hand() / "tiny.en", name="tiny.en", threads=1)


def committed(samples: Samples) -> str:
    played = Simulation([engine()], cores=1.0).play([[samples]])[0]
    return " ".join(spoken.word.text for spoken in played.words[0])


def test_a_sentence_is_heard_as_it_is_said() -> None:
    folder = published("librispeech_test_other")
    with (folder / "refs.tsv").open(encoding="utf-8") as rows:
        row = next(row for row in csv.DictReader(rows, delimiter="\t") if row["id"] == CLIP)
    samples = read(folder / row["file"], longest_seconds=60).channels[0]
    said = row["text"].split()
    heard = [spoken(word) for word in committed(followed_by_silence(samples)).split()]
    assert word_errors(said, heard) <= 0.2 * len(said)


def test_nothing_is_heard_in_noise() -> None:
    noise = np.random.default_rng(3).normal(0, 0.05, 30 * SAMPLE_RATE).astype(np.float32)
    assert committed(noise) == ""
