"""The light model: one small LightGBM a dimension, for when the full model cannot answer, or not in time.

Its dimensions are calibrated as those of the full model are, on the same folds, and make a scorer of the same kind;
they read some features, and no events. Of timing it knows the chance at the main horizon alone, of budget no amount.
"""

from collections.abc import Mapping
from dataclasses import replace

from lintel.scoring.dimension import Dimension, Gap, MissingDimension
from lintel.scoring.scorer import Scorer

LightModels = Mapping[str, Dimension | MissingDimension]
"""By dimension; one that could not be fitted says why."""


def light_scorer(scorer: Scorer, light: LightModels) -> Scorer:
    """The scorer whose dimensions are the light ones; one that `scorer` itself cannot tell stays as it is there."""
    return replace(
        scorer,
        dimensions={
            name: light.get(name, _without(name)) if isinstance(one, Dimension) else one
            for name, one in scorer.dimensions.items()
        },
    )


def _without(name: str) -> MissingDimension:
    return MissingDimension(name, Gap.NO_LIGHT_MODEL, "the bundle was trained without a light model of it")
