"""How well acted emotions are told from the voice of unheard speakers. `--json` ends in one JSON object.

RAVDESS (Livingstone & Russo 2018; CC BY-NC-SA 4.0: it is measured on, never shipped, nor is what was trained on it):
1,440 clips of two sentences by 24 actors in eight emotions. Each actor is heard in one of EmoBox's six folds, by a
model that was trained on the five others; what is to be chosen is chosen by speakers held out of those five.

encoder     what `lintel.voice.affect` trains: mean and deviation of the states of Whisper's base encoder.
pitch       the baseline: pitch, loudness and pauses of a clip, in 18 numbers, under the same linear model.
mel         the same of 40 mel bands, mean and deviation: what the encoder adds to what is heard.
telephone   the encoder's, both trained and heard through a telephone (8 kHz, 300 to 3,400 Hz, mu-law); `crossed`:
            trained on the studio's sound, heard through the telephone, told from the studio's probability on. Only with
            `--telephone`: it costs as much again.
by speaker  the encoder's, each speaker's clips brought to mean 0 and deviation 1. It looks at all clips of the speaker
            who is tested, as no call allows; it is given because others publish it.

Unweighted accuracy: the mean of the eight recalls, with a 95 % interval by actor. Told: the share of clips whose answer
is not "unknown"; the probability that this takes is chosen on these very answers for 80 % to be right. Published in the
same folds: 54.3 for wav2vec2-base, 65.4 for HuBERT-base, 72.0 for WavLM-large, 75.3 for Whisper-large-v3 (EmoBox, Ma et
al. 2024).
Arousal proxy: how well the probabilities of angry, fearful, happy and surprised together tell clips of these, acted
strongly, from calm, sad and neutral ones (area under the curve). Actors, not customers: a proxy and no more.
`arousal`: the same question put to how a voice changes against itself (`lintel.voice.affect.arousal`, untrained). An
actor's minute to compare with is their calm and neutral clips of the first sentence, again and again; asked are those
of the second. Share heard: where the change was not "unknown". Loudness alone: the area under the curve of the level.
"""

import argparse
import csv
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.metrics import roc_auc_score

from benchmarks.speech_data import mirror, telephone
from benchmarks.voice_lab.voice_statistics import mel_statistics, pitch_statistics
from lintel.errors import NotFoundError
from lintel.settings import settings
from lintel.voice.affect.arousal import BASELINE_S, Arousal, Piece, arousal, pieces
from lintel.voice.affect.emotion_training import accuracy, chosen, fitted, held_out, surely
from lintel.voice.affect.encoder import SpeechEncoder
from lintel.voice.audio.files import read
from lintel.voice.audio.samples import Samples, seconds
from lintel.voice.transcript import LEAD

SEED = 20_261_123
BAR = 0.66
PUBLISHED = {"wav2vec2-base": 0.543, "HuBERT-base": 0.654, "WavLM-large": 0.720, "Whisper-large-v3": 0.753}
HIGH, LOW = ("angry", "fearful", "happy", "surprised"), ("calm", "neutral", "sad")
"""Disgust is neither."""
SECOND = "2"
"""Of the two sentences."""

Vectors = NDArray[np.float64]
Describe = Callable[[Samples], NDArray[np.float64]]


@dataclass(frozen=True)
class Clips:
    """Of RAVDESS; `emotions` index `kinds`."""

    audio: tuple[Path, ...]
    kinds: tuple[str, ...]
    emotions: NDArray[np.int64]
    actors: tuple[str, ...]
    folds: NDArray[np.int64]
    strong: NDArray[np.bool_]
    sentences: NDArray[np.str_]


def ravdess(folder: Path) -> Clips:
    """Raises NotFoundError where the mirror has it not."""
    listing = folder / "labels.tsv"
    if not listing.is_file():
        raise NotFoundError(f"There is no {listing}.", mend="Set LINTEL_DATA_MIRROR.")
    with listing.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    kinds = tuple(sorted({row["emotion"] for row in rows}))
    return Clips(
        audio=tuple(folder / row["file"] for row in rows),
        kinds=kinds,
        emotions=np.array([kinds.index(row["emotion"]) for row in rows]),
        actors=tuple(row["actor"] for row in rows),
        folds=np.array([int(row["emobox_fold"]) for row in rows]),
        strong=np.array([row["intensity"] == "strong" for row in rows]),
        sentences=np.array([row["statement"] for row in rows]),
    )


