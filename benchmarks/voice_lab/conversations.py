"""Conversations of one channel whose speakers are known: published ones, and some composed of two readers."""

import csv
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.voice_lab.composition import Clip, sentences
from lintel.voice.activity.endpointing import FRAME_S
from lintel.voice.audio.files import read
from lintel.voice.audio.samples import SAMPLE_RATE, Samples
from lintel.voice.speakers.stretch import Stretch

_TURNS = 16
_PAUSES_S = (0.1, 0.8)
_NOISE = 0.002


@dataclass(frozen=True)
class Conversation:
    samples: Samples
    reference: tuple[Stretch, ...]

    @property
    def speakers(self) -> int:
        return len({one.speaker for one in self.reference})


def meetings(folder: Path, parts: tuple[str, ...]) -> list[Conversation]:
    """Excerpts of `ami_excerpts_diarization` in parts of the corpus ("train", "development", "test")."""
    reference = rttm(folder / "ref.rttm")
    with (folder / "files.tsv").open(encoding="utf-8") as rows:
        chosen = [row for row in csv.DictReader(rows, delimiter="\t") if row["part"] in parts]
    return [Conversation(_mono(folder / row["file"]), reference[row["id"]]) for row in chosen]


def telephone(folder: Path) -> list[Conversation]:
    """The two-party talk of `misc_speech`."""
    return [Conversation(_mono(folder / "audio/telephone_2spk.flac"), rttm(folder / "telephone_2spk.rttm")["sample"])]


def readers(folder: Path, count: int, random: np.random.Generator) -> list[Conversation]:
    """Two readers each of a mirror's `librispeech_test_other`, who take turns sentence by sentence, at one loudness."""
    own: dict[str, list[Clip]] = defaultdict(list)
    for clip in sentences(folder):
        own[clip.speaker].append(clip)
    return [_between(*random.choice(sorted(own), 2, replace=False), own, random) for _ in range(count)]


def rttm(path: Path) -> dict[str, tuple[Stretch, ...]]:
    """Stretches by recording, of a file in NIST's Rich Transcription Time Marked format."""
    found: dict[str, list[Stretch]] = defaultdict(list)
    for line in path.read_text(encoding="utf-8").splitlines():
        _, name, _, start, length, _, _, speaker, *_ = line.split()
        found[name].append(Stretch(float(start), float(start) + float(length), speaker))
    return {name: tuple(stretches) for name, stretches in found.items()}


def _between(one: str, other: str, own: dict[str, list[Clip]], random: np.random.Generator) -> Conversation:
    pieces: list[Samples] = []
    reference: list[Stretch] = []
    at = 0
    for turn in range(_TURNS):
        speaker = (one, other)[turn % 2]
        clip = own[speaker][random.integers(len(own[speaker]))]
        pause = round(random.uniform(*_PAUSES_S) * SAMPLE_RATE)
        pieces += [np.zeros(pause, np.float32), clip.samples]
        begin_s, speech = (at + pause) / SAMPLE_RATE, np.flatnonzero(clip.voiced)
        reference.append(Stretch(begin_s + speech[0] * FRAME_S, begin_s + (speech[-1] + 1) * FRAME_S, speaker))
        at += pause + len(clip.samples)
    noise = _NOISE * random.standard_normal(at)
    return Conversation((np.concatenate(pieces) + noise).astype(np.float32), tuple(reference))


def _mono(path: Path) -> Samples:
    return read(path, longest_seconds=600).channels[0]
