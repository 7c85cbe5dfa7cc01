"""Recordings with known words that voice benchmarks read from the data mirror, and telephone speech derived of them."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from scipy.signal import butter, sosfilt

from lintel.errors import NotFoundError
from lintel.settings import settings
from lintel.voice.audio.files import read
from lintel.voice.audio.g711 import decode_mu_law, encode_mu_law
from lintel.voice.audio.samples import SAMPLE_RATE, Samples

_TELEPHONE_RATE = 8_000
_FULL_SCALE = 32_768


@dataclass(frozen=True)
class Utterance:
    id: str
    speaker: str
    text: str
    samples: Samples


def mirror() -> Path:
    return settings().data_mirror or Path(__file__).parents[2] / "shared" / "data"


def librispeech(folder: Path | None = None) -> list[Utterance]:
    """LibriSpeech test-other, 100 utterances of 10 speakers (Panayotov et al. 2015, CC BY 4.0).

    Raises NotFoundError where the mirror has them not.
    """
    found = (folder or mirror()) / "librispeech_test_other"
    if not (found / "refs.tsv").is_file():
        raise NotFoundError(f"There is no {found / 'refs.tsv'}.", mend="Set LINTEL_DATA_MIRROR.")
    return list(_utterances(found))


def _utterances(folder: Path) -> Iterator[Utterance]:
    with (folder / "refs.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            recording = read(folder / row["file"], longest_seconds=60)
            yield Utterance(row["id"], row["speaker"], row["text"], recording.channels[0])


def telephone(samples: Samples) -> Samples:
    """As a telephone would carry it: 8 kHz, 300 to 3,400 Hz, G.711 mu-law; at 16 kHz again."""
    narrow = soxr.resample(samples, SAMPLE_RATE, _TELEPHONE_RATE)
    band = sosfilt(butter(4, (300, 3_400), "bandpass", fs=_TELEPHONE_RATE, output="sos"), narrow)
    whole = np.clip(np.round(band * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)
    carried = decode_mu_law(encode_mu_law(whole)).astype(np.float32) / _FULL_SCALE
    wide: Samples = soxr.resample(carried, _TELEPHONE_RATE, SAMPLE_RATE).astype(np.float32)
    return wide[: len(samples)]
