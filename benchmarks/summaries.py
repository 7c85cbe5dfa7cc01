"""Extractive summaries: highlights against the first three turns on DialogSum, appointments on SGD's homes.

    python -m benchmarks.summaries [--json]

ROUGE is F1 over lower-cased words and pairs of words, without stemming. Weights of `highlights` were chosen with the
first half of DialogSum's development set in sight, phrases of appointments with SGD's dev part and failures of its
train part.
"""

import argparse
import gzip
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lintel.voice.summary.appointment import appointments
from lintel.voice.summary.highlights import highlights
from lintel.voice.transcript import AGENT, LEAD, Turn, Word, joined

PUBLISHED = {"lead-3 (published, test part)": (26.95, 6.71), "GPT-4o (published)": (35.35, 11.09)}
_LINE = re.compile(r"(#Person\d#): ?(.*)")
_TOKEN = re.compile(r"[a-z0-9]+")
_LOOSE = re.compile(r" ' ?(\w)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="end in one JSON object")
    arguments = parser.parse_args()
    mirror = os.environ.get("LINTEL_DATA_MIRROR", "../shared/data")
    report = {
        "dialogsum": dialogsum(Path(mirror)),
        "appointments": {p: booked(Path(mirror), p) for p in ("dev", "train")},
    }
    for name, (one, two) in (report["dialogsum"] | PUBLISHED).items():
        print(f"{name:42} ROUGE-1 {one:5.2f}  ROUGE-2 {two:5.2f}", file=sys.stderr)
    for part, found in report["appointments"].items():
        print(f"appointments booked, {part}: {found}", file=sys.stderr)
    if arguments.json:
        print(json.dumps(report))


def dialogsum(mirror: Path) -> dict[str, tuple[float, float]]:
    rows = list(_rows(mirror / "dialogsum" / "dialogsum.dev.jsonl.gz"))
    ways: dict[str, Callable[[Sequence[Turn]], str]] = {
        "lead-3": _lead,
        "lead-3, told": _lead_told,
        "highlights": _told,
    }
    halves = {"first half": rows[:250], "second half, unseen": rows[250:]}
    return {f"{name} ({half})": _rouge(way, part) for half, part in halves.items() for name, way in ways.items()}


def _rouge(way: Callable[[Sequence[Turn]], str], rows: Sequence[Any]) -> tuple[float, float]:
    texts = [(_TOKEN.findall(way(_turns(row)).lower()), _TOKEN.findall(row["summary"].lower())) for row in rows]
    one, two = (100 * float(np.mean([_f1(*pair, size) for pair in texts])) for size in (1, 2))
    return round(one, 2), round(two, 2)


def _f1(left: list[str], right: list[str], size: int) -> float:
    """Twice the shared n-grams by all n-grams of both (Lin 2004)."""
    grams = [Counter(zip(*(text[i:] for i in range(size)), strict=False)) for text in (left, right)]
    total = sum(grams[0].values()) + sum(grams[1].values())
    return 2 * sum((grams[0] & grams[1]).values()) / total if total else 0.0


def _turns(row: Any) -> list[Turn]:
    lines = (_LINE.match(line) for line in row["dialogue"].split("\n"))
    return [_turn(line[1], _LOOSE.sub(r"'\1", line[2]), 0.0) for line in lines if line and line[2].strip()]


def _turn(speaker: str, text: str, at: float) -> Turn:
    return Turn(
        speaker, tuple(Word(word, at + 0.3 * i, at + 0.3 * i + 0.2, 1.0) for i, word in enumerate(text.split()))
    )


def _lead(turns: Sequence[Turn]) -> str:
    return " ".join(f"{turn.speaker}: {turn.text}" for turn in turns[:3])


def _lead_told(turns: Sequence[Turn]) -> str:
    """The baseline in our wording, so that the choice of sentences can be told from their wording."""
    return " ".join(_tell(turns, turn, turn.text) for turn in turns[:3])


def _told(turns: Sequence[Turn]) -> str:
    found = highlights(turns, 2)
    return " ".join(_tell(turns, turns[one.turn], joined(turns[one.turn].words[one.first : one.last])) for one in found)


def _tell(turns: Sequence[Turn], turn: Turn, text: str) -> str:
    other = next((one.speaker for one in turns if one.speaker != turn.speaker), "")
    return f"{turn.speaker} {'asks' if text.endswith('?') else 'tells'} {other}: {text}"


def booked(mirror: Path, part: str) -> dict[str, float]:
    """How often a booked visit is found, and how often one that was not."""
    counts: Counter[str] = Counter()
    for row in _rows(mirror / "sgd_homes" / f"{part}.jsonl.gz"):
        sides = {"USER": LEAD, "SYSTEM": AGENT}
        turns = [_turn(sides[one["speaker"]], one["utterance"], 20.0 * i) for i, one in enumerate(row["turns"])]
        said = any(claim.status == "booked" for claim in appointments(turns))
        counts[f"{'true' if _was_booked(row) else 'false'} {'found' if said else 'not found'}"] += 1
    found, wrong, missed = counts["true found"], counts["false found"], counts["true not found"]
    return {"precision": round(found / (found + wrong), 3), "recall": round(found / (found + missed), 3), **counts}


def _was_booked(row: Any) -> bool:
    frames = [frame for turn in row["turns"] for frame in turn["frames"] if frame["service"].startswith("Homes")]
    return any(
        frame.get("service_call", {}).get("method") == "ScheduleVisit"
        and any(action["act"] == "NOTIFY_SUCCESS" for action in frame["actions"])
        for frame in frames
    )


def _rows(path: Path) -> Iterator[Any]:
    with gzip.open(path, "rt") as lines:
        yield from map(json.loads, lines)


if __name__ == "__main__":
    main()
