import json
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from lintel.errors import InputError
from lintel.scoring.venn_abers import VennAbers, fit_venn_abers

Float64 = NDArray[np.float64]

steady = settings(deadline=None, derandomize=True, max_examples=60)


def _naive(score: Float64, outcome: NDArray[np.bool_], weight: Float64, new: float) -> tuple[float, float]:
    """scikit-learn's isotonic regression with the new row in it, once for each outcome."""
    found = []
    for supposed in (0.0, 1.0):
        everyone = np.append(score, new), np.append(outcome, supposed), np.append(weight, 1.0)
        model = IsotonicRegression().fit(everyone[0], everyone[1], sample_weight=everyone[2])
        found.append(float(model.predict([new])[0]))
    return found[0], found[1]


@steady
@given(
    rows=st.lists(st.tuples(st.integers(0, 12), st.booleans(), st.floats(0.2, 3)), min_size=1, max_size=40),
    new=st.integers(0, 12),
)
def test_it_is_isotonic_regression_with_the_row_in_it(rows: list[tuple[int, bool, float]], new: int) -> None:
    score, outcome, weight = (np.array(column) for column in zip(*rows, strict=True))
    fitted = fit_venn_abers(score.astype(float), outcome, weight, np.arange(len(score), dtype=np.int32))
    binned = np.append(np.searchsorted(fitted.edges, score, side="right"), 0)
    own = int(np.searchsorted(fitted.edges, new, side="right"))
    expected = _naive(binned[:-1].astype(float), outcome, weight / weight.mean(), own)
    found = [float(part) for part in fitted.probabilities(np.array(float(new)))]
    assert found == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_it_is_that_of_the_venn_abers_package(seed: int) -> None:
    random = np.random.default_rng(seed)
    score = random.integers(1, 40, 400) / 41  # fewer values than bins, so that nothing is lost by them
    outcome = random.random(400) < score**2
    fitted = fit_venn_abers(score, outcome, np.ones(400), np.arange(400, dtype=np.int32))
    both = np.stack((1 - score, score), axis=1)
    with np.errstate(), warnings.catch_warnings():  # its import silences NumPy for good; its means are of empty slices
        warnings.simplefilter("ignore", RuntimeWarning)
        reference = pytest.importorskip("venn_abers").VennAbers()
        reference.fit(both, outcome.astype(int))
        _, pairs = reference.predict_proba(both)
    found = np.stack(fitted.probabilities(score), axis=1)
    np.testing.assert_allclose(found, pairs, atol=1e-6)


@steady
@given(seed=st.integers(0, 10_000), leads=st.integers(1, 80), rows_a_lead=st.integers(1, 4))
def test_both_never_fall_and_hold_the_isotonic_fit_between_them(seed: int, leads: int, rows_a_lead: int) -> None:
    random = np.random.default_rng(seed)
    n = leads * rows_a_lead
    score, outcome, weight = random.normal(size=n), random.random(n) < 0.4, random.uniform(0.5, 2, n)
    fitted = fit_venn_abers(score, outcome, weight, np.repeat(np.arange(leads, dtype=np.int32), rows_a_lead), bins=20)
    assert (np.diff(fitted.p0) >= -1e-12).all()
    assert (np.diff(fitted.p1) >= -1e-12).all()
    bin_ = np.searchsorted(fitted.edges, score, side="right")
    plain = IsotonicRegression().fit(bin_, outcome, sample_weight=weight).predict(np.arange(len(fitted.p0)))
    assert (fitted.p0 <= plain + 1e-9).all()
    assert (plain <= fitted.p1 + 1e-9).all()


def test_more_rows_of_the_same_leads_do_not_make_it_surer() -> None:
    random = np.random.default_rng(1)
    score, lead = random.normal(size=200), np.arange(200, dtype=np.int32)
    outcome = random.random(200) < 0.5
    once = fit_venn_abers(score, outcome, np.ones(200), lead)
    copied = fit_venn_abers(*(np.repeat(part, 5) for part in (score, outcome, np.ones(200), lead)))
    np.testing.assert_allclose(np.stack(copied.probabilities(score)), np.stack(once.probabilities(score)), atol=1e-12)


def test_one_of_the_two_is_calibrated() -> None:
    """The property that it is made for, on scores that are far from calibrated: E[outcome | p(outcome)] = p."""
    random, gap, share = np.random.default_rng(2), [], []
    for _ in range(60):
        score = random.random(400)
        outcome = random.random(400) < score**3
        fitted = fit_venn_abers(score[:300], outcome[:300], np.ones(300), np.arange(300, dtype=np.int32))
        p0, p1 = fitted.probabilities(score[300:])
        selected = np.where(outcome[300:], p1, p0)
        gap.extend(outcome[300:] - selected)
        share.extend(selected > 0.3)
    gap_by_part = [np.mean(np.array(gap)[np.array(share) == part]) for part in (False, True)]
    np.testing.assert_allclose(gap_by_part, 0.0, atol=0.02)


def test_they_move_together_with_more_leads() -> None:
    random = np.random.default_rng(3)
    width = {}
    for n in (100, 10_000):
        score = random.random(n)
        fitted = fit_venn_abers(score, random.random(n) < score, np.ones(n), np.arange(n, dtype=np.int32))
        p0, p1 = fitted.probabilities(np.array([0.5]))
        width[n] = float((p1 - p0)[0])
    assert 0 < width[10_000] < width[100] / 3


def test_scores_beyond_those_seen_get_the_last_bin() -> None:
    fitted = fit_venn_abers(np.arange(10.0), np.arange(10) > 4, np.ones(10), np.arange(10, dtype=np.int32))
    assert fitted.probabilities(np.array([-99.0, 99.0]))[0].tolist() == [fitted.p0[0], fitted.p0[-1]]


def test_json_brings_back_every_bit() -> None:
    fitted = fit_venn_abers(np.arange(10.0), np.arange(10) % 3 > 0, np.ones(10), np.arange(10, dtype=np.int32))
    again = VennAbers.from_json(json.loads(json.dumps(fitted.to_json())))
    assert again.to_json() == fitted.to_json()


def test_no_rows_are_refused() -> None:
    empty = np.zeros(0)
    with pytest.raises(InputError, match="no row"):
        fit_venn_abers(empty, empty.astype(bool), empty, empty.astype(np.int32))
