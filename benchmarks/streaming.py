"""Streaming: how late words are, how many are wrong beside offline, whether lag grows, what silence and music say.

Two clocks. *Simulated*: audio arrives on time, and each batch of the decoder takes its own process CPU time, as if it
had a core to itself (`--cores` divides): the figures do not depend on what else the machine does. *Wall*: threads and
event loop as in service; a busy machine shows. The cost of voice activity is not charged on the simulated clock.

words      LibriSpeech test-other, each clip a call of one channel followed by 2 s of silence (simulated). Latency: from
           a word's end until it was committed. Word error rate beside the same engine's offline path in the same run,
           greedy and with beam 5, which is what streaming uses; Whisper's normaliser, intervals by speaker.
calls      Two calls of two channels at once, the clips dealt to four voices (simulated): lag, by half of the call, and
           the rungs that the decoder used. Lag: from when a window was due until its words were known.
nobody     Committed words in minutes of silence, noise and music, synthesised, where nobody speaks (simulated).
live       The two calls again, their first `--live-seconds`, on the wall clock (`--speed` plays faster), and the same
           audio on the simulated clock: what they differ by is the machine's doing.

`--only` runs some parts. Weights: `lintel models pull tiny.en`. `--json` ends in one JSON object.
"""

import argparse
import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from rich.console import Console

from benchmarks.sounds import nobody_speaking
from benchmarks.speech_data import Utterance, librispeech
from benchmarks.streaming_lab.playing import (
    Played,
    Simulation,
    Spoken,
    conversations,
    followed_by_silence,
    play_live,
)
from lintel.settings import settings
from lintel.voice.audio.files import Recording
from lintel.voice.audio.samples import SAMPLE_RATE, Samples
from lintel.voice.transcription.engine import Engine
from lintel.voice.transcription.faster_whisper import FasterWhisper
from lintel.voice.transcription.offline import transcribe
from lintel.voice.transcription.weights import installed
from lintel.voice.transcription.word_error_rate import normalised, word_error_rate, word_errors

PARTS = ("words", "calls", "nobody", "live")
BARS = {"median_s": 1.5, "p95_s": 3.0, "above_offline": 0.02}
_SEED = 7


def words(engine: Engine, utterances: Sequence[Utterance], cores: float, console: Console) -> dict[str, Any]:
    """Latency and errors of clips that are played one by one."""
    spoken: list[Spoken] = []
    texts: dict[str, list[str]] = {"streaming": [], "offline greedy": [], "offline beam 5": []}
    cpu = audio = 0.0
    for utterance in utterances:
        simulation = Simulation([engine], cores)
        heard = simulation.play([[followed_by_silence(utterance.samples)]])[0].words[0]
        spoken += heard
        cpu += simulation.engines[0].cpu_s
        audio += len(utterance.samples) / SAMPLE_RATE
        texts["streaming"].append(" ".join(one.word.text for one in heard))
        texts["offline greedy"].append(_offline(engine, utterance.samples, 1))
        texts["offline beam 5"].append(_offline(engine, utterance.samples, 5))
    found = {"clock": "simulated", "latency": latency(spoken), "decoder_cpu_per_second": round(cpu / audio, 3)}
    found |= {path: _rate(utterances, said) for path, said in texts.items()}
    found["above_offline"] = {
        path: round(found["streaming"]["rate"] - found[path]["rate"], 4)
        for path in ("offline greedy", "offline beam 5")
    }
    console.print("words", found)
    return found


def calls(engine: Engine, utterances: Sequence[Utterance], cores: float, console: Console) -> dict[str, Any]:
    """Two two-channel calls at once."""
    simulation = Simulation([engine], cores)
    played = simulation.play(conversations([one.samples for one in utterances]))
    decoder = simulation.engines[0]
    found = _calls_found(played, "simulated") | {
        "windows_a_batch": round(decoder.windows / decoder.batches, 2),
        "decoder_busy": round(decoder.cpu_s / cores / simulation.clock.now, 3),
    }
    console.print("calls", found)
    return found


def live(
    engine: Engine, utterances: Sequence[Utterance], console: Console, *, seconds: float, speed: float, cores: float
) -> dict[str, Any]:
    """The same on the wall clock, and the latency of the same audio on the simulated one."""
    whole = conversations([one.samples for one in utterances])
    begun = [[channel[: round(seconds * SAMPLE_RATE)] for channel in call] for call in whole]
    found = _calls_found(asyncio.run(play_live([engine], begun, speed)), "wall") | {"speed": speed}
    found["simulated"] = _calls_found(Simulation([engine], cores).play(begun), "simulated")["latency"]
    console.print("live", found)
    return found


