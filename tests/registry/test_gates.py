"""Gates on made-up figures: each fails by its own fault alone, and says so."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.fairness.report import FairnessReport
from lintel.registry.gates import Examined, GateBounds, GateResult, Latency, judge_gates
from lintel.registry.policy import Ruling
from lintel.registry.policy import rule as ruled
from lintel.registry.promotion import Verdict
from lintel.registry.risk import Risk

CARD = """# lead-scoring.acme

## What is predicted

Wins.

## Folds

By time.

## conversion

AUC .7

## Fair housing

Nothing was measured.

## Limits

- The past.
"""


def dimension(**changes: Any) -> dict[str, Any]:
    interval = {"residual_variance": 1.0, "variance_band": [0.5, 1.7]}
    days = {"level": 0.8, "share": 0.8, "low": 0.78, "high": 0.82}
    figures = {"ece": 0.02, "ece_band": [0.01, 0.03], "calibration_slope": 1.0, "leads": 900, "auc": 0.7}
    return {**figures, "coverage": {"interval": interval, "days": days}, **changes}


def metrics(**changes: Any) -> Mapping[str, Any]:
    return {"dimensions": {"conversion": dimension(**changes)}}


SOUND = Examined(
    metrics=metrics(),
    model_card=CARD,
    against_baselines=Verdict(True, ("better than the base rate",)),
    against_champion=Verdict(True, ("better beyond noise",)),
    fairness=None,
    latency=Latency(1.0, 1.0),
    megabytes=1.0,
)


def by_name(found: Examined, bounds: GateBounds | None = None) -> dict[str, GateResult]:
    return {one.name: one for one in judge_gates(found, bounds or GateBounds())}


def fails(found: Examined) -> list[str]:
    return [name for name, one in by_name(found).items() if one.passed is False]


def test_a_sound_candidate_fails_nothing() -> None:
    gates = by_name(SOUND)
    assert fails(SOUND) == []
    assert gates["fairness"].passed is None  # no groups: not a finding of fairness
    hard = [one.hard for one in gates.values()]
    assert hard == sorted(hard, reverse=True)
    assert all(one.sentence for one in gates.values())
    assert all(GateResult.from_json(one.to_json()) == one for one in gates.values())


@pytest.mark.parametrize(
    ("changes", "name", "said"),
    [
        ({"against_baselines": Verdict(False, ("not better",))}, "beats_baselines", "not better"),
        ({"against_champion": Verdict(False, ("no more than noise",))}, "beats_champion", "noise"),
        ({"golden": "lead 0 was .1, now .2"}, "golden_request", "lead 0"),
        ({"model_card": CARD.replace("## Limits", "## Other")}, "model_card", "Limits"),
        ({"model_card": CARD.replace("By time.", "")}, "model_card", "Folds"),
        ({"model_card": CARD.replace("## conversion", "## churn")}, "model_card", "conversion"),
        ({"model_card": ""}, "model_card", "What is predicted"),
        ({"metrics": metrics(ece=0.05)}, "calibration", "conversion: calibration error 0.050, at most 0.040"),
        ({"metrics": metrics(calibration_slope=0.7)}, "calibration", "slope 0.70"),
        ({"metrics": metrics(calibration_slope=1.3)}, "calibration", "slope 1.30"),
        (
            {"metrics": metrics(calibration_slope=1.4, intervals={"calibration_slope": [1.26, 1.6]})},
            "calibration",
            "slope 1.40 (1.26 to 1.60)",
        ),
        (
            {"metrics": metrics(coverage={"interval": {"residual_variance": 2.0, "variance_band": [0.5, 1.7]}})},
            "coverage",
            "vary by 2.00",
        ),
        (
            {"metrics": metrics(coverage={"amount": {"level": 0.8, "share": 0.7, "low": 0.78, "high": 0.82}})},
            "coverage",
            "amount held 70.0%",
        ),
        ({"latency": Latency(3.0, 1.0)}, "latency", "3.00 times"),
        ({"megabytes": 500.0}, "size", "500.0 MB"),
    ],
)
def test_each_fault_fails_its_own_gate_and_says_so(changes: dict[str, Any], name: str, said: str) -> None:
    found = replace(SOUND, **changes)
    assert fails(found) == [name]
    assert said in by_name(found)[name].sentence


def test_findings_of_fairness_are_for_people_to_weigh() -> None:
    class Found(FairnessReport):
        @property
        def findings(self) -> tuple[str, ...]:
            return ("conversion: group 'b' is among the best 20% at 0.61 of the highest group's rate.",)

    report = Found(data="acme", simulated=True, leads={"a": 9, "b": 9}, unknown=0, features=None, dimensions={})  # type: ignore[arg-type]
    one = by_name(replace(SOUND, fairness=report))["fairness"]
    assert (one.passed, one.hard, one.figure) == (False, False, 1.0)
    assert "group 'b'" in one.sentence


def test_what_chance_alone_explains_does_not_fail() -> None:
    """Bands are of chance; an allowance on top is harm that nobody would notice."""
    assert fails(replace(SOUND, metrics=metrics(ece=0.039))) == []
    wide = {"interval": {"residual_variance": 0.1, "variance_band": [0.5, 1.7]}}
    assert fails(replace(SOUND, metrics=metrics(coverage=wide))) == []  # too wide is only modest
    assert fails(replace(SOUND, latency=Latency(0.4, 0.1))) == []  # four times of nearly nothing


def test_a_fold_of_few_leads_is_not_judged_rather_than_failed() -> None:
    gates = by_name(replace(SOUND, metrics=metrics(ece=0.5, calibration_slope=9.0, leads=60)))
    assert gates["calibration"].passed is None
    assert "fewer than 200 leads" in gates["calibration"].sentence


def test_without_a_champion_there_is_nothing_to_be_slower_than() -> None:
    assert by_name(replace(SOUND, latency=Latency(9.0, None)))["latency"].passed is None
    assert by_name(replace(SOUND, latency=None))["latency"].passed is None


def test_dimensions_that_are_not_scored_need_a_part_of_the_card_and_nothing_else() -> None:
    found = {"dimensions": {"conversion": dimension(), "budget": {"status": "not_defined_for_source"}}}
    told = CARD.replace("## Fair housing", "## budget\n\nnot defined\n\n## Fair housing")
    assert fails(replace(SOUND, metrics=found, model_card=told)) == []
    assert fails(replace(SOUND, metrics=found)) == ["model_card"]


@given(
    ece=st.floats(0, 0.2),
    slope=st.floats(0.5, 2.0),
    allowance=st.floats(0, 0.1),
    least=st.floats(0.5, 1.0),
    most=st.floats(1.0, 2.0),
)
def test_calibration_passes_just_where_both_figures_lie_in_their_bounds(
    ece: float, slope: float, allowance: float, least: float, most: float
) -> None:
    bounds = GateBounds(ece_allowance=allowance, slope=(least, most))
    found = by_name(replace(SOUND, metrics=metrics(ece=ece, calibration_slope=slope)), bounds)["calibration"]
    assert found.passed is (ece <= 0.03 + allowance and least <= slope <= most)


verdicts = st.sampled_from([True, False, None])


@given(
    gates=st.lists(st.tuples(st.booleans(), verdicts), min_size=1, max_size=6),
    risk=st.sampled_from(Risk),
)
def test_the_policy_in_one_line_each(gates: list[tuple[bool, bool | None]], risk: Risk) -> None:
    results = [GateResult(f"g{n}", hard, passed, None, None, f"g{n}.") for n, (hard, passed) in enumerate(gates)]
    decided = ruled(results, risk)
    hard_failed = any(hard and passed is False for hard, passed in gates)
    soft_failed = any(not hard and passed is False for hard, passed in gates)
    waits = risk is Risk.HIGH or soft_failed
    expected = Ruling.REJECTED if hard_failed else Ruling.PENDING if waits else Ruling.APPROVED
    assert decided.ruling is expected
    assert decided.reason.strip()
    for one in results:
        failing = one.passed is False and (one.hard or not hard_failed)
        assert not failing or one.sentence in decided.reason


def test_no_gates_at_all_approve_nobody() -> None:
    assert ruled([], Risk.STANDARD).ruling is Ruling.REJECTED


@pytest.mark.parametrize("interval", [[0.7, 2.1], [1.2, 1.6], [0.5, 0.85]])
def test_a_slope_that_may_be_within_its_bounds_is_no_fault(interval: list[float]) -> None:
    uncertain = metrics(calibration_slope=sum(interval) / 2, intervals={"calibration_slope": interval})
    assert by_name(replace(SOUND, metrics=uncertain))["calibration"].passed
