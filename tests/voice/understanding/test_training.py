"""Readers that are trained, kept, loaded and used."""

import zlib
from pathlib import Path

import numpy as np
import pytest

from lintel.errors import IncompatibleError, InputError, NotFoundError
from lintel.voice.transcript import AGENT
from lintel.voice.understanding.classifier import Classifier, most_likely
from lintel.voice.understanding.features import BUCKETS, Sample, hashed
from lintel.voice.understanding.models import Models
from lintel.voice.understanding.training import TURNS, Line, labelled, train, train_folder
from lintel.voice.understanding.understanding import Understanding
from tests.voice.understanding.embedding import WordsEmbedder
from tests.voice.understanding.turns import turn

EMBEDDER = WordsEmbedder()
TONES = {
    "positive": "I love it {} wonderful",
    "negative": "I hate it {} awful",
    "neutral": "it is number {} on the list",
}


def sentiment() -> Classifier:
    samples = [Sample(text.format(n)) for text in TONES.values() for n in range(12)]
    return train("sentiment", samples, [label for label in TONES for _ in range(12)], EMBEDDER, source="made up")


def objections(label: str = "price") -> Classifier:
    texts = [f"gold plated thing {n}" for n in range(12)] + [f"hello there {n}" for n in range(12)]
    return train("objections", [Sample(text) for text in texts], [label] * 12 + ["none"] * 12, EMBEDDER)


def test_a_classifier_survives_its_folder(tmp_path: Path) -> None:
    model, samples = sentiment(), [Sample("I love it"), Sample("awful", before="hello")]
    model.save(tmp_path / "sentiment")
    loaded = Classifier.load(tmp_path / "sentiment")
    assert (loaded.labels, loaded.card) == (model.labels, model.card)
    assert np.allclose(loaded.probabilities(samples, EMBEDDER), model.probabilities(samples, EMBEDDER), atol=1e-5)
    assert most_likely(loaded, loaded.probabilities(samples, EMBEDDER)) == ["positive", "negative"]
    assert loaded.probabilities([], EMBEDDER).shape == (0, 3)


def test_training_twice_gives_the_same() -> None:
    assert np.array_equal(sentiment().weights.dense, sentiment().weights.dense)


def test_trained_readers_answer_where_rules_do_not() -> None:
    reader = Understanding(EMBEDDER, Models(sentiment=sentiment(), objections=objections()))
    assert reader.read_by == ("rules", "phrases", "model:sentiment", "model:objections")
    insights = reader.turn(turn("a gold plated thing"))
    (one,) = insights.objections
    assert (one.category, one.found_by, one.quote) == ("price", "model", "a gold plated thing")
    assert one.probability is not None
    assert one.probability > 0.5
    assert reader.turn(turn("I love it wonderful")).sentiment > 0.5
    assert reader.turn(turn("a gold plated thing", AGENT)).objections == ()


def test_models_need_an_embedder() -> None:
    assert Understanding(None, Models(sentiment=sentiment())).read_by == ("rules",)


def test_a_classifier_of_other_labels_is_refused() -> None:
    with pytest.raises(IncompatibleError, match="objections has the labels weather"):
        Models(objections=objections("weather"))


def test_models_of_a_folder(tmp_path: Path) -> None:
    sentiment().save(tmp_path / "sentiment")
    models = Models.load(tmp_path)
    assert models.sentiment is not None
    assert models.objections is None


def test_a_classifier_of_other_features_is_refused(tmp_path: Path) -> None:
    sentiment().save(tmp_path)
    card = tmp_path / "classifier.json"
    card.write_text(card.read_text().replace('"features": 1', '"features": 0'))
    with pytest.raises(IncompatibleError, match="Train it again"):
        Classifier.load(tmp_path)
    with pytest.raises(NotFoundError):
        Classifier.load(tmp_path / "nowhere")


def test_a_folder_of_ones_own(tmp_path: Path) -> None:
    rows = [
        f"d{n},lead,{text.format(n)},{label}\nd{n},agent,thank you," for label, text in TONES.items() for n in range(12)
    ]
    (tmp_path / TURNS).write_text("\n".join(["dialogue,speaker,text,label", *rows]), encoding="utf-8")
    model = train_folder("sentiment", tmp_path, EMBEDDER)
    assert model.card["turns"] == {"positive": 12, "negative": 12, "neutral": 12}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("speaker,text,label\nlead,hi,x", "lacks dialogue"),
        ("dialogue,speaker,text,label\nd,lead,hi,", "labels no turn"),
        ("dialogue,speaker,text,label\nd,lead,hi,x\nd,lead,ho,y", "fewer than 10"),
    ],
)
def test_a_folder_that_teaches_nothing(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / TURNS).write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        train_folder("sentiment", tmp_path, EMBEDDER)


def test_a_sample_knows_what_stands_before_it_and_nothing_after() -> None:
    lines = [
        Line("a", "agent", "hello", ""),
        Line("a", "lead", "hi", "x"),
        Line("a", "agent", "price?", ""),
        Line("a", "lead", "four fifty", "y"),
        Line("b", "lead", "yes", "x"),
    ]
    samples, labels = labelled(lines)
    assert labels == ["x", "y", "x"]
    assert samples == [
        Sample("hi", "hello"),
        Sample("four fifty", "price?", "hi"),
        Sample("yes", first=True),
    ]
    assert labelled(lines[:2])[0] == samples[:1]
    said = [turn(line.text, line.speaker) for line in lines[:3]]
    assert Sample.of("four fifty", "lead", said) == samples[1]


def test_hashing_is_stable() -> None:
    """A model's weights mean the same words on every machine."""
    (row,) = hashed([Sample("too expensive")])
    for name in (b"t too", b"t too expensive", b"l expensive", b"start too", b"c sive"):
        assert zlib.crc32(name) % BUCKETS in row.indices
    assert hashed([Sample("")]).nnz <= 2