def nobody(engine: Engine, minutes: float, cores: float, console: Console) -> list[dict[str, Any]]:
    """A row a sound: how many words are committed in it."""
    sounds = nobody_speaking(minutes * 60, np.random.default_rng(_SEED))
    rows = []
    for name, sound in sounds.items():
        simulation = Simulation([engine], cores)
        committed = simulation.play([[sound]])[0].words[0]
        row = {"sound": name, "minutes": minutes, "committed": len(committed)}
        row["windows_decoded"] = simulation.engines[0].windows
        console.print(row)
        rows.append(row)
    return rows


def latency(spoken: Sequence[Spoken]) -> dict[str, Any]:
    """Quantiles of the seconds from a word's end until it was known."""
    late = [one.known - one.word.end for one in spoken]
    return {
        "words": len(late),
        "median_s": _quantile(late, 0.5),
        "p95_s": _quantile(late, 0.95),
        "most_s": _quantile(late, 1),
        "above_p95_bar": round(float(np.mean([seconds > BARS["p95_s"] for seconds in late])), 4) if late else 0.0,
    }


def _calls_found(played: Sequence[Played], clock: str) -> dict[str, Any]:
    lags = sorted(lag for call in played for lag in call.lags)
    middle = max((at for at, _ in lags), default=0.0) / 2
    spoken = [one for call in played for channel in call.words for one in channel]
    return {
        "clock": clock,
        "latency": latency(spoken),
        "lag_ms_first_half": _lag([lag for at, lag in lags if at < middle]),
        "lag_ms_second_half": _lag([lag for at, lag in lags if at >= middle]),
        "rungs": sorted({rung for call in played for rung in call.rungs}),
    }


def _lag(lags: Sequence[float]) -> dict[str, float]:
    return {"median": _quantile(lags, 0.5), "p95": _quantile(lags, 0.95), "most": _quantile(lags, 1)}


def _quantile(values: Sequence[float], share: float) -> float:
    return round(float(np.quantile(values, share)), 3) if values else float("nan")


def _offline(engine: Engine, samples: Samples, beams: int) -> str:
    recording = Recording((samples,), SAMPLE_RATE, "", ())
    return " ".join(segment.text for segment in transcribe(recording, engine, language="en", beam_size=beams))


def _rate(utterances: Sequence[Utterance], texts: Sequence[str]) -> dict[str, Any]:
    said = [normalised(one.text) for one in utterances]
    errors = [word_errors(reference, normalised(text)) for reference, text in zip(said, texts, strict=True)]
    speakers = [one.speaker for one in utterances]
    rate = word_error_rate(errors, list(map(len, said)), speakers, np.random.default_rng(_SEED))
    return {name: round(value, 4) for name, value in asdict(rate).items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=PARTS, default=PARTS)
    parser.add_argument("--model", default="tiny.en")
    parser.add_argument("--clips", type=int, default=100)
    parser.add_argument("--cores", type=float, default=1.0, help="that a batch's CPU time is divided by")
    parser.add_argument("--threads", type=int, default=1, help="of the engine")
    parser.add_argument("--minutes", type=float, default=10.0, help="of each sound in which nobody speaks")
    parser.add_argument("--live-seconds", type=float, default=60.0)
    parser.add_argument("--speed", type=float, default=1.0, help="how much faster than real time the live part plays")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    arguments = parser.parse_args()
    console, cores = Console(stderr=arguments.json), arguments.cores
    folder = installed(arguments.model, settings().weights_folder)
    engine = FasterWhisper(folder, name=arguments.model, threads=arguments.threads)
    utterances = librispeech()
    clips = utterances[:: max(1, len(utterances) // arguments.clips)]
    measures: dict[str, Callable[[], Any]] = {
        "words": lambda: words(engine, clips, cores, console),
        "calls": lambda: calls(engine, clips, cores, console),
        "nobody": lambda: nobody(engine, arguments.minutes, cores, console),
        "live": lambda: live(
            engine, clips, console, seconds=arguments.live_seconds, speed=arguments.speed, cores=cores
        ),
    }
    found = {"model": arguments.model, "clips": len(clips), "cores": cores, "bars": BARS}
    found |= {part: measures[part]() for part in arguments.only}
    if arguments.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
