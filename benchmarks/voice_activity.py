"""Voice activity: who hears speech, what it costs, and where an utterance ends. `--json` ends in one JSON object.

Half an hour of LibriSpeech test-other sentences with pauses of 1.5 to 20 s between them (seeded), clean, with the
noises of `noise_rir` 20, 10 and 0 dB below the speech, and as a telephone would carry it (8 kHz, its band, mu-law) at
10 dB. A frame's truth is the level of the clean clip, which favours detectors by level where there is little noise.
Sentences are read: their pauses are longer than those of talk.

detectors   Area under the ROC curve over frames of 32 ms, accuracy at probability .5, and processor time as a share of
            real time, beside two baselines: always speech, and a fixed level of -40 dB.
endpoints   Silero, by hangover. Cut off: utterances whose end is told while words are still to come, and the words that
            come after it. Lost: words in no stretch of speech, each stretch padded as `speech` does. Delay: from the
            end of an utterance to its telling.
starts      Silero, by the probability at which speech begins (and the lower one that keeps it up) and by the shortest
            speech: lost words as before, and starts told in pauses, an hour of pause.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.metrics import roc_auc_score

from benchmarks.speech_data import mirror, telephone
from benchmarks.voice_lab.composition import Track, composed, mixed, noise, seconds, sentences
from lintel.voice.activity.detector import Detector
from lintel.voice.activity.endpointing import FRAME_S, PADDING_S, USUAL, Endpointer, EndpointSettings, SpeechStarted
from lintel.voice.activity.energy import EnergyDetector
from lintel.voice.activity.framing import Frames
from lintel.voice.activity.silero import SileroDetector
from lintel.voice.audio.files import read
from lintel.voice.audio.samples import SAMPLE_RATE, Samples

SEED = 20_261_123
MINUTES = 30.0
RATIOS_DB = (20, 10, 0)
HANGOVERS_S = (0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5)
STARTS = tuple(
    replace(USUAL, onset=onset, offset=offset, shortest_speech_s=shortest)
    for onset, offset in ((0.3, 0.15), (0.4, 0.25), (0.5, 0.35), (0.7, 0.55))
    for shortest in (0.064, 0.128, 0.256)
)
PIECE = SAMPLE_RATE // 10
"""Samples that come at once in a live call."""


class FixedLevel:
    """The baseline: a frame's level, -40 dB of full scale as probability one half."""

    def __init__(self) -> None:
        self.reset()

    def probabilities(self, samples: Samples) -> NDArray[np.float32]:
        level = 10 * np.log10((self._frames.take(samples) ** 2).mean(axis=1) + 1e-12)
        return (1 / (1 + np.exp(-(level + 40) / 3))).astype(np.float32)

    def reset(self) -> None:
        self._frames = Frames()


DETECTORS: dict[str, Callable[[], Detector]] = {
    "Silero": SileroDetector,
    "energy": EnergyDetector,
    "fixed level": FixedLevel,
}


@dataclass(frozen=True)
class Told:
    """What an endpointer told of a track: the stretches, and when the end of each was told. Seconds."""

    starts: NDArray[np.float64]
    ends: NDArray[np.float64]
    told: NDArray[np.float64]


def conditions(folder: Path, track: Track, random: np.random.Generator) -> dict[str, Samples]:
    """The track as it is heard, by how."""
    sources = [read(path, longest_seconds=60).channels[0] for path in sorted(folder.glob("noise*.flac"))]
    beside = noise(sources, len(track.samples), random)
    noisy = {f"{ratio} dB": mixed(track, beside, ratio) for ratio in RATIOS_DB}
    return {"clean": track.samples, **noisy, "telephone 10 dB": telephone(noisy["10 dB"])}


def heard(samples: Samples, detector: Detector) -> tuple[NDArray[np.float32], float]:
    """Probabilities, as the pieces of a live call bring them, and processor seconds."""
    begin = time.process_time()
    pieces = [detector.probabilities(samples[at : at + PIECE]) for at in range(0, len(samples), PIECE)]
    return np.concatenate(pieces), time.process_time() - begin


def told(probabilities: NDArray[np.float32], chosen: EndpointSettings) -> Told:
    endpointer = Endpointer(chosen)
    rows: list[tuple[float, float, float]] = []
    start = 0.0
    for number, probability in enumerate(probabilities):
        for event in endpointer.feed(np.array([probability])):
            if isinstance(event, SpeechStarted):
                start = event.at
            else:
                rows.append((start, event.at, (number + 1) * FRAME_S))
    rows += [(start, event.at, event.at + chosen.hangover_s) for event in endpointer.flush()]
    starts, ends, tellings = (np.array(column) for column in zip(*rows, strict=True))
    return Told(starts, ends, tellings)


