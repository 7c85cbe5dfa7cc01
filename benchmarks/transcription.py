"""Transcription: word error rate beside the bare engine, time beside openai-whisper, words heard where nobody speaks.

accuracy    The 100 LibriSpeech utterances (LINTEL_DATA_MIRROR, else ../shared/data) as files, through Lintel's offline
            path (cut, batched, guarded) and through faster-whisper's own `transcribe`; and as a telephone carries them.
            Whisper's English normaliser; the interval is a bootstrap's over the 10 speakers.
conversion  openai-whisper's own `decode` on the converted checkpoint against CTranslate2, float32, greedy, full
            windows: the share of utterances with equal tokens.
engines     Process CPU time of `decode` with word times, both engines, one thread, the same utterances.
segment     Ten seconds of speech, tiny.en, greedy, with word times.
nobody      Words in minutes of silence, noise and music, synthesised: the bare engine's, the guards' alone (all of the
            sound decoded), and the whole path's.

`--only` runs some parts. Weights: `lintel models pull tiny.en base`. `--json` ends in one JSON object.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from rich.console import Console

from benchmarks.sounds import nobody_speaking
from benchmarks.speech_data import Utterance, librispeech, telephone
from lintel.settings import settings
from lintel.voice.audio.files import Recording
from lintel.voice.audio.samples import SAMPLE_RATE, Samples
from lintel.voice.transcript import joined
from lintel.voice.transcription.engine import Engine, Window
from lintel.voice.transcription.faster_whisper import FasterWhisper
from lintel.voice.transcription.guards import accepted
from lintel.voice.transcription.loading import load
from lintel.voice.transcription.offline import transcribe
from lintel.voice.transcription.openai_whisper import OpenAIWhisper
from lintel.voice.transcription.weights import CHECKPOINT, installed
from lintel.voice.transcription.word_error_rate import normalised, word_error_rate, word_errors

PARTS = ("accuracy", "conversion", "engines", "segment", "nobody")
CASES = (("tiny.en", 5, "as read"), ("tiny.en", 1, "as read"), ("base", 5, "as read"), ("base", 5, "telephone"))
BARS = {("tiny.en", 5, "as read"): 0.13, ("base", 5, "as read"): 0.105, ("base", 5, "telephone"): 0.145}
"""What Lintel's path must not exceed."""
_THREADS = 1
_SEED = 7
_REPEATS = 20


def accuracy(utterances: Sequence[Utterance], models: Sequence[str], console: Console) -> list[dict[str, Any]]:
    """A row a case and a path."""
    rows = []
    for model, beams, carried in (case for case in CASES if case[0] in models):
        heard = [telephone(one.samples) if carried == "telephone" else one.samples for one in utterances]
        engine = _faster(model)
        paths: dict[str, Callable[[Samples], str]] = {
            "lintel": lambda samples, engine=engine, beams=beams: _through_lintel(engine, samples, beams),
            "bare": lambda samples, engine=engine, beams=beams: _bare(engine, samples, beams),
        }
        for path, transcribed in paths.items():
            begin = time.process_time()
            texts = [transcribed(samples) for samples in heard]
            spent = time.process_time() - begin
            seconds = sum(map(len, heard)) / SAMPLE_RATE
            bar = BARS.get((model, beams, carried)) if path == "lintel" else None
            case = {"model": model, "beam": beams, "audio": carried, "path": path, "bar": bar}
            row = case | _rate(utterances, texts) | {"cpu_per_second": round(spent / seconds, 4)}
            console.print(row)
            rows.append(row)
    return rows


def _through_lintel(engine: Engine, samples: Samples, beams: int) -> str:
    recording = Recording((samples,), SAMPLE_RATE, "", ())
    return " ".join(segment.text for segment in transcribe(recording, engine, language="en", beam_size=beams))


def _bare(engine: FasterWhisper, samples: Samples, beams: int) -> str:
    """faster-whisper with its own defaults: full windows, time stamps, higher temperatures where it fails."""
    segments, _ = engine.bare.transcribe(samples, language="en", beam_size=beams)
    return " ".join(segment.text for segment in segments)


def _rate(utterances: Sequence[Utterance], texts: Sequence[str]) -> dict[str, Any]:
    said = [normalised(one.text) for one in utterances]
    errors = [word_errors(words, normalised(text)) for words, text in zip(said, texts, strict=True)]
    speakers = [one.speaker for one in utterances]
    rate = word_error_rate(errors, list(map(len, said)), speakers, np.random.default_rng(_SEED))
    return {name: round(value, 4) for name, value in asdict(rate).items()}


def conversion(utterances: Sequence[Utterance], models: Sequence[str], console: Console) -> dict[str, Any]:
    """How often the converted checkpoint writes the very tokens that its source writes."""
    import whisper  # noqa: PLC0415 imports PyTorch

    found = {}
    for name in models:
        folder = installed(name, settings().weights_folder)
        source = FasterWhisper(folder, name=name, device="cpu", compute_type="float32", threads=_THREADS)
        converted = OpenAIWhisper(folder / CHECKPOINT, name=name, device="cpu")
        options = whisper.DecodingOptions(language="en", without_timestamps=True, fp16=False)
        equal = 0
        for one in utterances:
            mel = whisper.log_mel_spectrogram(whisper.pad_or_trim(one.samples), converted.bare.dims.n_mels)
            tokens = whisper.decode(converted.bare, mel, options).tokens
            equal += tokens == full_window_tokens(source, mel.numpy())
        found[name] = {"utterances": len(utterances), "equal": equal, "share": round(equal / len(utterances), 4)}
        console.print("equal tokens", name, found[name])
    return found


