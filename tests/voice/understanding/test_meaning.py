"""Nearness to known phrases: what it adds to the rules, and what it must not."""

import os
from importlib import resources
from pathlib import Path

import pytest

from lintel.errors import InputError
from lintel.language.embeddings import Embedder
from lintel.voice.transcript import AGENT
from lintel.voice.understanding.insights import FACTS, INTENTS, OBJECTIONS
from lintel.voice.understanding.meaning import OTHER, PHRASES, TONES, Meanings, read
from lintel.voice.understanding.rules import patterns
from lintel.voice.understanding.understanding import Understanding
from tests.voice.understanding.embedding import WordsEmbedder
from tests.voice.understanding.turns import turn

SKIES = {"intent.buy": ["purple sky today", "purple moon tonight"], OTHER: ["hello there", "good morning friend"]}


def test_near_phrases_mean_the_same() -> None:
    meanings = Meanings(SKIES, WordsEmbedder())
    near, known, strange = meanings.meant(["purple sky tonight", "hello there", "entirely unheard of words"])
    assert (near.label, known.label, strange.label) == ("intent.buy", OTHER, OTHER)
    assert near.probability > 0.5
    assert meanings.meant([]) == []


SHIPPED = Path(str(resources.files("lintel.voice.understanding")))


def test_shipped_labels_are_known() -> None:
    assert read(SHIPPED / TONES).keys() == {"positive", "negative", "neutral"}
    known = {f"intent.{name}" for name in INTENTS} | {f"objection.{name}" for name in OBJECTIONS}
    known |= {"opt_out", "commitment", OTHER}
    phrases = read(SHIPPED / PHRASES)
    for label in phrases:
        assert label in known or label.split(".")[1] in FACTS
    motivations = {label.split(".")[2] for label in phrases if label.startswith("fact.motivation")}
    assert motivations <= patterns("motivation").keys()
    assert patterns("intents").keys() == set(INTENTS)
    assert patterns("objections").keys() == set(OBJECTIONS)


@pytest.mark.parametrize("content", ["phrases: [yes]", "phrases:\n  a: [yes]", "phrases:\n  a: []", "[]"])
def test_what_is_no_list_of_phrases_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "phrases.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"phrases\.yaml is no list of phrases"):
        read(path)


@pytest.fixture(scope="module")
def reader() -> Understanding:
    folder = os.environ.get("LINTEL_TEST_WEIGHTS")
    if not folder or not (Path(folder) / "minilm" / "model.onnx").is_file():
        pytest.skip("no weights of sentence embeddings at hand (LINTEL_TEST_WEIGHTS)")
    return Understanding(Embedder.load(Path(folder)))


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("my cousin sells homes so we'd probably go with her", "objection.competition"),
        ("the bedrooms felt tiny", "objection.features"),
        ("would they knock something off the price", "objection.price"),
        ("I never asked you to phone me, leave me in peace", "opt_out"),
    ],
)
def test_finds_what_no_rule_names(reader: Understanding, text: str, label: str) -> None:
    (found,) = (one for one in reader.turn(turn(text)).findings() if one.label == label)
    assert found.found_by == "phrases"
    assert found.probability is not None
    assert 0.5 <= found.probability <= 1


@pytest.mark.parametrize(
    "text", ["thanks, have a nice day", "it has three bedrooms", "uh huh okay sure", "what year was it built"]
)
def test_finds_nothing_in_small_talk(reader: Understanding, text: str) -> None:
    assert [one for one in reader.turn(turn(text)).findings() if one.found_by == "phrases"] == []


def test_an_agent_only_promises(reader: Understanding) -> None:
    found = reader.turn(turn("The bedrooms felt tiny. You'd have our letter from the lender.", AGENT)).findings()
    assert {one.label for one in found} <= {"commitment"}


def test_a_denied_want_is_none(reader: Understanding) -> None:
    assert reader.turn(turn("we never were after purchasing a house of our own")).intents == ()


@pytest.mark.parametrize(
    ("text", "sign"), [("oh that's marvellous, I adore it", 1), ("he was horrid to us, I'm furious", -1)]
)
def test_tone_of_words_that_no_lexicon_has(reader: Understanding, text: str, sign: int) -> None:
    assert sign * reader.turn(turn(text)).sentiment > 0.3
