import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from lintel.rollouts.decision import Standing
from lintel.rollouts.evidence import Arm, Evidence, Pairs
from lintel.rollouts.live_gates import failures, latency, loads, rolling_health, score_shifts

GOOD, BAD, OPEN = Standing.GOOD, Standing.BAD, Standing.OPEN


def failing(asked: int, failed: int, beside: tuple[int, int] = (10_000, 0)) -> Standing:
    found = failures(Arm(asked, failed), Arm(*beside), increase=0.01, least=200, error=0.002)
    return found.standing


@pytest.mark.parametrize(
    ("asked", "failed", "beside", "standing"),
    [
        (0, 0, (0, 0), OPEN),
        (1, 1, (10_000, 0), OPEN),  # one failure at low volume
        (2, 2, (10_000, 0), OPEN),
        (9, 9, (10_000, 0), OPEN),
        (10, 10, (10_000, 0), BAD),  # always failing is caught within ten answers
        (20, 20, (20, 0), BAD),  # even if the champion has few, too
        (10, 10, (10_000, 10_000), OPEN),  # both fail: it is not the candidate
        (200, 200, (10_000, 10_000), GOOD),
        (500, 500, (500, 300), BAD),
        (200, 0, (10_000, 0), GOOD),
        (200, 2, (10_000, 0), GOOD),
        (200, 3, (10_000, 0), OPEN),  # above the limit, but within chance
        (400, 60, (1_600, 216), GOOD),  # what both failed on, and chance dealt unequally
        (400, 70, (1_600, 216), OPEN),
        (199, 0, (10_000, 0), OPEN),  # too few to go on
        (2_000, 100, (100_000, 100), BAD),  # 5 % beside .1 %
        (2_000, 20, (100_000, 500), GOOD),  # .5 points more are allowed
        (300, 0, (0, 0), GOOD),  # nothing answers beside it: the limit alone
        (300, 30, (0, 0), BAD),
    ],
)
def test_failures(asked: int, failed: int, beside: tuple[int, int], standing: Standing) -> None:
    assert failing(asked, failed, beside) is standing


@given(st.integers(1, 500), st.integers(0, 500), st.integers(1, 500), st.integers(0, 500))
def test_more_failures_of_the_candidate_never_help_it(asked: int, failed: int, theirs: int, lost: int) -> None:
    order = [GOOD, OPEN, BAD]
    beside = theirs, min(lost, theirs)
    fewer, more = (failing(asked, min(count, asked), beside) for count in (failed, failed + 1))
    assert order.index(more) >= order.index(fewer)


@given(st.integers(1, 500), st.integers(0, 500), st.integers(1, 500), st.integers(0, 499))
def test_more_failures_of_the_champion_never_hurt_the_candidate(
    asked: int, failed: int, theirs: int, lost: int
) -> None:
    order = [GOOD, OPEN, BAD]
    fewer, more = (failing(asked, min(failed, asked), (theirs, min(count, theirs))) for count in (lost, lost + 1))
    assert order.index(more) <= order.index(fewer)


def test_looked_at_after_every_answer_equal_failures_hardly_ever_count_as_an_increase() -> None:
    random, caught = np.random.default_rng(4), 0
    for _ in range(50):
        ours, theirs = np.cumsum(random.random((2, 400)) < 0.1, axis=1)
        looks = (failing(n, int(ours[n - 1]), (n, int(theirs[n - 1]))) for n in range(10, 401, 30))
        caught += any(one is BAD for one in looks)
    assert caught == 0


