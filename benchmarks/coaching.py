"""Fair-housing and objection cards on held-out lines, and false alarms on SGD's talk about homes.

    python -m benchmarks.coaching [--json]

`coaching_corpus.txt` holds `speaker|label|text`, written before its author had seen the rules; each line is heard by a
fresh coach. An objection card is right if it names the labelled kind. `coach` goes by phrases alone, `coach, insights`
also by the rules of understanding, as served; the baseline is a plain list of key words. Agents of SGD say nothing
that is forbidden, so every fair-housing card there is a false alarm. CPU time is of this process, understanding
included where it is used.
"""

import argparse
import gzip
import json
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lintel.voice.coaching.card import Card
from lintel.voice.coaching.coach import Coach
from lintel.voice.coaching.listening import noticed
from lintel.voice.coaching.playbook import Playbook
from lintel.voice.coaching.usefulness import Usefulness
from lintel.voice.transcript import AGENT, LEAD, Turn, Word
from lintel.voice.understanding.understanding import Understanding

CORPUS = Path(__file__).with_name("coaching_corpus.txt")
FAIR_HOUSING, OBJECTION = "fair-housing", "objection-"
KEY_WORDS = {
    FAIR_HOUSING: (
        AGENT,
        "safe unsafe dangerous crime family families kid kids child children church temple mosque christian jewish "
        "muslim white black hispanic asian foreigners diverse citizen accent married pregnant disability disabled "
        "wheelchair voucher vouchers welfare school schools",
    ),
    "objection-price": (LEAD, "expensive price budget afford commission"),
    "objection-timing": (LEAD, "wait later year time looking"),
    "objection-trust": (LEAD, "trust scam reviews"),
    "objection-authority": (LEAD, "husband wife partner parents"),
    "objection-competition": (LEAD, "agent realtor agency"),
    "objection-features": (LEAD, "small garage yard kitchen"),
}
_TOKEN = re.compile(r"[a-z']+")


@dataclass(frozen=True, slots=True)
class Line:
    speaker: str
    label: str
    text: str


Reader = Callable[[Line], set[str]]
"""A line's labels, as some way of listening sees them."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="end in one JSON object")
    arguments = parser.parse_args()
    lines, homes = corpus(), agent_turns(Path(os.environ.get("LINTEL_DATA_MIRROR", "../shared/data")))
    book = Playbook.load()
    readers = {
        "coach": coached(book),
        "coach, insights": coached(book, Understanding()),
        "key words": by_key_words,
    }
    report = {name: measured(reader, lines, homes) for name, reader in readers.items()}
    for name, found in report.items():
        for key, value in found.items():
            print(f"{name:16} {key:24} {value}", file=sys.stderr)
    if arguments.json:
        print(json.dumps(report))


def corpus(path: Path = CORPUS) -> list[Line]:
    rows = (row for row in path.read_text(encoding="utf-8").splitlines() if row and not row.startswith("#"))
    return [Line(*row.split("|", 2)) for row in rows]


def coached(book: Playbook, understanding: Understanding | None = None) -> Reader:
    def labels(line: Line) -> set[str]:
        turn = _turn(line)
        found = noticed(understanding.turn(turn) if understanding is not None else None)
        shown = Coach(book).hear(turn, found, turn.end)
        return {label for card in shown if isinstance(card, Card) and (label := _label(card.rule))}

    return labels


def by_key_words(line: Line) -> set[str]:
    said = set(_TOKEN.findall(line.text.lower()))
    return {
        label for label, (speaker, words) in KEY_WORDS.items() if speaker == line.speaker and said & {*words.split()}
    }


def measured(reader: Reader, lines: Sequence[Line], homes: Sequence[Line]) -> dict[str, Any]:
    begun = time.process_time()
    found = [reader(line) for line in lines]
    spent = time.process_time() - begun
    report: dict[str, Any] = {"cpu_microseconds_a_turn": round(1e6 * spent / len(lines))}
    for kind in (FAIR_HOUSING, OBJECTION):
        report[kind.rstrip("-")] = shares(kind, lines, found)
    if homes:
        alarms = sum(FAIR_HOUSING in reader(line) for line in homes)
        report["sgd_homes"] = {"turns": len(homes), "false_alarms_per_1000": round(1000 * alarms / len(homes), 2)}
    return report


def shares(kind: str, lines: Sequence[Line], found: Sequence[set[str]]) -> dict[str, dict[str, Any]]:
    """Recall over lines labelled `kind...`, precision over labels `kind...` that were found."""
    told = [(line.label, label) for line, labels in zip(lines, found, strict=True) for label in labels]
    shown = [pair for pair in told if pair[1].startswith(kind)]
    right = sum(label == seen for label, seen in shown)
    return {
        "recall": _share(right, sum(line.label.startswith(kind) for line in lines)),
        "precision": _share(right, len(shown)),
    }


def agent_turns(mirror: Path) -> list[Line]:
    """Of all parts; empty without a mirror."""
    turns: list[Line] = []
    for path in sorted((mirror / "sgd_homes").glob("*.jsonl.gz")):
        with gzip.open(path, "rt") as rows:
            said = [turn for row in rows for turn in json.loads(row)["turns"] if turn["speaker"] == "SYSTEM"]
        turns += [Line(AGENT, "none", turn["utterance"]) for turn in said]
    return turns


def _label(rule: str) -> str | None:
    if rule.startswith(FAIR_HOUSING):
        return FAIR_HOUSING
    return rule if rule.startswith(OBJECTION) else None


def _share(hits: int, of: int) -> dict[str, Any]:
    share = Usefulness("", hits, of)
    low, high = share.interval
    return {
        "hits": hits,
        "of": of,
        "share": None if share.share is None else round(share.share, 3),
        "interval": [round(low, 3), round(high, 3)],
    }


def _turn(line: Line) -> Turn:
    words = enumerate(line.text.split())
    return Turn(line.speaker, tuple(Word(word, 0.3 * i, 0.3 * i + 0.25, 1.0) for i, word in words))


if __name__ == "__main__":
    main()
