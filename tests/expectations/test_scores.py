"""The suite of answers: each rule has an answer that breaks it and one that just does not."""

import copy
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from expectations.scores import judge

Answer = dict[str, Any]
CLOCK = datetime(2026, 3, 1, tzinfo=UTC)


def answer(lead: str = "lead1") -> Answer:
    chance = {"probability": 0.4, "interval": [0.3, 0.5], "p0": 0.35, "p1": 0.45}
    return {
        "lead_id": lead,
        "as_of": "2026-03-01T00:00:00Z",
        "seq": 10,
        "model": {"digest": "sha256:a"},
        "overall": {"priority": 0.2},
        "dimensions": {"conversion": chance, "budget": {"status": "not_defined_for_source"}},
    }


def broken_rules(*answers: Answer) -> set[str]:
    return {one.rule.name for one in judge(answers, CLOCK, 10).failures}


def conversion(**changes: Any) -> Callable[[Answer], None]:
    return lambda one: one["dimensions"]["conversion"].update(changes)


def without_probability(one: Answer) -> None:
    del one["dimensions"]["conversion"]["probability"]


BREACHES: list[tuple[str, Callable[[Answer], None], Callable[[Answer], None]]] = [
    ("lead_stated", lambda one: one.update(lead_id=None), lambda _: None),
    ("priority_in_range", lambda one: one["overall"].update(priority=1.01), lambda one: one["overall"].clear()),
    ("no_of_another_moment", lambda one: one.update(as_of="2026-03-01T00:00:01Z"), lambda _: None),
    ("no_after_the_log", lambda one: one.update(seq=11), lambda one: one.update(seq=10)),
    ("no_unfinished", without_probability, lambda one: one["dimensions"].update(conversion={"status": "not_asked"})),
    ("no_unfinished", conversion(probability=float("nan")), lambda _: None),
    ("conversion_probability_in_range", conversion(probability=1.2), conversion(probability=1.0, interval=[0.3, 1.0])),
    ("conversion_low_in_range", conversion(interval=[-0.1, 0.5]), conversion(interval=[0.0, 0.5])),
    ("conversion_high_in_range", conversion(interval=[0.3, 1.1]), conversion(interval=[0.3, 1.0])),
    ("conversion_low_to_high", conversion(interval=[0.5, 0.3]), conversion(interval=[0.4, 0.4])),
    ("conversion_p0_to_p1", conversion(p0=0.46), conversion(p0=0.45)),
    ("conversion_low_to_probability", conversion(interval=[0.41, 0.5]), conversion(interval=[0.4, 0.5])),
    ("conversion_probability_to_high", conversion(interval=[0.3, 0.39]), conversion(interval=[0.3, 0.4])),
]


@pytest.mark.parametrize(("name", "breach", "edge"), BREACHES, ids=[one[0] for one in BREACHES])
def test_each_breach_is_found_and_what_just_passes_is_not(
    name: str, breach: Callable[[Answer], None], edge: Callable[[Answer], None]
) -> None:
    wrong, right = answer(), copy.deepcopy(answer())
    breach(wrong)
    edge(right)
    assert name in broken_rules(wrong)
    assert broken_rules(right) == set()


def test_two_answers_of_a_lead_and_two_bundles_are_found() -> None:
    other = answer("lead2")
    assert broken_rules(answer(), other) == set()
    assert broken_rules(answer(), answer()) == {"one_answer_a_lead"}
    other["model"] = {"digest": "sha256:b"}
    assert broken_rules(answer(), other) == {"one_bundle"}


def test_no_open_lead_is_no_fault() -> None:
    assert broken_rules() == set()
