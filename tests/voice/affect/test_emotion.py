"""The emotion model: trained, kept, judged on speakers it has not heard, and silent where it is not sure."""

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.errors import IncompatibleError, InputError, NotFoundError, RefusedError
from lintel.voice.affect.emotion import UNKNOWN, EmotionModel, emotions
from lintel.voice.affect.emotion_training import Accuracy, Choice, accuracy, fitted, grouped, held_out, surely, train
from lintel.voice.affect.encoder import WIDTH as ENCODER_WIDTH
from lintel.voice.audio.samples import Samples

SPEAKERS = 12
WIDTH = 40
"""Less than an encoder's, which only the file of a model insists on."""
KINDS = ("angry", "calm", "sad")
TODAY = date(2026, 3, 1)


def recorded(width: int = WIDTH) -> tuple[np.ndarray, list[str], list[str]]:
    """Clips of each speaker in each kind: a centre a kind, a shift a speaker, and noise."""
    rng = np.random.default_rng(0)
    centres, shifts = 2 * rng.normal(size=(len(KINDS), width)), rng.normal(size=(SPEAKERS, width)) * 0.2
    rows = [(kind, speaker) for kind in range(len(KINDS)) for speaker in range(SPEAKERS) for _ in range(2)]
    vectors = np.array([centres[kind] + shifts[speaker] + rng.normal(size=width) for kind, speaker in rows])
    return vectors, [KINDS[kind] for kind, _ in rows], [f"s{speaker}" for _, speaker in rows]


@pytest.fixture(scope="module")
def trained() -> tuple[EmotionModel, Accuracy]:
    vectors, labels, speakers = recorded()
    return train(vectors, labels, speakers, np.random.default_rng(0), source="made up", today=TODAY)


def test_what_vectors_tell_is_learnt_and_said(trained: tuple[EmotionModel, Accuracy]) -> None:
    model, judged = trained
    assert judged.unweighted > 0.95
    assert judged.low <= judged.unweighted <= judged.high
    assert (judged.clips, judged.speakers) == (72, SPEAKERS)
    vectors, labels, _ = recorded()
    assert [one.label for one in model.told(vectors)] == labels
    assert model.card["trained"] == "2026-03-01"
    assert len(model.card["held_out"]["folds"]) == 6
    assert min(model.card["held_out"]["folds"]) > 0.8


def test_what_it_is_not_sure_of_is_unknown(trained: tuple[EmotionModel, Accuracy]) -> None:
    model, _ = trained
    (between,) = model.told(model.mean[None])
    assert (between.label, between.probability < model.sure) == (UNKNOWN, True)


def test_noise_is_not_learnt() -> None:
    """Labels drawn at random cannot be told for unheard speakers, so nothing is ever sure."""
    rng = np.random.default_rng(3)
    labels = [str(kind) for kind in rng.permutation(["a", "b", "c"] * 24)]
    speakers = [f"s{clip % SPEAKERS}" for clip in range(72)]
    model, judged = train(rng.normal(size=(72, WIDTH)), labels, speakers, rng, source="noise", today=TODAY)
    assert judged.unweighted < 0.55
    assert {one.label for one in model.told(rng.normal(size=(50, WIDTH)))} == {UNKNOWN}


def test_nobody_is_on_both_sides() -> None:
    """Each speaker has one label and a voice of its own: heard before, it would give the label away."""
    rng = np.random.default_rng(0)
    voices = rng.normal(size=(SPEAKERS, WIDTH)) * 3
    speakers = [speaker for speaker in range(SPEAKERS) for _ in range(6)]
    vectors = np.array([voices[speaker] + rng.normal(size=WIDTH) * 0.1 for speaker in speakers])
    classes = np.array([speaker % 2 for speaker in speakers])
    names = [str(speaker) for speaker in speakers]
    said = held_out(vectors, classes, grouped(names, 6), names).argmax(axis=1)
    assert np.mean(said == classes) < 0.8


def of_an_encoder() -> EmotionModel:
    vectors, labels, _ = recorded(ENCODER_WIDTH)
    return fitted(
        vectors, np.array([KINDS.index(label) for label in labels]), KINDS, Choice(0.3, 2.0), sure=0.5, card={"a": 1}
    )


def test_a_model_survives_its_folder(tmp_path: Path) -> None:
    model = of_an_encoder()
    model.save(tmp_path)
    loaded = EmotionModel.load(tmp_path)
    vectors, _, _ = recorded(ENCODER_WIDTH)
    assert (loaded.labels, loaded.sure, loaded.card) == (model.labels, model.sure, model.card)
    assert np.allclose(loaded.probabilities(vectors), model.probabilities(vectors), atol=1e-4)