def full_window_tokens(engine: FasterWhisper, mel: Any) -> list[int]:
    """What CTranslate2 writes greedily for the features of 30 s."""
    tokenizer = engine.tokenizer("en")
    prompt = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
    result = engine.bare.model.generate(engine.bare.encode(mel), [prompt], beam_size=1)[0]
    return [token for token in result.sequences_ids[0] if token < tokenizer.eot]


def engines(utterances: Sequence[Utterance], console: Console) -> dict[str, Any]:
    """CPU seconds of both engines for the same windows, greedy."""
    import torch  # noqa: PLC0415 takes seconds

    torch.set_num_threads(_THREADS)
    windows = [Window(one.samples) for one in utterances]
    found: dict[str, Any] = {"utterances": len(windows)}
    reference = load("tiny.en", settings(), engine="openai-whisper")
    for name, engine in (("faster-whisper", _faster("tiny.en")), ("openai-whisper", reference)):
        engine.decode(windows[:1], language="en")  # what is compiled or filled at first use is not the engine's pace
        begin = time.process_time()
        engine.decode(windows, language="en")
        found[name] = round(time.process_time() - begin, 3)
    found["ratio"] = round(found["openai-whisper"] / found["faster-whisper"], 2)
    console.print("CPU seconds", found)
    return found


def segment(utterances: Sequence[Utterance], console: Console) -> dict[str, float]:
    """Milliseconds for 10 s, as many threads as the engine takes by itself."""
    ten = [one.samples[: 10 * SAMPLE_RATE] for one in utterances if len(one.samples) >= 10 * SAMPLE_RATE]
    engine = load("tiny.en", settings())
    wall, cpu = [], []
    for samples in [ten[0], *ten[:_REPEATS]]:
        begin, begin_cpu = time.perf_counter(), time.process_time()
        engine.decode([Window(samples)], language="en")
        wall.append((time.perf_counter() - begin) * 1e3)
        cpu.append((time.process_time() - begin_cpu) * 1e3)
    found = {"wall_ms_median": _middle(wall), "wall_ms_p95": _middle(wall, 0.95), "cpu_ms_median": _middle(cpu)}
    found |= {"device": getattr(engine, "device", "")}
    console.print("10 s of speech", found)
    return found


def _middle(values: Sequence[float], share: float = 0.5) -> float:
    """A quantile, the first value (a warm-up) left out."""
    return round(float(np.quantile(values[1:], share)), 1)


def nobody(minutes: float, models: Sequence[str], console: Console) -> list[dict[str, Any]]:
    """A row a sound: how many words each path hears."""
    sounds = nobody_speaking(minutes * 60, np.random.default_rng(_SEED))
    rows = []
    for model in models:
        engine = _faster(model)
        for name, sound in sounds.items():
            whole = _through_lintel(engine, sound, 1).split()
            first = _bare(engine, sound[: 60 * SAMPLE_RATE], 1).split()
            row = {"model": model, "sound": name, "minutes": minutes, "lintel": len(whole)}
            row |= {"guards_alone": _guarded(engine, sound), "bare_first_minute": len(first)}
            console.print(row)
            rows.append(row)
    return rows


def _guarded(engine: Engine, sound: Samples) -> int:
    """Words that the guards let through where every 15 s are decoded, as if all were speech."""
    length = 15 * SAMPLE_RATE
    windows = [Window(sound[at : at + length]) for at in range(0, len(sound), length)]
    heard = engine.decode(windows, language="en")
    return sum(len(joined(accepted(one, seconds=15.0)).split()) for one in heard)


def _faster(model: str) -> FasterWhisper:
    return FasterWhisper(installed(model, settings().weights_folder), name=model, threads=_THREADS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=PARTS, default=PARTS)
    parser.add_argument("--models", nargs="*", choices=("tiny.en", "base"), default=("tiny.en", "base"))
    parser.add_argument("--minutes", type=float, default=10.0, help="of each sound in which nobody speaks")
    parser.add_argument("--utterances", type=int, default=100, help="about how many of the 100, evenly taken")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    arguments = parser.parse_args()
    console, models = Console(stderr=arguments.json), arguments.models
    utterances = librispeech()[:: max(1, 100 // arguments.utterances)]
    measures: dict[str, Callable[[], Any]] = {
        "accuracy": lambda: accuracy(utterances, models, console),
        "conversion": lambda: conversion(utterances, models, console),
        "engines": lambda: engines(utterances[::5], console),
        "segment": lambda: segment(utterances, console),
        "nobody": lambda: nobody(arguments.minutes, models, console),
    }
    found = {"utterances": len(utterances)} | {part: measures[part]() for part in arguments.only}
    if arguments.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
