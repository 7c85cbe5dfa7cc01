"""Resisting strategies in bargaining: ResPer on CraigslistBargain (Dutt et al. 2021), 5 folds by dialogue, macro F1.

Rows that the publisher marks as duplicates are left out. The labels are strategies, not our six kinds of objection.
"""

import csv
import gzip
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from benchmarks.understanding_lab.scores import accuracy, f1
from lintel.voice.transcript import AGENT, LEAD
from lintel.voice.understanding.classifier import most_likely
from lintel.voice.understanding.features import Embeds, Sample
from lintel.voice.understanding.training import Line, train

PUBLISHED = {"bert_higru_with_context": 0.655}
FOLDS = 5


def lines(folder: Path) -> list[Line]:
    """User 1 sells: the agent. The last column, which has no name, marks duplicates."""
    with gzip.open(folder / "craigslist_resisting.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return [
            Line(
                row["Index"],
                AGENT if row["User"] == "1" else LEAD,
                row["Text"] or "",
                row["Resistance Labels"].strip() or "none",
            )
            for row in csv.DictReader(file)
            if "Dupe" not in (row[""] or "")
        ]


def measured(samples: list[Sample], truth: list[str], dialogues: list[str], embedder: Embeds) -> dict[str, Any]:
    folds = np.array([zlib.crc32(dialogue.encode()) % FOLDS for dialogue in dialogues])
    said, plain = [""] * len(truth), [""] * len(truth)
    for fold in range(FOLDS):
        rows, tests = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        inside, labels = [samples[i] for i in rows], [truth[i] for i in rows]
        held = [samples[i] for i in tests]
        model = train("objections", inside, labels, embedder, balance=0.75)
        for i, mine, theirs in zip(
            tests, most_likely(model, model.probabilities(held, embedder)), _tf_idf(inside, labels, held), strict=True
        ):
            said[i], plain[i] = mine, theirs
    return {
        "turns": len(truth),
        "dialogues": len(set(dialogues)),
        "macro_f1": {
            "majority": round(f1(truth, ["none"] * len(truth), weighted=False), 4),
            "tf_idf_single_turns": round(f1(truth, plain, weighted=False), 4),
            "trained": round(f1(truth, said, weighted=False), 4),
        },
        "accuracy": round(accuracy(truth, said), 4),
        "published": PUBLISHED,
    }


def _tf_idf(samples: list[Sample], labels: list[str], tests: list[Sample]) -> list[str]:
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    rows = vectorizer.fit_transform([sample.text for sample in samples])
    model = LogisticRegression(C=3.0, max_iter=500, class_weight="balanced").fit(rows, labels)
    return list(model.predict(vectorizer.transform([sample.text for sample in tests])))
