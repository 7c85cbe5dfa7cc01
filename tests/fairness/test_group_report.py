"""Gaps, selection and calibration by group: against naive figures, and against what was put in."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.fairness.group_report import group_report, selection
from lintel.fairness.groups import UNKNOWN, Groups
from lintel.scoring.metrics import auc

NAMES = ("a", "b")


def made(leads: int = 1500, seed: int = 1, *, shift: float = 0.0, bias: float = 0.0):
    """Score, outcome, weight, groups and lead: `shift` in log-odds is real, `bias` is the score's alone; both for b."""
    random = np.random.default_rng(seed)
    lead = np.repeat(np.arange(leads, dtype=np.int32), 2)
    code = random.integers(0, 2, leads).astype(np.int64)[lead]
    log_odds = random.normal(size=leads)[lead] - 1.0 + shift * code
    outcome = random.random(2 * leads) < 1 / (1 + np.exp(-log_odds))
    return 1 / (1 + np.exp(-log_odds - bias * code)), outcome, np.ones(2 * leads), Groups(code, NAMES), lead


def test_equal_groups_show_no_gap() -> None:
    report = group_report(*made(), seed=1, draws=200)
    assert [one.group for one in report.groups] == ["a", "b"]
    for one in report.groups:
        assert one.score_gap.low < 0 < one.score_gap.high
        assert not one.adverse
        assert not one.miscalibrated
        assert one.calibration_slope == pytest.approx(1.0, abs=0.25)
        assert one.auc is not None
        assert one.auc.low < one.auc.value < one.auc.high


def test_figures_are_the_plain_ones_of_each_group() -> None:
    score, outcome, weight, groups, lead = made()
    report = group_report(score, outcome, weight, groups, lead, seed=1, draws=20)
    best = np.argsort(-score)[: round(0.2 * len(score))]
    rates = [np.isin(np.flatnonzero(groups.code == code), best).mean() for code in (0, 1)]
    for code, one in enumerate(report.groups):
        mine = groups.code == code
        assert one.rows == mine.sum()
        assert one.leads == len(np.unique(lead[mine]))
        assert one.mean_score == pytest.approx(score[mine].mean())
        assert one.score_gap.value == pytest.approx(score[mine].mean() - score[~mine].mean())
        assert one.selection_rate == pytest.approx(rates[code])
        assert one.impact_ratio.value == pytest.approx(rates[code] / max(rates))
        assert one.calibration_gap.value == pytest.approx(score[mine].mean() - outcome[mine].mean())
        assert one.auc.value == pytest.approx(auc(outcome[mine], score[mine], weight[mine]))


def test_a_real_difference_is_adverse_and_calibrated() -> None:
    a, b = group_report(*made(shift=-1.0), seed=1, draws=200).groups
    assert b.adverse
    assert b.impact_ratio.high < 0.8
    assert b.score_gap.high < 0
    assert not a.adverse
    assert (a.impact_ratio.value, a.impact_ratio.low, a.impact_ratio.high) == (1, 1, 1)
    assert not b.miscalibrated


def test_a_biased_score_is_miscalibrated_for_its_group_alone() -> None:
    a, b = group_report(*made(bias=0.8), seed=1, draws=200).groups
    assert b.miscalibrated
    assert b.calibration_gap.low > 0
    assert not a.miscalibrated


def test_intervals_have_the_width_of_the_leads_not_of_the_rows() -> None:
    score, outcome, weight, groups, lead = made(400)
    once = group_report(score, outcome, weight, groups, lead, seed=1, draws=300)
    many = np.repeat(np.arange(len(score)), 5)
    often = group_report(
        score[many], outcome[many], weight[many], Groups(groups.code[many], NAMES), lead[many], seed=1, draws=300
    )
    for one, five in zip(once.groups, often.groups, strict=True):
        widths = [figures.calibration_gap.high - figures.calibration_gap.low for figures in (one, five)]
        assert widths[1] == pytest.approx(widths[0])


def test_small_groups_are_too_few_and_unknown_ones_count_for_the_cut_alone() -> None:
    score, outcome, weight, groups, lead = made(400)
    code = np.where(lead < 30, 1, 0).astype(np.int64)
    report = group_report(score, outcome, weight, Groups(code, NAMES), lead, seed=1, draws=20)
    assert report.too_few == ("b",)
    assert [one.group for one in report.groups] == ["a"]
    nobody = group_report(score, outcome, weight, Groups(np.full(len(score), UNKNOWN), ()), lead, seed=1, draws=20)
    assert nobody.groups == nobody.too_few == ()
    half = np.where(score > np.quantile(score, 0.8), UNKNOWN, groups.code)
    chosen = group_report(score, outcome, weight, Groups(half, NAMES), lead, seed=1, draws=20)
    assert max(one.selection_rate for one in chosen.groups) == 0


def test_without_enough_outcomes_there_is_no_slope_and_no_auc() -> None:
    score, outcome, weight, groups, lead = made(400)
    outcome = outcome & (groups.code == 0)
    a, b = group_report(score, outcome, weight, groups, lead, seed=1, draws=20).groups
    assert a.auc is not None
    assert b.auc is None
    assert b.calibration_slope is None


def test_alarms_among_equal_groups_are_as_rare_as_the_level_says() -> None:
    """Which group comes out highest is chance, too: with four of them every pair is compared."""
    adverse = miscalibrated = 0
    for seed in range(80):
        random = np.random.default_rng(seed)
        code, score = random.integers(0, 4, 600), random.beta(2, 2, 600)
        outcome, lead = random.random(600) < score, np.arange(600, dtype=np.int32)
        groups = Groups(code.astype(np.int64), ("a", "b", "c", "d"))
        report = group_report(score, outcome, np.ones(600), groups, lead, seed=seed, draws=60)
        adverse += any(one.adverse for one in report.groups)
        miscalibrated += any(one.miscalibrated for one in report.groups)
    most = 9  # of 80 at one in twenty: exceeded with probability .01
    assert adverse <= most
    assert miscalibrated <= most


def test_a_group_of_which_nobody_is_chosen_is_treated_adversely() -> None:
    score, outcome, weight, groups, lead = made(400)
    score = np.where(groups.code == 1, score / 10, score)
    _, b = group_report(score, outcome, weight, groups, lead, seed=1, draws=20).groups
    assert b.selection_rate == 0
    assert b.adverse


scores = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 4)), min_size=1, max_size=30)


@given(scores, st.integers(1, 10))
def test_the_share_is_taken_from_the_top_and_ties_share_it(rows, tenths: int) -> None:
    score, weight = (np.array(one, np.float64) for one in zip(*rows, strict=True))
    taken = selection(score, weight, tenths / 10)
    assert taken @ weight == pytest.approx(tenths / 10 * weight.sum())
    for i in range(len(score)):
        for j in range(len(score)):
            if score[i] > score[j]:
                assert taken[i] >= taken[j]
                assert taken[j] == 0 or taken[i] == pytest.approx(1)
            elif score[i] == score[j]:
                assert taken[i] == taken[j]