def timed(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> Standing:
    found = latency(Arm(compute_ms=ours), Arm(compute_ms=theirs), ratio=1.5, least=200, error=0.002)
    return found.standing


def times(count: int, factor: float = 1.0, seed: int = 0) -> NDArray[np.float64]:
    return factor * np.random.default_rng(seed).lognormal(2.0, 0.4, count)


@pytest.mark.parametrize(
    ("ours", "theirs", "standing"),
    [
        (times(0), times(0), OPEN),
        (times(300), times(0), GOOD),  # nothing beside it to compare with
        (times(10), times(0), OPEN),
        (times(0), times(300), OPEN),
        (times(300), times(3_000, seed=1), GOOD),
        (times(49), times(3_000, seed=1), OPEN),
        (times(300, 3.0), times(3_000, seed=1), BAD),
        (times(60, 5.0), times(3_000, seed=1), BAD),  # far slower is caught within few
        (times(300, 1.7), times(3_000, seed=1), OPEN),  # slower than allowed, but within chance
        (times(5_000, 1.9), times(5_000, seed=1), BAD),
        (times(5_000, 1.3), times(5_000, seed=1), GOOD),
        (times(300, 100.0), times(20, seed=1), OPEN),  # the champion's percentile is not known yet
    ],
)
def test_latency(ours: NDArray[np.float64], theirs: NDArray[np.float64], standing: Standing) -> None:
    assert timed(ours, theirs) is standing


@given(st.integers(0, 400), st.floats(1.0, 20.0), st.integers(0, 20))
def test_a_slower_candidate_never_fares_better(count: int, factor: float, seed: int) -> None:
    order = [GOOD, OPEN, BAD]
    plain, slower = (timed(times(count, by, seed), times(400, seed=99)) for by in (1.0, factor))
    assert order.index(slower) >= order.index(plain)


def test_a_few_slow_answers_are_no_slow_candidate() -> None:
    ours = times(300)
    ours[:5] = 10_000.0
    assert timed(ours, times(3_000, seed=1)) is GOOD


def test_times_of_zero_have_no_ratio() -> None:
    found = latency(Arm(compute_ms=np.zeros(500)), Arm(compute_ms=np.zeros(500)), ratio=1.5, least=200, error=0.002)
    assert (found.standing, found.figure) == (GOOD, None)


def shifted(by: float, count: int = 200, noise: float = 0.0) -> Pairs:
    random = np.random.default_rng(7)
    champion = random.uniform(0.3, 0.6, count)
    return Pairs(champion + by + noise * random.choice([-1.0, 1.0], count), champion)


@pytest.mark.parametrize(
    ("pairs", "standing"),
    [
        (shifted(0.0), GOOD),
        (shifted(0.1), GOOD),
        (shifted(0.3), BAD),
        (shifted(-0.3), BAD),
        (shifted(0.0, noise=0.3), BAD),  # up as much as down is a shift as well
        (shifted(0.16, count=60), OPEN),  # above the limit, but within chance
        (shifted(0.0, count=49), OPEN),
        (shifted(0.3, count=3), OPEN),
        (shifted(0.0, count=0), OPEN),
    ],
)
def test_score_shift(pairs: Pairs, standing: Standing) -> None:
    (found,) = score_shifts({"conversion": pairs}, limit=0.15, least=200, error=0.002)
    assert (found.gate, found.standing) == ("score_shift:conversion", standing)


def test_score_shift_says_which_way() -> None:
    higher, lower, both = (
        score_shifts({"conversion": one}, limit=0.15, least=200, error=0.002)[0].sentence
        for one in (shifted(0.1), shifted(-0.1), shifted(0.0))
    )
    assert "higher by 0.100" in higher
    assert "lower by 0.100" in lower
    assert "up as much as down" in both


def test_a_dimension_a_finding_and_none_without_pairs() -> None:
    pairs = {"timing": shifted(0.0), "churn": shifted(0.4)}
    found = score_shifts(pairs, limit=0.15, least=200, error=0.002)
    assert [(one.gate, one.standing) for one in found] == [("score_shift:churn", BAD), ("score_shift:timing", GOOD)]
    assert score_shifts({}, limit=0.15, least=200, error=0.002) == ()


def test_loads() -> None:
    assert loads(Evidence(Arm(), Arm())).standing is GOOD
    assert loads(Evidence(Arm(), Arm(), candidate_loads=False)).standing is BAD


@pytest.mark.parametrize(
    ("on", "workers", "share", "standing"),
    [
        (0, 0, 0.5, OPEN),
        (1, 4, 0.25, GOOD),
        (1, 4, 0.26, OPEN),
        (2, 4, 0.26, GOOD),
        (3, 3, 1.0, GOOD),
        (1, 10, 0.1, GOOD),
        (3, 10, 0.3, GOOD),  # .3 * 10 is 3, though not in binary
        (0, 100, 0.01, OPEN),
    ],
)
def test_rolling_health(on: int, workers: int, share: float, standing: Standing) -> None:
    assert rolling_health(on, workers, share).standing is standing


def test_findings_are_json_of_finite_numbers() -> None:
    for found in (
        failures(Arm(300, 30), Arm(), increase=0.01, least=200, error=0.002),
        latency(Arm(compute_ms=times(5)), Arm(compute_ms=times(5)), ratio=1.5, least=200, error=0.002),
        *score_shifts({"churn": shifted(0.2, count=1)}, limit=0.15, least=200, error=0.002),
    ):
        assert all(value is None or np.isfinite(value) for value in (found.figure, found.bound))
        assert found.sentence.endswith(".")
        assert set(found.to_json()) == {"gate", "standing", "figure", "bound", "sentence"}
