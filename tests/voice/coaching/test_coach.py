from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from lintel.voice.coaching.card import Card, StepDone
from lintel.voice.coaching.coach import Coach
from lintel.voice.coaching.listening import Noticed, noticed
from lintel.voice.coaching.playbook import Playbook
from lintel.voice.transcript import Turn, Word
from lintel.voice.understanding.insights import Insights, Objection
from lintel.voice.understanding.talk import TalkMeter

BOOK = Playbook.load()


def turn(speaker: str, text: str, at: float = 0.0) -> Turn:
    words = (Word(word, at + 0.3 * i, at + 0.3 * i + 0.25, 1.0) for i, word in enumerate(text.split()))
    return Turn(speaker, tuple(words))


def rules(shown: Sequence[Card | StepDone]) -> list[str]:
    return [one.rule for one in shown if isinstance(one, Card)]


def test_a_card_quotes_the_words_that_brought_it() -> None:
    (card,) = Coach(BOOK).hear(turn("lead", "Well, honestly that is too expensive for us.", 10), [], 13.5)
    assert (card.rule, card.quote, card.category) == ("objection-price", "too expensive", "objection")
    assert (card.start, card.end, card.at) == (pytest.approx(11.2), pytest.approx(11.75), 13.5)


def test_a_turn_that_grows_brings_its_card_once_and_as_soon_as_it_is_said() -> None:
    coach, words = Coach(BOOK), turn("agent", "This is a really safe neighborhood and it is a safe area.").words
    shown = [
        (n, rule) for n in range(1, len(words) + 1) for rule in rules(coach.hear(Turn("agent", words[:n]), [], n * 0.3))
    ]
    assert shown == [(6, "fair-housing-safety")]


def test_the_same_words_from_the_other_side_bring_nothing() -> None:
    assert not rules(Coach(BOOK).hear(turn("lead", "It is a safe neighborhood."), [], 3))
    assert not rules(Coach(BOOK).hear(turn("agent", "Some say it is too expensive."), [], 3))


def test_declining_to_characterise_is_what_is_wanted() -> None:
    assert not rules(Coach(BOOK).hear(turn("agent", "I can't really say whether it is a safe neighborhood."), [], 5))


def test_the_graver_card_comes_first() -> None:
    coach = Coach(BOOK)
    text = "I guarantee it will sell. The schools are great. It is a safe area."
    assert rules(coach.hear(turn("agent", text), [], 5)) == [
        "fair-housing-safety",
        "no-guarantee",
        "fair-housing-schools",
    ]


def test_after_an_objection_there_is_silence_but_not_for_the_law() -> None:
    coach = Coach(BOOK)
    assert rules(coach.hear(turn("lead", "That is too expensive.", 0), [], 2)) == ["objection-price"]
    assert not rules(coach.hear(turn("lead", "We already have another agent.", 3), [], 5))
    assert rules(coach.hear(turn("agent", "It is a safe area.", 6), [], 8)) == ["fair-housing-safety"]


def test_steps_tick_themselves_off_once() -> None:
    coach = Coach(BOOK)
    heard = coach.hear(
        turn("agent", "Hi, this is Ann with Beam Homes. Just so you know, this call is recorded."), [], 4
    )
    assert [one.step for one in heard if isinstance(one, StepDone)] == ["says-who-is-calling", "says-it-is-recorded"]
    assert not coach.hear(turn("agent", "This is Ann with Beam Homes.", 20), [], 22)
    assert "says-who-is-calling" not in [step.id for step in coach.open_steps()]


def test_an_insight_brings_a_card_too() -> None:
    noticed = [Noticed("objection.price", "more than the bank gives us", 1.0, 2.0)]
    (card,) = Coach(BOOK).hear(turn("lead", "That is more than the bank gives us."), noticed, 3)
    assert (card.rule, card.quote) == ("objection-price", "more than the bank gives us")


@pytest.mark.parametrize(("found_by", "shown"), [("rule:objection.price", 1), ("model", 1), ("phrases", 0)])
def test_what_only_sounds_like_an_objection_interrupts_nobody(found_by: str, shown: int) -> None:
    insights = Insights(0.0, objections=(Objection("more than the bank gives us", 1.0, 2.0, found_by, 0.6, "price"),))
    assert len(noticed(insights)) == shown
    assert noticed(None) == []


class Bag:
    """Embeddings of a test: the bag of words, so that similar means many words in common."""

    def __init__(self) -> None:
        self.words: dict[str, int] = {}

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = np.zeros((len(texts), 256), dtype=np.float32)
        for i, text in enumerate(texts):
            for word in text.lower().replace("?", "").split():
                rows[i, self.words.setdefault(word, len(self.words))] = 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_words_that_mean_the_same_count_when_the_sentence_is_complete() -> None:
    coach = Coach(BOOK, embedder=Bag())
    assert not coach.hear(turn("agent", "And areas, which ones are considering you"), [], 2)
    (step,) = coach.hear(turn("agent", "And areas, which ones are considering you?"), [], 3)
    assert step.step == "asks-area"


def test_measures_bring_cards_when_they_leave_their_range_and_the_same_figure_is_told_once() -> None:
    coach, meter = Coach(BOOK), TalkMeter()
    meter.speech("agent", 0.0, 150.0)
    meter.speech("lead", 150.0, 160.0)
    shown = coach.measure(meter.measures(200.0), 200.0)
    assert "talk-less" in rules(shown)
    assert shown[0].quote == "talk_share of the agent is 0.94"
    again = [rule for at in (600.0, 1_200.0) for rule in rules(coach.measure(meter.measures(200.0), at))]
    assert "talk-less" not in again


def test_the_agents_word_on_a_card_is_kept_the_last_one_counts() -> None:
    coach = Coach(BOOK)
    (card,) = coach.hear(turn("lead", "Too expensive."), [], 1)
    assert coach.judge("nonsense", "useful") is None
    assert coach.judge(card.card_id, "dismissed") == card
    coach.judge(card.card_id, "useful")
    assert coach.shown() == [(card, "useful")]


def test_cards_that_nobody_finds_useful_are_muted_but_the_law_is_not() -> None:
    coach = Coach(BOOK, muted={"objection-price", "fair-housing-safety"})
    assert not coach.hear(turn("lead", "Too expensive."), [], 1)
    assert rules(coach.hear(turn("agent", "A safe area."), [], 3)) == ["fair-housing-safety"]


def test_nothing_said_brings_nothing() -> None:
    assert Coach(BOOK).hear(Turn("lead", ()), [], 0) == []
