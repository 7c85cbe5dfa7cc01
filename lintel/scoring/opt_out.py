"""A lead that opted out is not touched again, and so answers no touch: a rule, for models cannot learn it.

Episodes mostly end with the opt-out, and after one in the middle nobody writes any more; to a model that has never seen
what follows, a withdrawal of consent looks like one more sign of life. The rule speaks as a share of its own feature,
so that shares still add up and the reason is said. A lead whose last word on consent is to grant it is as any other.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from lintel.scoring.dimension import LEAST_PROBABILITY, DimensionScores
from lintel.scoring.inputs import Inputs

Float64 = NDArray[np.float64]
Mask = NDArray[np.bool_]

DIMENSION = "engagement"
FEATURE = "consent_withdrawn"


def opted_out(inputs: Inputs) -> Mask:
    """(n,) whose last word on consent was to withdraw it."""
    return inputs.features[:, inputs.names.index(FEATURE)] > 0


def ruled_scores(scores: DimensionScores, silent: Mask) -> DimensionScores:
    """The scores with the least probability, without doubt, where `silent` (n,)."""

    def least(values: Float64) -> Float64:
        return np.where(silent, LEAST_PROBABILITY, values)

    return replace(
        scores,
        probability=least(scores.probability),
        low=least(scores.low),
        high=least(scores.high),
        p0=least(scores.p0),
        p1=least(scores.p1),
    )


def ruled_shares(shares: Float64, inputs: Inputs, silent: Mask) -> Float64:
    """Shares (n, F + 2) in the log-odds, with what the rule takes away where `silent`, as a share of its feature."""
    found = shares.copy()
    found[silent, inputs.names.index(FEATURE)] += logit(LEAST_PROBABILITY) - shares[silent].sum(axis=1)
    return found
