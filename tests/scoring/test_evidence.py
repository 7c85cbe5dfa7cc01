"""The rungs of the evidence ladder."""

import numpy as np
import pytest

from lintel.scoring.evidence import Rung, outcomes_per_class, rung, weakest


@pytest.mark.parametrize(
    ("outcomes", "alone", "with_pool"),
    [
        (0, Rung.RULES, Rung.POOLED),
        (39, Rung.RULES, Rung.POOLED),
        (40, Rung.TENANT, Rung.POOLED),
        (299, Rung.TENANT, Rung.POOLED),
        (300, Rung.TENANT, Rung.CALIBRATED),
        (999, Rung.TENANT, Rung.CALIBRATED),
        (1_000, Rung.TENANT, Rung.TENANT),
    ],
)
def test_more_outcomes_lean_less_on_others(outcomes: int, alone: Rung, with_pool: Rung) -> None:
    assert rung(outcomes, has_pool=False) is alone
    assert rung(outcomes, has_pool=True) is with_pool


def test_an_answer_is_no_surer_than_its_weakest_dimension() -> None:
    assert weakest([Rung.TENANT, Rung.POOLED, Rung.CALIBRATED]) is Rung.POOLED
    assert weakest([Rung.TENANT]) is Rung.TENANT
    assert weakest([]) is Rung.RULES


def test_leads_are_counted_not_rows_and_only_mature_ones() -> None:
    lead = np.array([0, 0, 0, 1, 2, 3, 4], np.int32)
    status = np.array([1, 1, 1, 1, 0, -1, -2], np.int8)
    assert outcomes_per_class(status, lead) == 1
    assert outcomes_per_class(np.ones(7, np.int8), lead) == 0
