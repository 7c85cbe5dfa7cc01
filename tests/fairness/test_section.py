"""The model card's section: what it says of findings, of none, and of groups that were not supplied."""

from dataclasses import replace

import numpy as np
import pytest

from lintel.fairness.group_report import group_report
from lintel.fairness.groups import Groups
from lintel.fairness.predictability import AuditSettings
from lintel.fairness.proxy_audit import proxy_audit
from lintel.fairness.report import DimensionFairness, FairnessReport
from lintel.fairness.section import fairness_section

QUICK = AuditSettings(trees=10, permutations=19, draws=40, threads=1)


@pytest.fixture
def make_report():
    """A report of two features, of which the first moves with the group by `shift`, and of a score that follows it."""

    def make(shift: float, leads: int = 400) -> FairnessReport:
        random = np.random.default_rng(2)
        code = random.integers(0, 2, leads).astype(np.int64)
        features = random.normal(size=(leads, 2)).astype(np.float32)
        features[:, 0] += shift * code
        score = 1 / (1 + np.exp(-features[:, 0].astype(np.float64)))
        groups, lead = Groups(code, ("north", "south")), np.arange(leads, dtype=np.int32)
        outcome = random.random(leads) < score

        def audit(columns, names, tolerance):
            return proxy_audit(columns, names, names, groups, lead, tolerance=tolerance, seed=1, settings=QUICK)

        intent = DimensionFairness(
            audit(score.astype(np.float32)[:, None], ("intent",), 0.55),
            group_report(score, outcome, np.ones(leads), groups, lead, seed=1, draws=100),
        )
        counts = {"north": int((code == 0).sum()), "south": int((code == 1).sum())}
        return FairnessReport("acme", True, counts, 3, audit(features, ("origin", "hour"), 0.6), {"intent": intent})

    return make


def test_a_proxy_is_named_with_what_carries_it(make_report) -> None:
    report = make_report(2.0)
    section = fairness_section(report)
    assert section.startswith("## Fair housing\n")
    assert "The features: **proxy found**." in section
    assert "| **origin** | 1 |" in section
    assert "| hour | 1 |" in section
    assert "Dropped in turn: without origin" in section
    assert "### intent by group" in section
    assert "not stated 3. Simulated." in section
    for finding in report.findings:
        assert f"- {finding}" in section
    assert any(one.startswith("the features tell group") for one in report.findings)
    assert any("of the highest group's rate" in one for one in report.findings)


def test_without_findings_it_says_so(make_report) -> None:
    report = make_report(0.0)
    assert report.findings == ()
    assert "Nothing was found that exceeds the limits below." in fairness_section(report)


def test_without_groups_it_claims_nothing() -> None:
    assert "that is not a finding of fairness" in fairness_section(None)


def test_groups_that_are_too_small_are_listed(make_report) -> None:
    section = fairness_section(make_report(0.0, leads=60))
    assert "The features: not judged: fewer than 50 leads on one side." in section
    assert "Too few leads: north, south." in section


def test_the_json_holds_plain_numbers_and_no_nan(make_report) -> None:
    report = make_report(0.0, leads=60)
    value = report.to_json()
    assert value["features"]["verdict"] == "too_few_leads"
    assert value["features"]["chance"] is None
    assert value["dimensions"]["intent"]["groups"]["too_few"] == ["north", "south"]
    assert replace(report, dimensions={}).to_json()["dimensions"] == {}
