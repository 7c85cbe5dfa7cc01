"""Recordings whose words are known, and how well an engine hears them."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lintel.errors import InputError, NotFoundError
from lintel.voice.audio.files import read
from lintel.voice.transcript import joined
from lintel.voice.transcription.engine import Engine
from lintel.voice.transcription.offline import transcribe
from lintel.voice.transcription.word_error_rate import Rate, normalised, word_error_rate, word_errors

_COLUMNS = ("id", "speaker", "file", "text")
_LONGEST_S = 600.0


@dataclass(frozen=True, slots=True)
class Reference:
    """One recording of one speaker, and the words in it."""

    id: str
    speaker: str
    audio: Path
    text: str


def references(folder: Path) -> list[Reference]:
    """Those that `refs.tsv` lists, one a line under its heading.

    Raises NotFoundError without that file, InputError for a file with other columns or nothing in it.
    """
    listing = folder / "refs.tsv"
    try:
        with listing.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines, delimiter="\t"))
    except OSError as error:
        raise NotFoundError(f"The reference recordings {listing} cannot be read ({error.strerror}).") from None
    missing = [name for name in _COLUMNS if not rows or rows[0].get(name) is None]
    if missing:
        raise InputError(f"{listing} has no recordings, or lacks the columns {', '.join(missing)}.")
    return [Reference(row["id"], row["speaker"], folder / row["file"], row["text"]) for row in rows]


def measured(engine: Engine, known: Sequence[Reference], rng: np.random.Generator, *, language: str = "en") -> Rate:
    """The word error rate of the whole way from a file to words, with its interval by speaker."""
    errors, words = [], []
    for one in known:
        segments = transcribe(read(one.audio, longest_seconds=_LONGEST_S), engine, language=language)
        said, told = normalised(one.text), normalised(" ".join(joined(segment.words) for segment in segments))
        errors.append(word_errors(said, told))
        words.append(len(said))
    return word_error_rate(errors, words, [one.speaker for one in known], rng)
