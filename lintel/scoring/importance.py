"""Which features move a dimension's scores most over all leads: the mean size of their shares."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lintel.features.catalogue import Catalogue
from lintel.scoring.dimension import Dimension
from lintel.scoring.examples import Examples
from lintel.scoring.member import SEQUENCE

MOST_ROWS = 300
SHOWN = 15
SEQUENCE_NAME = "sequence"


def importance(
    dimension: Dimension, examples: Examples, rows: NDArray[np.intp], catalogue: Catalogue, *, seed: int
) -> list[dict[str, Any]]:
    """The features with the largest mean absolute share in the calibrated log-odds, strongest first.

    At most MOST_ROWS of `rows` are asked, drawn by their weight in the serving mix; `sequence` stands for the order
    and pace of events.
    """
    size = mean_shares(dimension, examples, rows, seed=seed)
    names = [*((one.name, one.label) for one in catalogue.features), (SEQUENCE_NAME, "the order and pace of events")]
    strongest = np.argsort(-size, kind="stable")[:SHOWN].tolist()
    return [
        {"feature": names[one][0], "label": names[one][1], "log_odds": round(float(size[one]), 4)}
        for one in strongest
        if size[one] > 0
    ]


def mean_shares(dimension: Dimension, examples: Examples, rows: NDArray[np.intp], *, seed: int) -> NDArray[np.float64]:
    """Mean absolute share of each feature, and last of the order of events, over MOST_ROWS of `rows`, (F + 1,)."""
    weight = examples.points.weight[rows].astype(np.float64)
    random = np.random.default_rng(seed)
    drawn = np.sort(random.choice(rows, min(MOST_ROWS, len(rows)), replace=False, p=weight / weight.sum()))
    shares = dimension.contributions(examples.inputs(drawn))[:, : SEQUENCE + 1]  # all but the bias
    return np.abs(shares).mean(axis=0)
