"""Turns of calls about homes, written for this measure with their labels, apart from the rules and the phrases.

The same hand wrote the rules: the figures are a floor under regressions, no estimate.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.understanding_lab.homes import spoken
from benchmarks.understanding_lab.scores import found
from lintel.voice.transcript import LEAD
from lintel.voice.understanding.features import Embeds
from lintel.voice.understanding.insights import Insights
from lintel.voice.understanding.meaning import OTHER, Meanings
from lintel.voice.understanding.understanding import Understanding

TURNS = Path(__file__).parent / "turns.txt"
FAMILIES = ("intent", "objection", "opt_out")


@dataclass(frozen=True, slots=True)
class Example:
    labels: frozenset[str]
    text: str


def examples() -> Iterator[Example]:
    for line in TURNS.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            labels, _, text = line.partition("|")
            yield Example(frozenset(labels.split()), text.strip())


def measured(embedder: Embeds) -> dict[str, Any]:
    rules, both, meanings = Understanding(), Understanding(embedder), Meanings.shipped(embedder)
    corpus = list(examples())
    by_rules = [_labels(rules.turn(spoken(one.text, LEAD))) for one in corpus]
    by_both = [_labels(both.turn(spoken(one.text, LEAD))) for one in corpus]
    by_phrases = [
        {meant.label} - {OTHER} if meant.probability >= 0.5 else set()
        for meant in meanings.meant([one.text for one in corpus])
    ]
    systems = {"rules": by_rules, "phrases": by_phrases, "rules_and_phrases": by_both}
    return {
        "turns": len(corpus),
        **{
            family: {
                name: found(_of(family, [set(one.labels) for one in corpus]), _of(family, said))
                for name, said in systems.items()
            }
            for family in FAMILIES
        },
    }


def _labels(insights: Insights) -> set[str]:
    return {one.label for one in insights.findings()}


def _of(family: str, labels: list[set[str]]) -> list[set[str]]:
    return [{label for label in one if label.split(".")[0] == family} for one in labels]
