"""Recall and precision of the redactor on a hand-made corpus, and its speed. `--json` ends in one JSON object.

The rules were written beside the corpus, so that its figures are a floor under regressions and no estimate. Where the
data mirror has `sgd_homes` (real-estate dialogues, whose telephone numbers are marked; Rastogi et al. 2020), they are
read too: nothing else in them should go.
"""

import argparse
import gzip
import json
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from lintel.language.redaction import CATEGORIES, redact
from lintel.settings import settings
from lintel.voice.redacted import redacted_turns, redacted_words
from lintel.voice.transcript import Turn, Word, joined

CORPUS = Path(__file__).parent / "redaction_corpus.txt"
SPEECH = Path(__file__).parent / "redaction_speech_corpus.txt"
"""What is said on calls, where street addresses go too."""
_ADDRESSES = frozenset({"address", "street_address", "location", "pickup_location"})
_MARK = re.compile(r"\{(" + "|".join(CATEGORIES) + r")\|([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Message:
    text: str
    expected: str
    marked: tuple[tuple[str, str], ...]
    """(category, text) of what must go."""


def messages(corpus: Path = CORPUS) -> Iterator[Message]:
    for line in corpus.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            marked = tuple((match[1], match[2]) for match in _MARK.finditer(line))
            yield Message(_MARK.sub(r"\2", line), _MARK.sub(r"[\1]", line), marked)


def measured(corpus: Path = CORPUS) -> dict[str, dict[str, float]]:
    """Per category and in all: marked spans, recall (gone and named rightly), found spans, precision."""
    marked: Counter[str] = Counter()
    found: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for message in messages(corpus):
        wanted = Counter(category for category, _ in message.marked)
        got = redact(message.text, addresses=corpus == SPEECH)
        marked.update(wanted)
        found.update(got.found)
        gone = Counter(category for category, text in message.marked if text not in got.text)
        right.update({category: min(gone[category], got.found.get(category, 0)) for category in wanted})
    rows = {category: _row(marked[category], found[category], right[category]) for category in CATEGORIES}
    return {**rows, "all": _row(marked.total(), found.total(), right.total())}


def _row(marked: int, found: int, right: int) -> dict[str, float]:
    recall, precision = right / marked if marked else 1.0, right / found if found else 1.0
    return {"marked": marked, "found": found, "recall": round(recall, 4), "precision": round(precision, 4)}


def broken() -> dict[str, int]:
    """What was marked in the corpus of calls, cut in two at each of its gaps by another's "mhm": the cuts, and those
    after which neither half is left, read on or turn by turn."""
    counts: Counter[str] = Counter()
    for message in messages(SPEECH):
        for _, marked in message.marked:
            before, _, after = message.text.partition(marked)
            for gap in re.finditer(" ", marked):
                halves = marked[: gap.start()], marked[gap.end() :]
                turns = _said(before + halves[0]), HEARD, _said(halves[1] + after)
                first, _, last = redacted_turns(turns)
                alone, _, other = (joined(redacted_words(turn.words)) for turn in turns)
                counts["cuts"] += 1
                counts["gone"] += halves[0] not in first.text and halves[1] not in last.text
                counts["gone_by_turn"] += halves[0] not in alone and halves[1] not in other
    return dict(counts)


def _said(text: str, speaker: str = "lead") -> Turn:
    return Turn(speaker, tuple(Word(word, 0.0, 0.0, 1.0) for word in text.split()))


HEARD = _said("Mhm.", "agent")


def dialogues(folder: Path) -> dict[str, int]:
    """Turns; telephone numbers and addresses: marked, found of these, and spans found where nothing was marked; and
    turns of which something else is left when they are read as a conversation."""
    counts: Counter[str] = Counter()
    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                turns = json.loads(line)["turns"]
                for turn in turns:
                    counts.update(_turn(turn))
                counts["turns_changed_as_conversation"] += _changed(turns)
    return dict(counts)


def _turn(turn: dict[str, Any]) -> dict[str, int]:
    text = turn["utterance"]
    slots = (slot for frame in turn["frames"] for slot in frame["slots"] if slot["slot"] == "phone_number")
    marked = [text[slot["start"] : slot["exclusive_end"]] for slot in slots]
    got = redact(text)
    found = sum(phone not in got.text for phone in marked)
    beside = max(0, sum(got.found.values()) - len(marked))
    phones = {"turns": 1, "phones_marked": len(marked), "phones_found": found, "found_beside": beside}
    return phones | _addresses(turn)


def _changed(turns: Sequence[dict[str, Any]]) -> int:
    said = [_said(turn["utterance"], turn["speaker"]) for turn in turns]
    return sum(
        alone.text != joined(redacted_words(one.words)) for one, alone in zip(said, redacted_turns(said), strict=True)
    )


def _addresses(turn: dict[str, Any]) -> dict[str, int]:
    """Street addresses that are marked, and those of them that are gone. Properties that are called by their address
    are not marked as such, so that what is found beside says nothing."""
    text = turn["utterance"]
    slots = [slot for frame in turn["frames"] for slot in frame["slots"] if slot["slot"] in _ADDRESSES]
    spans = (text[slot["start"] : slot["exclusive_end"]] for slot in slots)
    marked = [address for address in spans if any(character.isdigit() for character in address)]
    clean = redact(text, addresses=True).text
    return {"addresses_marked": len(marked), "addresses_found": sum(address not in clean for address in marked)}


def microseconds() -> float:
    """Mean time of a message of the corpus."""
    texts = [message.text for message in messages()]
    start = time.perf_counter()
    for _ in range(10):
        for text in texts:
            redact(text)
    return (time.perf_counter() - start) / (10 * len(texts)) * 1e6


def _table(title: str, rows: dict[str, dict[str, float]]) -> Table:
    table = Table("category", "marked", "found", "recall", "precision", title=title)
    for category, row in rows.items():
        table.add_row(category, *(str(value) for value in row.values()))
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    arguments = parser.parse_args()
    corpus, rows = list(messages()), measured()
    exact = sum(redact(message.text).text == message.expected for message in corpus) / len(corpus)
    speech = measured(SPEECH)
    speed, pieces = microseconds(), broken()
    console = Console(stderr=arguments.json)
    console.print(_table("messages", rows))
    console.print(_table("calls", speech))
    console.print(f"{len(corpus)} messages, {exact:.1%} exactly as marked, {speed:.0f} µs a message")
    console.print(
        f"said in two pieces: {pieces['gone']} of {pieces['cuts']} gone, {pieces['gone_by_turn']} turn by turn"
    )
    mirror = settings().data_mirror
    real = dialogues(mirror / "sgd_homes") if mirror and (mirror / "sgd_homes").is_dir() else None
    console.print(f"sgd_homes: {real or 'not there (LINTEL_DATA_MIRROR)'}")
    if arguments.json:
        result: dict[str, Any] = {
            "messages": len(corpus),
            "exact": round(exact, 4),
            "microseconds": round(speed, 1),
            "categories": rows,
            "speech": speech,
            "broken": pieces,
        }
        print(json.dumps(result))


if __name__ == "__main__":
    main()
