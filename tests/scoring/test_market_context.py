"""Market series reach the examples that are learnt from and the scores that are given, and both see the same."""

from dataclasses import replace

import numpy as np

from lintel.events.columns import Queries
from lintel.events.moments import to_microseconds
from lintel.events.timezones import MICROSECONDS_PER_DAY, utc_offsets
from lintel.features.catalogue import catalogue
from lintel.features.feature import OF_CONTEXT
from lintel.market.context import ContextColumns
from lintel.market.metrics import METRIC_CODES
from lintel.scoring.examples import build_examples

RATE = catalogue().position["market_mortgage_rate"]
OTHERS = [i for i, one in enumerate(catalogue().features) if one.aggregation not in OF_CONTEXT]


def rates(end: int) -> ContextColumns:
    """Three years of invented weekly rates up to `end`, each known a day later."""
    dates = [end - (7 * week + 1) * MICROSECONDS_PER_DAY for week in range(156)]
    code = METRIC_CODES["mortgage_rate"]
    return ContextColumns.of(
        [(code, True, date, date + MICROSECONDS_PER_DAY, 6.0 + n % 9 / 10) for n, date in enumerate(dates)]
    )


def test_examples_and_scores_read_the_same_market(trained) -> None:
    log = replace(trained.log, context=rates(to_microseconds(trained.log.as_of)))
    examples = build_examples(log, seed=5, per_origin=3)
    assert np.isfinite(examples.features[:, RATE]).all()
    assert np.isnan(trained.examples.features[:, RATE]).all()
    assert examples.features[:, OTHERS].tobytes() == trained.examples.features[:, OTHERS].tobytes()
    some = slice(0, None, 40)
    queries = Queries(examples.points.queries.lead[some], examples.points.queries.as_of[some])
    scores = trained.bundle.scorer.score(log.columns, queries, utc_offsets(log.tenant.time_zone), log.context)
    assert scores.inputs.features.tobytes() == examples.features[some].tobytes()
