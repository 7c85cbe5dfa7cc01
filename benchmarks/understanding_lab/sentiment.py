"""Tone of turns of television dialogue: MELD (Poria et al. 2019), train to dev, weighted F1 of three labels."""

import csv
import gzip
from pathlib import Path
from typing import Any

from sklearn.linear_model import LogisticRegression

from benchmarks.understanding_lab.scores import accuracy, f1
from lintel.voice.transcript import Turn, Word
from lintel.voice.understanding.classifier import most_likely
from lintel.voice.understanding.features import Embeds, Sample
from lintel.voice.understanding.meaning import TONES, Meanings
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
    tones = Meanings.shipped(embedder, TONES)
    rows = tones.probabilities([sample.text for sample in tests]).argmax(axis=1)
    near = [tones.labels[row] for row in rows]
    majority = [max(set(truth), key=truth.count)] * len(gold)
    return {
        "turns": {"train": len(truth), "dev": len(gold)},
        "weighted_f1": {
            "majority": round(f1(gold, majority, weighted=True), 4),
            "embeddings_logistic_regression": round(
                f1(gold, _embeddings_alone(samples, truth, tests, embedder), weighted=True), 4
            ),
            "lexicon": round(f1(gold, lexicon, weighted=True), 4),
            "shipped_phrases": round(f1(gold, near, weighted=True), 4),
            "trained": round(f1(gold, said, weighted=True), 4),
        },
        "accuracy": round(accuracy(gold, said), 4),
        "published": PUBLISHED,
    }


def _embeddings_alone(samples: list[Sample], truth: list[str], tests: list[Sample], embedder: Embeds) -> list[str]:
    """The floor: scikit-learn's logistic regression on the turn's embedding, without any context."""
    model = LogisticRegression(max_iter=1_000).fit(embedder.embed([sample.text for sample in samples]), truth)
    return list(model.predict(embedder.embed([sample.text for sample in tests])))


def _by_lexicon(text: str) -> str:
    words = tuple(Word(word, 0.0, 0.0, 1.0) for word in text.split()) or (Word(text, 0.0, 0.0, 1.0),)
    tone = _RULES.turn(Turn("lead", words)).sentiment
    return "positive" if tone > _LEXICON_NEUTRAL else "negative" if tone < -_LEXICON_NEUTRAL else "neutral"


_RULES = Understanding()
