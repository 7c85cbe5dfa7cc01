"""Who spoke when, in one channel: diarization error rates. `--json` ends in one JSON object.

meetings    `ami_excerpts_diarization`: 14 x 30 s from far microphones, up to four people, much overlap. The settings
            were chosen on the ten excerpts of the corpus' training part; the four others were kept apart.
telephone   The talk of `misc_speech`: 30 s of two women. It was looked at when the way of clustering was chosen.
readers     Twelve simulated talks: two LibriSpeech readers each, who take turns sentence by sentence (seeded).

Against each reference: the number of speakers estimated, the number given, and the baseline: the same speech, all of it
one speaker's. Strict: no collar, overlapping speech counts for each. Lenient: 0.25 s around each boundary and
overlapping speech are left out. Overlap: what anybody misses who names one speaker at a time, were all else right.

Published, for comparison and on other recordings: pyannote.audio 2.x, 29.0 % strict on AMI's whole test set from a far
microphone (Array1-01; 21.6 of it missed), 18.2 % from mixed headsets (its model card).
windows     How well windows of 1.6 s tell LibriSpeech's ten readers apart: the rate at which as many pairs of the same
            reader are refused as of others are accepted, and at which cosine.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from sklearn.metrics import roc_curve

from benchmarks.speech_data import librispeech, mirror
from benchmarks.voice_lab.conversations import Conversation, meetings, readers, telephone
from lintel.voice.activity.endpointing import detector
from lintel.voice.audio.samples import seconds
from lintel.voice.speakers.diarization import diarize
from lintel.voice.speakers.encoder import WINDOW_S, SpeakerEncoder
from lintel.voice.speakers.error_rate import Errors, diarization_errors
from lintel.voice.speakers.stretch import Stretch

SEED = 20_261_123
TALKS = 12
COLLAR_S = 0.25
PUBLISHED = {"pyannote.audio 2.x, AMI Array1-01, whole test set": 0.290, "the same, mixed headsets": 0.1821}
NOTHING = Errors(0, 0, 0, 0)

System = Callable[[Conversation], list[Stretch]]


def systems(encoder: SpeakerEncoder) -> dict[str, System]:
    heard = detector()
    return {
        "estimated": lambda talk: diarize(talk.samples, encoder, heard),
        "given": lambda talk: diarize(talk.samples, encoder, heard, speakers=talk.speakers),
        "one speaker": lambda talk: diarize(talk.samples, encoder, heard, speakers=1),
        "overlap": one_at_a_time,
    }


def one_at_a_time(talk: Conversation) -> list[Stretch]:
    """The reference itself, with no more than one speaker at a time."""
    free, kept = 0.0, []
    for one in sorted(talk.reference):
        if one.end > free:
            kept.append(Stretch(max(one.start, free), one.end, one.speaker))
            free = one.end
    return kept


def row(talks: list[Conversation], system: System) -> dict[str, float]:
    begin, strict, lenient, right = time.process_time(), NOTHING, NOTHING, 0
    for talk in talks:
        found = system(talk)
        strict += diarization_errors(talk.reference, found)
        lenient += diarization_errors(talk.reference, found, collar_s=COLLAR_S, overlap=False)
        right += len({one.speaker for one in found}) == talk.speakers
    taken = time.process_time() - begin
    return {
        "strict": round(strict.rate, 4),
        "missed": round(strict.missed / strict.speech, 4),
        "false_alarm": round(strict.false_alarm / strict.speech, 4),
        "confused": round(strict.confused / strict.speech, 4),
        "lenient": round(lenient.rate, 4),
        "right_count": round(right / len(talks), 4),
        "processor_share": round(taken / sum(seconds(talk.samples) for talk in talks), 4),
    }


def windows(folder: Path, encoder: SpeakerEncoder) -> dict[str, float]:
    vectors, names = [], []
    for sentence in librispeech(folder):
        starts = np.arange(0, max(seconds(sentence.samples) - WINDOW_S, 0.01), WINDOW_S)
        vectors.append(encoder.embed(sentence.samples, starts))
        names += [sentence.speaker] * len(starts)
    together, speakers = np.concatenate(vectors), np.array(names)
    pairs = np.triu_indices(len(together), 1)
    same, cosine = (speakers[:, None] == speakers)[pairs], (together @ together.T)[pairs]
    accepted, found, cosines = roc_curve(same, cosine)
    equal = int(np.argmin(np.abs(accepted - (1 - found))))
    return {"equal_error_rate": round(float(accepted[equal]), 4), "at_cosine": round(float(cosines[equal]), 3)}


def measured(folder: Path) -> dict[str, Any]:
    encoder = SpeakerEncoder()
    sets = {
        "meetings, chosen on": meetings(folder / "ami_excerpts_diarization", ("train",)),
        "meetings, kept apart": meetings(folder / "ami_excerpts_diarization", ("development", "test")),
        "telephone": telephone(folder / "misc_speech"),
        "readers": readers(folder, TALKS, np.random.default_rng(SEED)),
    }
    tried = systems(encoder)
    errors = {name: {label: row(talks, system) for label, system in tried.items()} for name, talks in sets.items()}
    return {
        "seed": SEED,
        "minutes": {name: round(sum(seconds(talk.samples) for talk in talks) / 60, 1) for name, talks in sets.items()},
        "errors": errors,
        "windows": windows(folder, encoder),
        "published": PUBLISHED,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    arguments = parser.parse_args()
    result = measured(mirror())
    console = Console(stderr=arguments.json)
    names = list(result["errors"]["telephone"]["given"])
    table = Table("talks", "speakers", *(name.replace("_", " ") for name in names))
    for talks, rows in result["errors"].items():
        for label, figures in rows.items():
            table.add_row(talks, label, *(f"{figures[name]:g}" for name in names))
    console.print(table)
    console.print(f"windows of 1.6 s: {result['windows']}\npublished, strict: {PUBLISHED}")
    if arguments.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
