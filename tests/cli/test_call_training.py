"""`lintel call train`: a reader of one's own, kept only if it earns its keep."""

import csv
import random
from pathlib import Path

import pytest

from lintel.settings import settings
from lintel.voice.understanding.classifier import Classifier
from tests.cli.conftest import Lintel
from tests.voice.weights import weights_at_hand

SAID = {"price": "that costs far too much for us", "none": "see you there on Monday"}


@pytest.fixture(autouse=True)
def _weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINTEL_WEIGHTS_PATH", str(weights_at_hand()))
    settings.cache_clear()


def write(folder: Path, rows: list[tuple[str, str, str, str]]) -> Path:
    with (folder / "turns.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("dialogue", "speaker", "text", "label"), *rows])
    return folder


def test_a_reader_is_judged_kept_and_used(lintel: Lintel, tmp_path: Path) -> None:
    rows = [(f"d{n}", "lead", f"{text}, number {n}", label) for n in range(12) for label, text in SAID.items()]
    answer = lintel("call", "train", "objections", write(tmp_path, rows), "--json")
    assert answer.code == 0, answer.err
    assert answer.value["judged"]["weighted_f1"] == pytest.approx(1.0)
    assert answer.value["labels"] == ["none", "price"]
    assert Classifier.load(Path(answer.value["path"])).card["turns"] == {"price": 12, "none": 12}


def test_a_reader_that_says_nothing_is_not_kept(lintel: Lintel, tmp_path: Path) -> None:
    order = random.Random(1)
    labels = ["none"] * 38 + ["price"] * 10
    order.shuffle(labels)
    rows = [(f"d{n}", "lead", "hello there", label) for n, label in enumerate(labels)]
    answer = lintel("call", "train", "objections", write(tmp_path, rows), "--json")
    assert answer.code != 0
    assert "It was not kept" in answer.err
    assert not (settings().voice_readers / "objections").exists()


def test_labels_that_insights_do_not_have_are_refused(lintel: Lintel, tmp_path: Path) -> None:
    rows = [
        (f"d{n}", "lead", text, label) for n in range(12) for label, text in {"weather": "rain", "none": "hi"}.items()
    ]
    answer = lintel("call", "train", "objections", write(tmp_path, rows), "--json")
    assert answer.code != 0
    assert "has the labels weather" in answer.err
    assert not (settings().voice_readers / "objections").exists()


def test_a_folder_without_turns_is_told(lintel: Lintel, tmp_path: Path) -> None:
    answer = lintel("call", "train", "sentiment", tmp_path, "--json")
    assert answer.code == 3
    assert "turns.csv" in answer.err
