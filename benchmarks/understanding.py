"""What understanding of turns is worth on published dialogues, with baselines, and the processor time of a turn.

`--json` ends in one JSON object; `--only` names parts. Sets whose folder is not in the data mirror are left out.
Models trained here are thrown away: MELD and ResPer may be measured on, not more.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.understanding_lab import homes, objections, own, sentiment
from lintel.errors import NotFoundError
from lintel.language.embeddings import Embedder
from lintel.settings import settings
from lintel.voice.transcript import AGENT, LEAD, Turn
from lintel.voice.understanding.training import labelled
from lintel.voice.understanding.understanding import Understanding


def _objections(folder: Path, embedder: Embedder) -> dict[str, Any]:
    lines = objections.lines(folder)
    samples, truth = labelled(lines)
    return objections.measured(samples, truth, [line.dialogue for line in lines], embedder)


PARTS: dict[str, tuple[str, Callable[[Path, Embedder], dict[str, Any]]]] = {
    "sentiment": ("meld_text", sentiment.measured),
    "homes": ("sgd_homes", homes.measured),
    "objections": ("resper_objections", _objections),
}


def milliseconds(understanding: Understanding, turns: list[Turn]) -> dict[str, float]:
    """Processor time of a turn, each text met once."""
    times = []
    for turn in turns:
        start = time.process_time()
        understanding.turn(turn)
        times.append((time.process_time() - start) * 1e3)
    times.sort()
    return {"median": round(times[len(times) // 2], 2), "p95": round(times[int(0.95 * len(times))], 2)}


def _times(embedder_path: Path) -> dict[str, dict[str, float]]:
    """Over distinct turns of the corpus of our own, by the means used."""
    texts = [example.text for example in own.examples()]
    turns = [homes.spoken(text, speaker) for text in texts for speaker in (LEAD, AGENT)]
    fresh = Understanding(Embedder.load(embedder_path))
    return {"rules": milliseconds(Understanding(), turns), "rules_and_phrases": milliseconds(fresh, turns)}


def measured(parts: list[str]) -> dict[str, Any]:
    weights = settings().weights_folder
    embedder = Embedder.load(weights, remembered=100_000)
    mirror = settings().data_mirror
    result: dict[str, Any] = {"own": own.measured(embedder), "cpu_ms_a_turn": _times(weights)}
    for name in parts:
        folder, measure = PARTS[name]
        there = mirror is not None and (mirror / folder).is_dir()
        result[name] = measure(mirror / folder, embedder) if mirror and there else "not there (LINTEL_DATA_MIRROR)"
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    parser.add_argument("--only", nargs="*", choices=sorted(PARTS), default=sorted(PARTS), help="parts to measure")
    arguments = parser.parse_args()
    console = Console(stderr=arguments.json)
    try:
        result = measured(arguments.only)
    except NotFoundError as error:
        console.print(str(error))
        raise SystemExit(error.exit_code) from error
    for name, part in result.items():
        console.print(f"[bold]{name}[/bold]", part)
    if arguments.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
