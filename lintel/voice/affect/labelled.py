"""Clips of speech whose emotion somebody has labelled, as a folder."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lintel.errors import InputError, LintelError, NotFoundError
from lintel.voice.audio.files import read
from lintel.voice.audio.samples import Samples

LISTING = "labels.tsv"
_COLUMNS = ("file", "speaker", "label")
_LONGEST_S = 60.0


@dataclass(frozen=True, slots=True)
class LabelledClip:
    """One clip of one speaker."""

    audio: Path
    speaker: str
    label: str


def labelled_clips(folder: Path) -> list[LabelledClip]:
    """Those that `labels.tsv` lists, one a line under its heading `file`, `speaker`, `label`.

    Raises NotFoundError without that file, InputError for other columns or nothing in it.
    """
    listing = folder / LISTING
    try:
        with listing.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines, delimiter="\t"))
    except OSError as error:
        raise NotFoundError(f"The labels {listing} cannot be read ({error.strerror}).") from None
    missing = [name for name in _COLUMNS if not rows or rows[0].get(name) is None]
    if missing:
        raise InputError(f"{listing} has no clips, or lacks the columns {', '.join(missing)}.")
    return [LabelledClip(folder / row["file"], row["speaker"], row["label"]) for row in rows]


def readable(clips: Sequence[LabelledClip], unreadable: list[str]) -> Iterator[tuple[LabelledClip, Samples]]:
    """Each clip with its first channel; why a clip cannot be read goes to `unreadable`, and the others go on."""
    for clip in clips:
        try:
            samples = read(clip.audio, longest_seconds=_LONGEST_S).channels[0]
        except (LintelError, OSError) as error:
            unreadable.append(f"{clip.audio.name}: {error}")
            continue
        if len(samples):
            yield clip, samples
        else:
            unreadable.append(f"{clip.audio.name}: it holds no sound")
