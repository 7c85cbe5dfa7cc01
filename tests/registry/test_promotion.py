from typing import Any

import pytest

from lintel.registry.promotion import compare, gate


def evaluation(**log_losses: tuple[float, float]) -> dict[str, Any]:
    return {
        "dimensions": {
            name: {"log_loss": ours, "baselines": {"base_rate": {"log_loss": base}}}
            for name, (ours, base) in log_losses.items()
        }
    }


def test_a_candidate_that_beats_the_base_rate_everywhere_passes() -> None:
    verdict = gate(evaluation(conversion=(0.5, 0.6), churn=(0.4, 0.41)))
    assert verdict.passed
    assert "conversion: log loss 0.5000, base rate's 0.6000" in verdict.reasons


def test_one_dimension_that_is_no_better_than_the_base_rate_fails_the_gate() -> None:
    verdict = gate(evaluation(conversion=(0.5, 0.6), churn=(0.41, 0.41)))
    assert not verdict.passed
    assert any("churn" in reason and "not better" in reason for reason in verdict.reasons)


def test_a_candidate_that_scores_nothing_fails_and_says_why() -> None:
    missing = {"status": "not_enough_data", "needs": "28 more mature outcomes"}
    verdict = gate({"dimensions": {"conversion": missing, "budget": {"status": "not_defined_for_source"}}})
    assert not verdict.passed
    assert verdict.reasons == (
        "conversion: not_enough_data: 28 more mature outcomes",
        "budget: not_defined_for_source",
    )
    assert not gate({}).passed


@pytest.mark.parametrize(("ours", "theirs", "passed"), [(0.50, 0.52, True), (0.52, 0.52, True), (0.53, 0.52, False)])
def test_the_champion_is_only_replaced_by_one_that_is_no_worse(ours: float, theirs: float, passed: bool) -> None:
    verdict = compare({"conversion": ours}, {"conversion": theirs})
    assert verdict.passed is passed
    assert "champion's 0.5200" in verdict.reasons[0]


def test_what_the_candidate_scores_beyond_the_champion_does_not_count() -> None:
    assert compare({"conversion": 0.5, "churn": 0.9}, {"conversion": 0.5}).passed


def test_a_candidate_that_lost_a_dimension_does_not_take_over() -> None:
    verdict = compare({"conversion": 0.1}, {"conversion": 0.5, "churn": 0.4})
    assert not verdict.passed
    assert "churn" in verdict.reasons[0]


def test_a_champion_without_a_score_is_replaced() -> None:
    assert compare({"conversion": 0.5}, {}).passed