def described(clips: Clips, describe: Describe, *, name: str, kept: Path, wired: bool = False) -> tuple[Vectors, float]:
    """A vector a clip, and seconds of processor a clip, kept in a file for the next run."""
    file = kept / f"{name}.npz"
    if file.is_file():
        with np.load(file) as found:
            return found["vectors"], float(found["cost"])
    vectors, taken = [], 0.0
    for path in clips.audio:
        samples = read(path, longest_seconds=60).channels[0]
        heard = telephone(samples) if wired else samples
        begin = time.process_time()
        vectors.append(describe(heard))
        taken += time.process_time() - begin
    kept.mkdir(parents=True, exist_ok=True)
    np.savez(file, vectors=np.array(vectors), cost=taken / len(vectors))
    return np.array(vectors), taken / len(vectors)


def by_speaker(vectors: Vectors, actors: Sequence[str]) -> Vectors:
    names, result = np.array(actors), np.empty_like(vectors)
    for name in np.unique(names):
        own = vectors[names == name]
        result[names == name] = (own - own.mean(axis=0)) / np.maximum(own.std(axis=0), 1e-6)
    return result


def row(clips: Clips, held: Vectors, cost: float, *, sure: float | None = None) -> dict[str, float]:
    """`sure` is the probability from which on an answer is told; None chooses it as training does."""
    judged = accuracy(clips.emotions, held.argmax(axis=1), clips.actors, np.random.default_rng(SEED))
    sure = surely(clips.emotions, held)[0] if sure is None else sure
    told = held.max(axis=1) >= sure
    right = held.argmax(axis=1) == clips.emotions
    return {
        "unweighted_accuracy": round(judged.unweighted, 4),
        "low": round(judged.low, 4),
        "high": round(judged.high, 4),
        "arousal_auc": round(likelier(clips, held), 4),
        "sure_from": round(sure, 3),
        "told": round(float(told.mean()), 4),
        "right_of_told": round(float(right[told].mean()), 4) if told.any() else 0.0,
        "processor_s_a_clip": round(cost, 4),
    }


def likelier(clips: Clips, held: Vectors) -> float:
    """Area under the curve of the arousal proxy."""
    high, asked = high_and_asked(clips)
    said = held[:, [clips.kinds.index(kind) for kind in HIGH]].sum(axis=1)
    return float(roc_auc_score(high[asked], said[asked]))


