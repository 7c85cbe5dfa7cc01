"""Who should have answered and who did, against an oracle that goes lead by lead."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.rollouts.arms import COLUMNS, Split, arms
from lintel.rollouts.draw import salt_of, share
from lintel.rollouts.plan import Strategy
from lintel.store.prediction import Prediction, predictions_table
from tests.store.predicting import prediction

CANDIDATE, CHAMPION = "sha256:new", "sha256:old"
SALT = salt_of("acme", (CANDIDATE,))
RUNGS = ("champion", "canary", "light-model", "last-score", "prior", "shadow", "previous-champion")
LESSER = ("last-score", "prior")
Row = tuple[int, str, str, bool, float, bool]
rows = st.lists(
    st.tuples(
        st.integers(0, 30),
        st.sampled_from((CANDIDATE, CHAMPION)),
        st.sampled_from(RUNGS),
        st.booleans(),
        st.floats(0, 50, width=32),
        st.booleans(),
    ),
    max_size=40,
)


def split(strategy: Strategy, weight: float) -> Split:
    return Split(strategy, CANDIDATE, CHAMPION, weight, SALT)


def logged(found: Sequence[Row]) -> list[Prediction]:
    return [
        prediction(
            i,
            lead_id=f"lead-{lead}",
            model_digest=digest,
            served_by=rung,
            cached=cached,
            compute_ms=took,
            features_digest="0123456789abcdef" if is_open and rung not in LESSER else None,
        )
        for i, (lead, digest, rung, cached, took, is_open) in enumerate(found)
    ]


def of_canary(one: Prediction, weight: float) -> tuple[str, bool] | None:
    """The arm of an answer and whether it failed; None if it says nothing."""
    if one.served_by == "shadow":
        return None
    lesser = one.served_by in LESSER
    if not lesser and one.features_digest is None:
        return None  # closed: no model was asked
    if share(SALT, "acme", one.lead_id) < weight:
        if one.model_digest == CANDIDATE and not lesser:
            return "candidate", False
        return None if one.served_by == "light-model" and one.model_digest == CHAMPION else ("candidate", True)
    if lesser:
        return "champion", True
    return ("champion", False) if one.model_digest == CHAMPION else None


@given(rows, st.sampled_from([0.0, 0.01, 0.3, 0.7, 1.0]))
def test_arms_of_a_canary_are_those_of_the_oracle(found: list[Row], weight: float) -> None:
    table = predictions_table(logged(found)).select(list(COLUMNS))
    ours = dict(zip(("candidate", "champion"), arms(table, "acme", split(Strategy.CANARY, weight)), strict=True))
    told = [(one, of_canary(one, weight)) for one in logged(found)]
    for name, arm in ours.items():
        mine = [(one, told[1]) for one, told in told if told is not None and told[0] == name]
        assert arm.asked == len(mine)
        assert arm.failed == sum(failed for _, failed in mine)
        times = [
            one.compute_ms
            for one, failed in mine
            if not failed and not one.cached and one.compute_ms > 0 and one.served_by != "light-model"
        ]
        assert sorted(arm.compute_ms) == pytest.approx(sorted(times))


def test_on_a_rolled_worker_the_former_champion_stands_in_for_a_failure() -> None:
    found = logged(
        [
            (1, CANDIDATE, "canary", False, 2.0, True),
            (2, CHAMPION, "previous-champion", False, 2.0, True),
            (3, CHAMPION, "champion", False, 3.0, True),
            (4, CANDIDATE, "prior", False, 0.0, True),
            (5, CHAMPION, "last-score", False, 0.0, True),
        ]
    )
    table = predictions_table(found).select(list(COLUMNS))
    ours, theirs = arms(table, "acme", split(Strategy.ROLLING, 0.5))
    assert (ours.asked, ours.failed, theirs.asked, theirs.failed) == (3, 2, 1, 0)
    assert np.array_equal(theirs.compute_ms, [3.0])


def test_what_a_shadow_scored_is_its_arm() -> None:
    found = logged([(1, CANDIDATE, "shadow", False, 2.0, True), (1, CHAMPION, "champion", False, 3.0, True)])
    table = predictions_table(found).select(list(COLUMNS))
    ours, theirs = arms(table, "acme", split(Strategy.SHADOW, 1.0))
    assert (ours.asked, ours.failed, theirs.asked, theirs.failed) == (1, 0, 1, 0)


def test_leads_that_are_closed_are_no_successes_of_anybody() -> None:
    """Beside nine of them, a candidate that fails on every open lead would seem to fail on a tenth."""
    closed = [(lead, CANDIDATE, "canary", False, 2.0, False) for lead in range(9)]
    found = logged(
        [*closed, (9, CHAMPION, "champion", False, 2.0, True), (10, CHAMPION, "champion", False, 2.0, False)]
    )
    ours, theirs = arms(predictions_table(found).select(list(COLUMNS)), "acme", split(Strategy.CANARY, 1.0))
    assert (ours.asked, ours.failed, theirs.asked) == (1, 1, 0)
    assert not len(ours.compute_ms)