def test_a_model_of_another_kind_is_refused(trained: tuple[EmotionModel, Accuracy], tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="No emotion model"):
        EmotionModel.load(tmp_path)
    trained[0].save(tmp_path / "narrow")
    with pytest.raises(IncompatibleError, match="of another kind"):
        EmotionModel.load(tmp_path / "narrow")
    of_an_encoder().save(tmp_path)
    card = tmp_path / "emotion.json"
    card.write_text(json.dumps(json.loads(card.read_text()) | {"version": 99}))
    with pytest.raises(IncompatibleError, match="version 99"):
        EmotionModel.load(tmp_path)
    card.write_text(json.dumps(json.loads(card.read_text()) | {"version": 1, "features": "whisper-large"}))
    with pytest.raises(IncompatibleError, match="whisper-large"):
        EmotionModel.load(tmp_path)


@pytest.mark.parametrize(
    ("labels", "speakers", "words"),
    [
        (["a"] * 30, ["1", "2", "3"] * 10, "1 labels"),
        (["a"] * 25 + ["b"] * 5, ["1", "2", "3"] * 10, "b have fewer than 10"),
        (["a", "b"] * 15, ["1"] * 30, "1 speakers"),
    ],
)
def test_too_little_is_refused(labels: list[str], speakers: list[str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        train(np.zeros((30, WIDTH)), labels, speakers, np.random.default_rng(0), source="", today=TODAY)


clips = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from("abcd")), min_size=1, max_size=40)


@given(clips)
def test_unweighted_accuracy_is_the_mean_of_recalls(told: list[tuple[int, int, str]]) -> None:
    truth, said, speakers = (list(column) for column in zip(*told, strict=True))
    recalls = []
    for kind in set(truth):
        answers = [answer for real, answer in zip(truth, said, strict=True) if real == kind]
        recalls.append(answers.count(kind) / len(answers))
    found = accuracy(np.array(truth), np.array(said), speakers, np.random.default_rng(0), draws=50)
    assert found.unweighted == pytest.approx(sum(recalls) / len(recalls))
    assert 0 <= found.low <= found.high <= 1


@given(st.lists(st.tuples(st.floats(0.34, 1.0), st.booleans()), min_size=1, max_size=60))
def test_sure_answers_were_right_four_times_of_five(told: list[tuple[float, bool]]) -> None:
    """By trying every probability that occurs."""
    held = np.array([[best, (1 - best) / 2, (1 - best) / 2] for best, _ in told])
    truth = np.array([0 if right else 1 for _, right in told])
    sure, answered = surely(truth, held)
    above = [right for best, right in told if best >= sure]
    if answered == 0:
        assert sure > 1
        return
    assert len(above) >= 20
    assert sum(above) >= 0.8 * len(above)
    assert answered == pytest.approx(len(above) / len(told))


def test_folds_keep_speakers_whole() -> None:
    speakers = [str(number % 7) for number in range(50)]
    folds = grouped(speakers, 3)
    assert set(folds.tolist()) == {0, 1, 2}
    assert len({(speaker, fold) for speaker, fold in zip(speakers, folds.tolist(), strict=True)}) == 7


class Loudness:
    """An encoder whose vectors are a clip's loudness, over and over; it counts the clips it was given."""

    def __init__(self) -> None:
        self.clips = 0

    def vectors(self, clips: Sequence[Samples]) -> np.ndarray:
        self.clips += len(clips)
        return np.array([np.full(WIDTH, np.abs(clip).mean()) for clip in clips])


def by_loudness() -> EmotionModel:
    """Above .25 angry, below calm; unknown near it."""
    ones = np.ones(WIDTH)
    directions = np.stack([ones, -ones], axis=1)
    return EmotionModel(("angry", "calm"), 0.25 * ones, 0.1 * ones, directions, np.zeros(2), 0.9, {})


def test_each_stretch_is_told_by_itself() -> None:
    call = np.concatenate([np.full(16_000, level, np.float32) for level in (0.4, 0.1, 0.25)])
    stretches = [(0.0, 1.0), (1.0, 2.0), (2.0, 3.0), (0.0, 0.2), (9.0, 9.9)]
    encoder = Loudness()
    told = emotions(by_loudness(), encoder, call, stretches, speaker="lead")
    assert [one.label for one in told] == ["angry", "calm", UNKNOWN, UNKNOWN, UNKNOWN]
    assert [one.probability for one in told[3:]] == [0.0, 0.0]
    assert encoder.clips == 3, "what is too short was encoded"
    assert emotions(by_loudness(), encoder, call, [], speaker="lead") == []


@pytest.mark.parametrize("speaker", ["agent", "speaker-1", ""])
def test_nobody_but_the_customer_is_looked_at(speaker: str) -> None:
    encoder = Loudness()
    with pytest.raises(RefusedError, match="only a customer's"):
        emotions(by_loudness(), encoder, np.zeros(16_000, np.float32), [(0.0, 1.0)], speaker=speaker)
    assert encoder.clips == 0
