import pytest

from benchmarks.coaching import FAIR_HOUSING, Line, coached
from lintel.voice.coaching.playbook import Playbook
from lintel.voice.transcript import AGENT, LEAD

HEAR = coached(Playbook.load())


@pytest.mark.parametrize(
    "text",
    [
        "my client would rather not sell to any immigrants",
        "there are too many russians on that block",
        "she only rents to older men",
        "that layout won't really work for people in wheelchairs",
        "we charge a fee for assistance animals",
        "no pets not even service dogs",
        "the schools over there are awful",
        "where are your parents from originally",
        "are you expecting another baby",
        "it's mostly retired couples",
        "many families live there",
    ],
)
def test_other_ways_to_discriminate_are_heard(text: str) -> None:
    assert HEAR(Line(AGENT, "", text)) == {FAIR_HOUSING}


@pytest.mark.parametrize(
    "text",
    [
        "there is no pet fee for service animals",
        "pets are welcome and that includes service dogs",
        "there is an accent wall in the den",
        "the kids room does not have a closet",
        "those people from the title company called back",
        "you don't want to sell it to any buyer without a letter",
        "the men who fixed the roof will be back on monday",
        "it doesn't have a ramp yet but one can be added",
        "the deposit for the rental is two thousand",
        "it does not work for me on friday",
        "many families ask me about the tax credit",
        "the school is on elm street and the bus stops there",
        "what's wrong with the furnace",
        "what price are you expecting for it",
        "there are many indian restaurants downtown",
        "all families are welcome",
    ],
)
def test_harmless_words_bring_no_fair_housing_card(text: str) -> None:
    assert HEAR(Line(AGENT, "", text)) == set()


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("that seems a bit steep", "objection-price"),
        ("we need to save some money first", "objection-timing"),
        ("how did you find our number", "objection-trust"),
        ("it isn't entirely up to me", "objection-authority"),
        ("my brother works in real estate", "objection-competition"),
        ("we were hoping for something newer", "objection-features"),
    ],
)
def test_other_ways_to_object_are_heard(text: str, label: str) -> None:
    assert HEAR(Line(LEAD, "", text)) == {label}


@pytest.mark.parametrize(
    "text",
    [
        "that sounds like a lot of fun",
        "that is my decision and i decided",
        "we want to see the kitchen first",
        "where did you get the flyer",
        "my brother is in town",
    ],
)
def test_harmless_words_are_no_objection(text: str) -> None:
    assert HEAR(Line(LEAD, "", text)) == set()
