"""A withdrawn consent is a rule, whatever the models make of it."""

import numpy as np
import pytest
from scipy.special import expit

from lintel.scoring.dimension import LEAST_PROBABILITY, DimensionScores
from lintel.scoring.inputs import Inputs
from lintel.scoring.opt_out import opted_out, ruled_scores, ruled_shares

NAMES = ("calls", "consent_withdrawn")
ASKED = Inputs(np.array([[3, 0], [5, 1], [np.nan, np.nan]], np.float32), NAMES)


def test_who_withdrew_consent_has_opted_out() -> None:
    np.testing.assert_array_equal(opted_out(ASKED), [False, True, False])


def test_only_who_opted_out_is_given_the_least_probability() -> None:
    told = np.array([0.4, 0.6, 0.2])
    scores = DimensionScores(told, told - 0.1, told + 0.1, told - 0.05, told + 0.05)
    ruled = ruled_scores(scores, opted_out(ASKED))
    for name in ("probability", "low", "high", "p0", "p1"):
        expected = getattr(scores, name).copy()
        expected[1] = LEAST_PROBABILITY
        np.testing.assert_array_equal(getattr(ruled, name), expected)
    np.testing.assert_array_equal(scores.probability, told)


def test_shares_add_up_to_the_ruled_log_odds_and_name_the_withdrawal() -> None:
    shares = np.array([[0.5, 0.0, 0.1, -1.0], [0.9, 0.2, -0.1, -1.0], [0.3, 0.0, 0.0, -1.0]])
    ruled = ruled_shares(shares, ASKED, opted_out(ASKED))
    np.testing.assert_array_equal(ruled[[0, 2]], shares[[0, 2]])
    assert expit(ruled[1].sum()) == pytest.approx(LEAST_PROBABILITY)
    assert np.argmin(ruled[1]) == NAMES.index("consent_withdrawn")
    np.testing.assert_array_equal(ruled[1, [0, 2, 3]], shares[1, [0, 2, 3]])
