"""Sentence embeddings: shape, length, nearness, memory. The network's own tests skip without its weights."""

import os
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.errors import NotFoundError
from lintel.language.embeddings import DIMENSIONS, Embedder


class Session:
    """A network whose token vectors are the token's id, spread; counts the texts it sees."""

    def __init__(self) -> None:
        self.seen = 0

    def run(self, names: None, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        ids = inputs["input_ids"]
        self.seen += len(ids)
        assert ((ids > 0) == (inputs["attention_mask"] > 0)).all()
        return [np.cos(ids[..., None] * np.arange(1, DIMENSIONS + 1)).astype(np.float32)]


class Tokenizer:
    def encode_batch(self, texts: Sequence[str]) -> list[SimpleNamespace]:
        return [SimpleNamespace(ids=[1, *(2 + ord(letter) % 97 for letter in text)]) for text in texts]


@given(st.lists(st.text("abc ", max_size=9), max_size=80))
def test_a_vector_depends_on_its_text_alone(texts: list[str]) -> None:
    together = Embedder(Session(), Tokenizer()).embed(texts)
    assert together.shape == (len(texts), DIMENSIONS)
    for text, row in zip(texts, together, strict=True):
        ids = np.array(Tokenizer().encode_batch([text])[0].ids)
        mean = np.cos(ids[:, None] * np.arange(1, DIMENSIONS + 1)).mean(axis=0)
        assert np.allclose(row, mean / np.linalg.norm(mean), atol=1e-5)


def test_texts_met_lately_are_not_computed_again() -> None:
    session = Session()
    embedder = Embedder(session, Tokenizer(), remembered=2)
    embedder.embed(["a", "b", "a"])
    assert session.seen == 2
    embedder.embed(["a"])
    embedder.embed(["c"])  # b goes, for a was met later
    assert session.seen == 3
    embedder.embed(["a", "c"])
    assert session.seen == 3
    embedder.embed(["b"])
    assert session.seen == 4


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    folder = os.environ.get("LINTEL_TEST_WEIGHTS")
    if not folder or not (Path(folder) / "minilm" / "model.onnx").is_file():
        pytest.skip("no weights of sentence embeddings at hand (LINTEL_TEST_WEIGHTS)")
    return Embedder.load(Path(folder))


def test_near_meanings_are_near(embedder: Embedder) -> None:
    wish, alike, other = embedder.embed(
        ["can we see the house on Saturday", "I want to view the house", "the soup was cold"]
    )
    assert wish @ alike > 0.5 > wish @ other
    assert np.allclose(np.linalg.norm(embedder.embed(["", "x" * 20_000, "家を探しています"]), axis=1), 1, atol=1e-5)


def test_weights_that_are_absent_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "lintel.language.embeddings._PACKAGED", {"model.onnx": ("nowhere", "."), "tokenizer.json": ("n", ".")}
    )
    with pytest.raises(NotFoundError, match="lintel models pull minilm"):
        Embedder.load(tmp_path)