def high_and_asked(clips: Clips) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Clips of high arousal acted strongly, and these with the ones of low arousal."""
    high = np.isin(clips.emotions, [clips.kinds.index(kind) for kind in HIGH]) & clips.strong
    return high, high | np.isin(clips.emotions, [clips.kinds.index(kind) for kind in LOW])


def proxy(clips: Clips) -> dict[str, float]:
    high, asked = high_and_asked(clips)
    second = clips.sentences == SECOND
    still = np.isin(clips.emotions, [clips.kinds.index(kind) for kind in ("calm", "neutral")]) & ~second
    begin, truth, changes, levels = time.process_time(), [], [], []
    for actor in sorted(set(clips.actors)):
        own = np.array(clips.actors) == actor
        usual = [heard(clips.audio[row]) for row in np.flatnonzero(own & still)]
        rows = np.flatnonzero(own & asked & second)
        turns = [heard(clips.audio[row]) for row in rows]
        said = compared(usual, turns)
        truth += high[rows].tolist()
        changes += [one.change for one in said]
        levels += [np.mean([piece.loudness for piece in turn] or [-90.0]) for turn in turns]
    sure = np.array([change is not None for change in changes])
    told = np.array([change for change in changes if change is not None])
    return {
        "auc": float(roc_auc_score(np.array(truth)[sure], told)),
        "share_heard": float(sure.mean()),
        "auc_of_all": float(roc_auc_score(truth, [change or 0.0 for change in changes])),
        "loudness_alone": float(roc_auc_score(truth, levels)),
        "clips": float(len(truth)),
        "processor_s_a_clip": (time.process_time() - begin) / len(truth),
    }


def heard(path: Path) -> list[Piece]:
    samples = read(path, longest_seconds=60).channels[0]
    return list(pieces(samples, [(0.0, seconds(samples))], speaker=LEAD))


def compared(usual: list[list[Piece]], turns: list[list[Piece]]) -> list[Arousal]:
    """A call: the usual turns until they fill a minute of voice, then the others, an hour apart."""
    voiced = sum(piece.voiced_s for turn in usual for piece in turn)
    before = usual * (1 + int(BASELINE_S / voiced))
    call = [
        [replace(piece, start=piece.start + 3_600 * at, end=piece.end + 3_600 * at) for piece in turn]
        for at, turn in enumerate([*before, *turns])
    ]
    return arousal(call)[len(before) :]


def measured(clips: Clips, encoder: SpeechEncoder, kept: Path, *, wired: bool) -> dict[str, Any]:
    def encode(samples: Samples) -> Vectors:
        return encoder.vectors([samples])[0]

    judge = partial(held_out, classes=clips.emotions, folds=clips.folds, speakers=clips.actors)
    rows: dict[str, dict[str, float]] = {}
    vectors, cost = described(clips, encode, name="encoder", kept=kept)
    rows["encoder"] = row(clips, judge(vectors), cost)
    for name, describe in (("pitch", pitch_statistics), ("mel", mel_statistics)):
        simple, simple_cost = described(clips, describe, name=name, kept=kept)
        rows[name] = row(clips, judge(simple), simple_cost)
    rows["by speaker"] = row(clips, judge(by_speaker(vectors, clips.actors)), cost)
    if wired:
        narrow, _ = described(clips, encode, name="telephone", kept=kept, wired=True)
        rows["telephone"] = row(clips, judge(narrow), cost)
        rows["crossed"] = row(clips, crossed(clips, vectors, narrow), cost, sure=rows["encoder"]["sure_from"])
    ours = rows["encoder"]["unweighted_accuracy"]
    changes = {name: round(figure, 4) for name, figure in proxy(clips).items()}
    return {
        "clips": len(clips.audio),
        "arousal": changes,
        "rows": rows,
        "bar": BAR,
        "bar_met": ours >= BAR,
        "published": PUBLISHED,
    }


def crossed(clips: Clips, studio: Vectors, narrow: Vectors) -> Vectors:
    """Trained on the one, heard through the other, by actors held out."""
    said = np.empty((len(studio), len(clips.kinds)))
    for fold in np.unique(clips.folds):
        kept, held = clips.folds != fold, clips.folds == fold
        actors = [actor for actor, stays in zip(clips.actors, kept, strict=True) if stays]
        choice = chosen(studio[kept], clips.emotions[kept], actors)
        model = fitted(studio[kept], clips.emotions[kept], clips.kinds, choice)
        said[held] = model.probabilities(narrow[held])
    return said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    parser.add_argument("--telephone", action="store_true", help="also through a telephone")
    arguments = parser.parse_args()
    clips = ravdess(mirror() / "ravdess")
    kept = Path(tempfile.gettempdir()) / "lintel-affect"
    result = measured(clips, SpeechEncoder.load(settings()), kept, wired=arguments.telephone)
    console = Console(stderr=arguments.json)
    names = list(result["rows"]["encoder"])
    table = Table("of a clip", *(name.replace("_", " ") for name in names))
    for label, figures in result["rows"].items():
        table.add_row(label, *(f"{figures[name]:g}" for name in names))
    console.print(table)
    console.print(f"voices against themselves: {result['arousal']}")
    console.print(f"published, same folds: {PUBLISHED}\nbar {BAR:.0%}: {'met' if result['bar_met'] else 'missed'}")
    if arguments.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
