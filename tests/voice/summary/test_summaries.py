from collections.abc import Mapping
from typing import Any

import pytest

from lintel.errors import UnavailableError
from lintel.voice.summary.abstractive import SCHEMA, summarise
from lintel.voice.summary.claims import FIELDS, Summary
from lintel.voice.summary.extractive import extract
from lintel.voice.transcript import AGENT, LEAD, Turn, Word
from lintel.voice.understanding.insights import Commitment, Fact, Insights, Intent, Objection, Question


def turn(speaker: str, text: str, at: float) -> Turn:
    return Turn(speaker, tuple(Word(word, at + i, at + i + 0.5, 1.0) for i, word in enumerate(text.split())))


TURNS = [
    turn(AGENT, "Hi, this is Ann. Are you looking to buy?", 0),
    turn(LEAD, "Yes, three bedrooms, up to 450k. No, four bedrooms.", 20),
    turn(AGENT, "Great. I will send you a list tomorrow. How about Tuesday at five?", 40),
    turn(LEAD, "Yes, that works. Are pets allowed?", 60),
    turn(AGENT, "I'll find out and get back to you.", 80),
]


def fact(name: str, value: str | float, quote: str, at: float) -> Fact:
    return Fact(quote, at, at + 1, f"rule:fact.{name}", None, name, value)


UNDERSTOOD = [
    Insights(0.2, facts=(fact("bedrooms", 9.0, "the agent's own", 0),), questions=()),
    Insights(
        0.1,
        intents=(Intent("Yes,", 20, 20.5, "rule:intent.buy", None, "buy"),),
        facts=(
            fact("bedrooms", 3.0, "three bedrooms,", 21),
            fact("budget", 450_000.0, "up to 450k.", 23),
            fact("bedrooms", 4.0, "four bedrooms.", 27),
        ),
        objections=(Objection("up to 450k.", 23, 26, "phrases", 0.7, "price"),),
    ),
    Insights(
        0.3, commitments=(Commitment("I will send you a list tomorrow.", 41, 48, "rule", None, AGENT, "tomorrow"),)
    ),
    Insights(0.3, questions=(Question("Are pets allowed?", 63, 66, "rule:question", None),)),
    Insights(0.0),
]


def test_what_was_understood_is_gathered_with_its_words() -> None:
    summary = extract(TURNS, UNDERSTOOD)
    assert [claim.text for claim in summary.needs] == ["The lead wants to buy.", "Bedrooms: 4."]
    assert [(claim.text, claim.quote) for claim in summary.budget] == [("Budget: 450,000.", "up to 450k.")]
    assert [claim.turn for claim in summary.objections] == [1]
    assert [claim.speaker for claim in summary.promises] == [AGENT]
    assert [claim.status for claim in summary.next_step] == ["booked"]
    assert [claim.quote for claim in summary.open_questions] == ["Are pets allowed?"]
    assert summary.text.startswith("The ")


def test_an_answered_question_is_not_open() -> None:
    answered = [*TURNS[:4], turn(AGENT, "Yes, cats and dogs are.", 80)]
    assert not extract(answered, UNDERSTOOD).open_questions


def test_nothing_said_gives_an_empty_summary() -> None:
    assert extract([], []) == Summary("extractive")


def claims(**fields: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: fields.get(name, []) for name in FIELDS}


def test_a_models_claims_are_kept_where_the_call_bears_them_out() -> None:
    asked: list[tuple[str, str]] = []

    def ask(instructions: str, text: str, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        asked.append((instructions, text))
        assert schema is SCHEMA
        return claims(
            budget=[
                {"text": "Budget up to $450,000.", "turn": 1, "quote": "up to 450k"},
                {"text": "Budget $900,000.", "turn": 1, "quote": "up to 450k"},
                "nonsense",
                {"text": "No turn.", "quote": "up to 450k"},
            ],
            highlights=[{"text": "They love it.", "turn": 3, "quote": "we love it"}],
        )

    summary = summarise(TURNS, UNDERSTOOD, ask, "model-1")
    assert asked[0][1].splitlines()[1] == "1 lead: Yes, three bedrooms, up to 450k. No, four bedrooms."
    assert summary.made_by == "model-1"
    assert [claim.text for claim in summary.budget] == ["Budget up to $450,000."]
    assert dict(summary.dropped) == {
        "not in the form asked for": 2,
        "number without a source": 1,
        "quote is not in the turn": 1,
    }


@pytest.mark.parametrize(
    "answer", [{}, {"budget": "much"}, {"budget": [{"text": "a", "turn": 1, "quote": "invented"}]}]
)
def test_a_model_that_says_nothing_true_gives_way_to_the_extract(answer: dict[str, Any]) -> None:
    summary = summarise(TURNS, UNDERSTOOD, lambda *_: answer, "model-1")
    assert summary.made_by == "extractive"
    assert summary.needs == extract(TURNS, UNDERSTOOD).needs


def test_a_model_out_of_reach_is_told_in_the_summary() -> None:
    def ask(*_: object) -> Mapping[str, Any]:
        raise UnavailableError("The language model cannot answer.")

    summary = summarise(TURNS, UNDERSTOOD, ask, "model-1")
    assert (summary.made_by, summary.dropped) == ("extractive", (("model unavailable", 1),))


def test_the_json_holds_every_field_and_the_running_text() -> None:
    shown = extract(TURNS, UNDERSTOOD).to_json()
    assert set(shown) == {*FIELDS, "made_by", "dropped", "text"}
    assert shown["budget"][0]["start"] == 23