def endpoint_row(track: Track, found: Told) -> dict[str, float]:
    words = np.concatenate([utterance.words for utterance in track.utterances])
    cut, after, delays = 0, 0, []
    for utterance in track.utterances:
        early = found.told[(found.told > utterance.start) & (found.told < utterance.words[-1])]
        cut += bool(len(early))
        after += int((utterance.words > early[0]).sum()) if len(early) else 0
        later = found.told[found.told >= utterance.words[-1]]
        delays.append(float(later[0]) - utterance.end if len(later) else np.nan)
    return {
        "cut_utterances": round(cut / len(track.utterances), 4),
        "words_after_cut": round(after / len(words), 4),
        "lost_words": round(float(np.mean(~inside(words, found))), 4),
        "median_delay_s": round(float(np.nanmedian(delays)), 3),
        "p90_delay_s": round(float(np.nanquantile(delays, 0.9)), 3),
    }


def inside(times: NDArray[np.float64], found: Told) -> NDArray[np.bool_]:
    """Whether each time lies in a stretch as it is padded."""
    at = np.searchsorted(found.starts - PADDING_S, times, side="right") - 1
    return (at >= 0) & (times < found.ends[np.maximum(at, 0)] + PADDING_S)


def start_row(track: Track, found: Told) -> dict[str, float]:
    words = np.concatenate([utterance.words for utterance in track.utterances])
    begins = np.array([utterance.start for utterance in track.utterances])
    ends = np.array([utterance.end for utterance in track.utterances])
    touched = np.searchsorted(ends, found.starts), np.searchsorted(begins, found.ends)
    false = int((touched[0] >= touched[1]).sum())
    pause_hours = (seconds(track) - float((ends - begins).sum())) / 3_600
    lost = float(np.mean(~inside(words, found)))
    return {"lost_words": round(lost, 4), "false_starts_an_hour": round(false / pause_hours, 1)}


def measured(folder: Path, minutes: float) -> dict[str, Any]:
    random = np.random.default_rng(SEED)
    track = composed(sentences(folder), minutes, random)
    result: dict[str, Any] = {
        "seed": SEED,
        "minutes": round(seconds(track) / 60, 1),
        "utterances": len(track.utterances),
        "speech_share": round(float(track.voiced.mean()), 4),
        "detectors": {},
        "endpoints": {},
        "starts": {},
    }
    for name, samples in conditions(folder / "noise_rir", track, random).items():
        rows, silero = {}, np.zeros(0, np.float32)
        for label, make in DETECTORS.items():
            probabilities, processor_s = heard(samples, make())
            silero = probabilities if label == "Silero" else silero
            rows[label] = detector_row(track, probabilities, processor_s)
        rows["always speech"] = detector_row(track, np.ones(len(track.voiced), np.float32), 0.0)
        result["detectors"][name] = rows
        result["endpoints"][name] = {
            wait: endpoint_row(track, told(silero, replace(USUAL, hangover_s=wait))) for wait in HANGOVERS_S
        }
        result["starts"][name] = {
            f"{chosen.onset}/{chosen.offset}, {chosen.shortest_speech_s} s": start_row(track, told(silero, chosen))
            for chosen in STARTS
        }
    return result


def detector_row(track: Track, probabilities: NDArray[np.float32], processor_s: float) -> dict[str, float]:
    return {
        "auc": round(float(roc_auc_score(track.voiced, probabilities)), 4),
        "accuracy": round(float(np.mean((probabilities >= 0.5) == track.voiced)), 4),
        "processor_share": round(processor_s / seconds(track), 6),
    }


def table(title: str, rows: dict[str, dict[Any, dict[str, float]]], key: str) -> Table:
    names = list(next(iter(next(iter(rows.values())).values())))
    shown = Table("heard as", key, *(name.replace("_", " ") for name in names), title=title)
    for condition, inner in rows.items():
        for label, row in inner.items():
            shown.add_row(condition, str(label), *(f"{row[name]:g}" for name in names))
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="length of the track")
    arguments = parser.parse_args()
    result = measured(mirror(), arguments.minutes)
    console = Console(stderr=arguments.json)
    console.print(
        f"{result['minutes']} minutes, {result['utterances']} utterances, {result['speech_share']:.0%} speech"
    )
    console.print(table("detectors", result["detectors"], "detector"))
    console.print(table("endpoints", result["endpoints"], "hangover s"))
    console.print(table("starts", result["starts"], "onset/offset, shortest"))
    if arguments.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
