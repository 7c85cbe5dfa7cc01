import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.rollouts.decision import Standing
from lintel.rollouts.evidence import Matured
from lintel.rollouts.quality import quality


def matured(rows: int, bias: float = 0.0, noise: float = 0.0, seed: int = 0) -> Matured:
    """Outcomes drawn from the champion's probabilities; the candidate's lie beside them."""
    random = np.random.default_rng(seed)
    champion = random.beta(2.0, 4.0, rows)
    outcome = (random.random(rows) < champion).astype(float)
    candidate = np.clip(champion + bias + noise * random.normal(size=rows), 0.0, 1.0)
    return Matured(candidate, champion, outcome)


def test_nothing_matured_is_open() -> None:
    for nothing in ({}, {"churn": matured(0)}):
        (found,) = quality(nothing, 6, false_alarm=0.05)
        assert (found.standing, found.figure) == (Standing.OPEN, None)


@pytest.mark.parametrize(
    ("one", "standing"),
    [
        (matured(2_000, bias=0.3), Standing.BAD),
        (matured(2_000, noise=0.3), Standing.BAD),
        (matured(2_000), Standing.GOOD),
        (matured(2_000, noise=0.02), Standing.GOOD),
        (matured(50), Standing.OPEN),
        (matured(10, bias=0.3), Standing.OPEN),
    ],
)
def test_standings(one: Matured, standing: Standing) -> None:
    (found,) = quality({"conversion": one}, 1, false_alarm=0.05)
    assert (found.gate, found.standing) == ("quality:conversion", standing)


def test_a_worse_one_stays_worse_whatever_matures_after() -> None:
    worse, after = matured(400, bias=0.35), matured(3_000, bias=0.0)
    both = Matured(
        *(np.concatenate([getattr(worse, k), getattr(after, k)]) for k in ("candidate", "champion", "outcome"))
    )
    assert quality({"churn": both}, 1, false_alarm=0.05)[0].standing is Standing.BAD


def test_more_dimensions_ask_for_more_evidence() -> None:
    one = {"churn": matured(300, bias=0.2)}
    bounds = [quality(one, count, false_alarm=0.05)[0].bound for count in (1, 6)]
    assert bounds == pytest.approx([20.0, 120.0])


def test_one_bad_dimension_among_good_ones_is_found() -> None:
    found = quality({"churn": matured(2_000), "intent": matured(2_000, noise=0.4)}, 6, false_alarm=0.05)
    assert {one.gate: one.standing for one in found} == {
        "quality:churn": Standing.GOOD,
        "quality:intent": Standing.BAD,
    }


@given(st.integers(0, 10_000))
def test_an_identical_candidate_is_never_bad(seed: int) -> None:
    (found,) = quality({"churn": matured(100, seed=seed)}, 6, false_alarm=0.05)
    assert found.standing is not Standing.BAD
    assert found.figure == pytest.approx(1.0)


def test_equal_candidates_are_called_worse_no_more_often_than_said_in_dependent_dimensions() -> None:
    """Two forecasters with errors alike; six dimensions that are one and the same, the worst that can be for looking
    at each, and six of their own, the worst for taking the greatest."""
    alarms = {"same": 0, "own": 0}
    for seed in range(40):
        random = np.random.default_rng(seed)
        truth = random.beta(2.0, 4.0, (6, 600))
        outcome = (random.random((6, 600)) < truth).astype(float)
        ours, theirs = (np.clip(truth + 0.15 * random.normal(size=(6, 600)), 0.0, 1.0) for _ in range(2))
        own = {f"d{k}": Matured(ours[k], theirs[k], outcome[k]) for k in range(6)}
        same = dict.fromkeys(own, own["d0"])
        for kind, one in (("own", own), ("same", same)):
            alarms[kind] += any(found.standing is Standing.BAD for found in quality(one, 6, false_alarm=0.2))
    assert max(alarms.values()) <= 0.2 * 40


def test_sentences_have_the_figures() -> None:
    (found,) = quality({"churn": matured(2_000, bias=0.3)}, 6, false_alarm=0.05)
    assert found.sentence.startswith("Over 2000 matured outcomes of churn")
    assert "worse, with a chance of 0.05 at most" in found.sentence
    assert np.isfinite(found.figure or np.inf)
