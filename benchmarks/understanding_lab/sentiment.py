"""Tone of turns of television dialogue: MELD (Poria et al. 2019), train to dev, weighted F1 of three labels."""

import csv
import gzip
from pathlib import Path
from typing import Any

from benchmarks.understanding_lab.scores import accuracy, f1
from lintel.voice.transcript import Turn, Word
from lintel.voice.understanding.classifier import most_likely
from lintel.voice.understanding.features import Embeds
from lintel.voice.understanding.training import Line, labelled, train
from lintel.voice.understanding.understanding import Understanding

PUBLISHED = {"vader": 0.42, "minilm_logistic_regression": 0.64}
"""As DATA.md's makers measured them; not run here."""
_LEXICON_NEUTRAL = 0.05


def lines(folder: Path, part: str) -> list[Line]:
    with gzip.open(folder / f"{part}_sent_emo.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return [
            Line(row["Dialogue_ID"], row["Speaker"], row["Utterance"].replace("\x92", "'"), row["Sentiment"])
            for row in csv.DictReader(file)
        ]


def measured(folder: Path, embedder: Embeds) -> dict[str, Any]:
    samples, truth = labelled(lines(folder, "train"))
    tests, gold = labelled(lines(folder, "dev"))
    model = train("sentiment", samples, truth, embedder, penalty=2.0)
    said = most_likely(model, model.probabilities(tests, embedder))
    lexicon = [_by_lexicon(sample.text) for sample in tests]
    majority = [max(set(truth), key=truth.count)] * len(gold)
    return {
        "turns": {"train": len(truth), "dev": len(gold)},
        "weighted_f1": {
            "majority": round(f1(gold, majority, weighted=True), 4),
            "lexicon": round(f1(gold, lexicon, weighted=True), 4),
            "trained": round(f1(gold, said, weighted=True), 4),
        },
        "accuracy": round(accuracy(gold, said), 4),
        "published": PUBLISHED,
    }


def _by_lexicon(text: str) -> str:
    words = tuple(Word(word, 0.0, 0.0, 1.0) for word in text.split()) or (Word(text, 0.0, 0.0, 1.0),)
    tone = _RULES.turn(Turn("lead", words)).sentiment
    return "positive" if tone > _LEXICON_NEUTRAL else "negative" if tone < -_LEXICON_NEUTRAL else "neutral"


_RULES = Understanding()
