"""Which way scores move when one thing about a simulated lead is changed. `benchmarks.directions` says what is changed,
what the simulator's truth says of it, and prints the figures of the whole ensemble; here trees alone are asked.

Held to the truth where there is one: a quick answer raises intent and engagement, a first viewing booked raises
conversion and intent, an opt-out ends engagement. A stated budget moves no truth of this world: that the score rises is
what its features are declared to do, for people expect it of real leads, and no promise that it is so.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.directions import (
    CHANGES,
    SHORTLY,
    Past,
    asked_about,
    event,
    figures,
    movements,
    past,
    scored,
    some_cases,
    table,
    trained,
)
from lintel.language.signals import signals
from lintel.scoring.bundle import Bundle
from lintel.scoring.dimension import LEAST_PROBABILITY
from tests.scoring.small import small_ensemble

LEADS, ASKED, CASES = 1_200, 400, 100
PLAIN = "We have a dog."
MOVES = [(name, dimension) for name, change in CHANGES.items() for dimension in change.moves]
LEAST = {
    ("replies sooner", "intent"): (0.9, -0.04),
    ("books a viewing", "conversion"): (0.9, -0.02),
    ("states a budget", "intent"): (0.85, -0.04),
    ("stated a budget in its message", "intent"): (0.7, -0.04),
}
"""Share that does not move against the stated way, and the worst movement, where (.99, -.01) is not reached: of a
thousand leads such models learn some chance, too, and one event moves fifty features."""


@dataclass(frozen=True)
class Small:
    """A bundle of one history, and another history to ask about."""

    bundle: Bundle
    asked: Past


@pytest.fixture(scope="module")
def small() -> Small:
    return Small(trained(past("demo", 5, LEADS), small_ensemble()), past("demo", 100, ASKED))


@pytest.fixture(scope="module")
def found(small: Small) -> dict[tuple[str, str], dict[str, Any]]:
    """Figures of each change and dimension."""
    told = {}
    for name, change in CHANGES.items():
        cases = some_cases(small.asked, change, CASES)
        assert len(cases) > 0.8 * CASES
        moved = movements(small.bundle.scorer, small.asked, change, cases)
        told |= {(name, dimension): figures(one) for dimension, one in moved.items()}
    return told


@pytest.mark.parametrize("which", MOVES)
def test_scores_move_the_stated_way(found: dict[tuple[str, str], dict[str, Any]], which: tuple[str, str]) -> None:
    share, worst = LEAST.get(which, (0.99, -0.01))
    print(which, found[which])
    assert found[which]["score"]["not_against"] >= share
    assert found[which]["score"]["worst"] >= worst
    assert found[which]["score"]["mean"] > 0.0


@pytest.mark.parametrize("which", [one for one in MOVES if one[0] in {"replies sooner", "books a viewing"}])
def test_the_stated_way_is_true(found: dict[tuple[str, str], dict[str, Any]], which: tuple[str, str]) -> None:
    true = found[which]["truth"]
    assert true["not_against"] >= 0.95
    assert true["worst"] >= -0.02
    assert true["mean"] > 0.05


def test_a_budget_moves_no_truth_of_this_world(found: dict[tuple[str, str], dict[str, Any]]) -> None:
    for name in ("states a budget", "stated a budget in its message"):
        true = found[name, "intent"]["truth"]
        assert (true["worst"], true["mean"], true["stated_way"]) == (0.0, 0.0, 0.0)


def test_who_opted_out_has_the_least_engagement_and_is_told_why(small: Small) -> None:
    case = some_cases(small.asked, CHANGES["opts out"], 1)[0]
    events, lead_ids = table([case.after], small.asked.schema)
    moment = datetime.fromtimestamp(case.as_of / 1e6, UTC)
    card = small.bundle.score(events, moment, lead_ids=lead_ids, explain=True)[0]
    assert card["dimensions"]["engagement"]["probability"] == LEAST_PROBABILITY
    told = [one for one in card["reasons"] if one["dimension"] == "engagement"]
    assert min(told, key=lambda one: one["log_odds"])["features"] == ["consent_withdrawn"]


def test_an_empty_lead_abstains(small: Small) -> None:
    case = some_cases(small.asked, CHANGES["opts out"], 1)[0]
    events, _ = table([case.before], small.asked.schema)
    before_all = datetime(2020, 1, 1, tzinfo=UTC)
    for lead_ids, moment in ((["nobody"], datetime(2024, 6, 1, tzinfo=UTC)), (["case-00000"], before_all)):
        card = small.bundle.score(events, moment, lead_ids=lead_ids, explain=True)[0]
        assert card["error"]["type"] == "not-enough-history"
        assert "dimensions" not in card


def intents(small: Small, text: str) -> NDArray[np.float64]:
    """Intent of leads that have just written `text`."""
    asked = [one for one, _ in zip(asked_about(small.asked, np.random.default_rng(2)), range(60), strict=False)]
    told = {"channel": "sms", "text": text}
    written = [[*known, event(known, "sms.inbound", as_of - SHORTLY, **told)] for as_of, known in asked]
    as_of = np.array([one for one, _ in asked], np.int64)
    return scored(small.bundle.scorer, small.asked, written, as_of)["intent"]


@pytest.mark.parametrize("text", ["No budget yet.", "I do not want to see the house.", "Never mind a viewing."])
def test_a_negated_phrase_counts_no_more_than_any_words(small: Small, text: str) -> None:
    assert signals(text, "sms.inbound") == signals(PLAIN, "sms.inbound")
    np.testing.assert_array_equal(intents(small, text), intents(small, PLAIN))


def test_a_wish_is_worth_at_least_its_denial(small: Small) -> None:
    denied, wish = "I do not want to see the house.", "I want to see the house."
    told, meant = signals(denied, "sms.inbound"), signals(wish, "sms.inbound")
    assert (told.asks_viewing, meant) == (0.0, replace(told, asks_viewing=1.0))
    assert (intents(small, wish) >= intents(small, denied)).all()


def test_not_looking_to_view_is_no_wish_for_a_viewing() -> None:
    assert signals("not looking to view", "sms.inbound").asks_viewing == 0.0
