"""Understanding by rules: what is found in a turn, what is not, and that quotes and times are the turn's own."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.voice.transcript import AGENT, LEAD, Turn
from lintel.voice.understanding.insights import Insights
from lintel.voice.understanding.understanding import Understanding
from tests.voice.understanding.turns import turn

UNDERSTANDING = Understanding()


def labels(text: str, speaker: str = LEAD, asked: str = "") -> set[str]:
    return {one.label for one in understood(text, speaker, asked).findings()}


def understood(text: str, speaker: str = LEAD, asked: str = "") -> Insights:
    return UNDERSTANDING.turn(turn(text, speaker, start=60.0), [turn(asked, AGENT)] if asked else [])


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("We want to buy a house", "intent.buy"),
        ("I'm looking for an apartment to rent", "intent.rent"),
        ("we are thinking about selling our condo", "intent.sell"),
        ("Could we see the house on Saturday?", "intent.viewing"),
        ("what is my home worth these days", "intent.valuation"),
        ("can you call me back tomorrow", "intent.callback"),
        ("That's too expensive for us", "objection.price"),
        ("I need to think about it", "objection.timing"),
        ("how do I know you are telling the truth", "objection.trust"),
        ("I have to talk to my wife", "objection.authority"),
        ("we already have an agent", "objection.competition"),
        ("the kitchen is too small", "objection.features"),
        ("our lease is up in June", "fact.motivation"),
        ("we are pre-approved", "fact.financing"),
        ("please stop calling me", "opt_out"),
        ("we are not looking to buy", "not.intent.buy"),
        ("we don't need a garage", "not.fact.feature.garage"),
    ],
)
def test_finds(text: str, label: str) -> None:
    assert label in labels(text)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("we are not looking to buy", "intent.buy"),
        ("it's not too expensive", "objection.price"),
        ("it is never too small for us", "objection.features"),
        ("don't stop calling me", "opt_out"),
        ("we are not pre-approved", "fact.financing"),
        ("I'll send it if you want", "question"),
        ("Do they allow pets?", "fact.feature"),
        ("I'd like to know if it is furnished", "fact.feature"),
        ("the house was listed at 450k, above our budget", "fact.budget"),
    ],
)
def test_does_not_find(text: str, label: str) -> None:
    assert label not in labels(text)


@pytest.mark.parametrize(
    ("text", "asked", "value", "lower", "bound"),
    [
        ("our budget is four hundred fifty thousand", "", 450_000, None, "exactly"),
        ("we can go up to 450 k", "", 450_000, None, "at_most"),
        ("we'd spend between 400 and 450k", "", 450_000, 400_000, "between"),
        ("our budget is 400-450", "", 450_000, 400_000, "between"),
        ("we could spend four to five hundred thousand", "", 500_000, 400_000, "between"),
        ("around four fifty", "What is your budget?", 450_000, None, "about"),
        ("I can pay $2,200 a month in rent", "", 2_200, None, "exactly"),
    ],
)
def test_budget(text: str, asked: str, value: float, lower: float | None, bound: str) -> None:
    (fact,) = [one for one in understood(text, asked=asked).facts if one.name == "budget"]
    assert (fact.value, fact.lower, fact.bound) == (value, lower, bound)


@pytest.mark.parametrize(
    "text",
    [
        "we have 3 kids and 2 cars",
        "call me at 555 1234",
        "my number is 555-1234",
        "in 2024 we moved",
        "a 2000 square foot lot",
    ],
)
def test_numbers_that_are_no_budget(text: str) -> None:
    assert "fact.budget" not in labels(f"our budget is flexible and {text}")


@pytest.mark.parametrize(
    ("text", "asked", "name", "value"),
    [
        ("a three bedroom house", "", "bedrooms", 3.0),
        ("two and a half baths", "", "bathrooms", 2.5),
        ("2, please", "How many bedrooms do you need?", "bedrooms", 2.0),
        ("something in San Jose", "", "area", "San Jose"),
        ("Walnut Creek.", "Which city do you prefer?", "area", "Walnut Creek"),
        ("we want to move by the end of May", "", "timeline", "by the end of May"),
        ("let's meet Saturday at two", "", "appointment", "Saturday at two"),
        ("a townhouse would be best", "", "property_type", "townhouse"),
    ],
)
def test_facts(text: str, asked: str, name: str, value: str | float) -> None:
    assert value in [one.value for one in understood(text, asked=asked).facts if one.name == name]


def test_commitment_says_who_and_when() -> None:
    (promise,) = understood("Great. I'll send you the papers tomorrow. Bye.", AGENT).commitments
    assert (promise.by, promise.due, promise.quote) == (AGENT, "tomorrow", "I'll send you the papers tomorrow.")
    assert (promise.start, promise.end) == pytest.approx((60.3, 62.05))


def test_an_agent_has_no_wants_objections_or_budget() -> None:
    found = labels("Do you want to buy a house up to 450k or is that too expensive? We can meet Friday at noon.", AGENT)
    assert found == {"question", "fact.appointment", "fact.next_step"}


@pytest.mark.parametrize(
    "text", ["Is it still available?", "how many bedrooms does it have", "so what do you think about it"]
)
def test_questions(text: str) -> None:
    assert "question" in labels(text)


def test_a_pause_keeps_a_denial_from_reaching_further() -> None:
    assert "intent.buy" in labels("not now | we want to buy")
    assert "not.intent.buy" in labels("not now we want to buy")


TEXT = """we want to buy a house in Oakland for four hundred fifty thousand dollars not too expensive my wife I'll send
you papers tomorrow ? . , stop calling me Saturday at two | how much İstanbul ’ naïve 家 450k three
bedroom but lease is up"""
WORDS = st.sampled_from(TEXT.split())


@given(st.lists(WORDS, max_size=60), st.sampled_from([AGENT, LEAD, "speaker-1"]))
def test_quotes_are_verbatim_and_within_the_turn(words: list[str], speaker: str) -> None:
    said = turn(" ".join(words), speaker, start=5.0)
    for one in UNDERSTANDING.turn(said).findings():
        first = next(i for i, word in enumerate(said.words) if word.start == one.start)
        last = next(i for i, word in enumerate(said.words) if word.end == one.end)
        assert one.quote == " ".join(word.text for word in said.words[first : last + 1])


@given(st.text(max_size=200))
def test_any_text_is_read(text: str) -> None:
    said = turn(text.replace("|", ""))
    insights = UNDERSTANDING.turn(said)
    assert -1 <= insights.sentiment <= 1
    assert all(one.quote in said.text for one in insights.findings())
    json.dumps(insights.to_json())


def test_a_turn_without_words_means_nothing() -> None:
    assert list(UNDERSTANDING.turn(Turn(LEAD, ())).findings()) == []


@pytest.mark.parametrize(
    "word",
    ["we ", "looking for a ", "four hundred ", "I'll ", "A", "not ", "can we see it? ", "in Oakland Oakland ", "five-"],
)
def test_a_huge_turn_is_cut(word: str) -> None:
    said = turn(word * (40_000 // len(word)))
    insights = UNDERSTANDING.turn(said)
    assert insights.cut
    assert all(one.quote in said.text for one in insights.findings())


def test_a_language_that_is_not_read_means_little() -> None:
    assert labels("Wir suchen ein Haus mit Garten, aber nicht zu teuer, bitte.") <= {"question"}


def test_turns_are_read_alone() -> None:
    """The same turn after the same turns means the same, whatever was read between."""
    said, before = turn("four fifty"), [turn("What's your budget?", AGENT)]
    first = UNDERSTANDING.turn(said, before)
    UNDERSTANDING.turn(turn("we are not interested"), [*before, said])
    assert UNDERSTANDING.turn(said, before) == first


def test_an_answer_in_two_turns_is_one() -> None:
    before = [turn("What's your budget?", AGENT), turn("Hm, let me think.", start=3.0)]
    (fact,) = UNDERSTANDING.turn(turn("Four fifty.", start=8.0), before).facts
    assert fact.value == 450_000


def test_only_the_last_turns_matter() -> None:
    long_ago = [turn("How many bedrooms do you need?", AGENT), turn("I don't know")]
    near = [turn("I see.", AGENT), turn("yes"), turn("Fine.", AGENT)]
    assert UNDERSTANDING.turn(turn("4, please"), [*long_ago, *near]) == UNDERSTANDING.turn(turn("4, please"), near)
