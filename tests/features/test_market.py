"""Features of the market: the kernel against the naive oracle, and nothing from the future."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lintel.events.columns import Queries, columns_from_table
from lintel.events.moments import from_microseconds
from lintel.events.timezones import utc_offsets
from lintel.features.catalogue import build_catalogue, catalogue
from lintel.features.drivers import nightly_features, nightly_frames, request_features
from lintel.features.feature import OF_CONTEXT
from lintel.features.kernel import compute
from lintel.market.context import ContextColumns
from lintel.market.metrics import METRIC_CODES
from tests.features.logs import DAY, START, random_rows, table
from tests.features.oracle import Vintage, feature_value

MARKET = build_catalogue(one for one in catalogue().features if one.aggregation in OF_CONTEXT)
NOBODY = columns_from_table(table([]), pa.array(["ann"]))
quick = settings(max_examples=150, deadline=None, derandomize=True)

days = st.one_of(st.integers(-420, 20), st.sampled_from((-395, -365, -90, -60, -35, -30, -7, -1, 0)))


@st.composite
def vintages(draw: st.DrawFn) -> Vintage:
    """Few metrics, dates and delays, so that they meet: same dates, revisions, gaps, publications out of order."""
    observed_at = START + draw(days) * DAY
    delay = draw(st.one_of(st.sampled_from((0, 1, 20, 45)), st.integers(0, 400)))
    return Vintage(
        draw(st.sampled_from(("mortgage_rate", "mortgage_rate", "inventory"))),
        draw(st.booleans()),
        observed_at,
        observed_at + delay * DAY,
        draw(st.one_of(st.just(0.0), st.integers(1, 30).map(float), st.floats(0.01, 30.0))),
    )


markets = st.lists(vintages(), max_size=25, unique_by=lambda v: (v.metric, v.national, v.observed_at, v.published_at))
moments = st.lists(st.one_of(days.map(lambda day: START + day * DAY), st.just(START - 1)), min_size=1, max_size=6)


def context_of(market: list[Vintage]) -> ContextColumns:
    return ContextColumns.of(
        [(METRIC_CODES[v.metric], v.national, v.observed_at, v.published_at, v.value) for v in market]
    )


def features_of(market: list[Vintage], as_of: list[int]) -> np.ndarray:
    queries = Queries(np.zeros(len(as_of), np.int32), np.array(sorted(as_of), np.int64))
    return compute(NOBODY, queries, zone=utc_offsets("UTC"), catalogue=MARKET, context=context_of(market))


@quick
@given(market=markets, as_of=moments)
def test_every_feature_of_the_market_equals_the_naive_oracle(market: list[Vintage], as_of: list[int]) -> None:
    found = features_of(market, as_of)
    for position, feature in enumerate(MARKET.features):
        expected = [feature_value(feature, [], 0, moment, "UTC", market=market) for moment in sorted(as_of)]
        np.testing.assert_allclose(found[:, position], expected, rtol=1e-6, atol=1e-6, err_msg=feature.name)
    for row, moment in enumerate(sorted(as_of)):
        assert features_of(market, [moment]).tobytes() == found[row].tobytes()  # alone as in the batch


@quick
@given(market=markets, later=markets, as_of=moments)
def test_what_is_published_later_changes_nothing(market: list[Vintage], later: list[Vintage], as_of: list[int]) -> None:
    """Neither revisions of what was known, nor observations, nor the first series of the tenant's own area."""
    now = max(as_of)
    known = {(v.metric, v.national, v.observed_at, v.published_at) for v in market}
    unseen = [replace(v, published_at=max(v.published_at, now + 1)) for v in later]
    revisions = [replace(v, published_at=now + 1 + v.published_at - v.observed_at, value=29.0) for v in market]
    added = {(v.metric, v.national, v.observed_at, v.published_at): v for v in (*unseen, *revisions)}
    more = [*market, *(v for key, v in added.items() if key not in known)]
    assert features_of(more, as_of).tobytes() == features_of(market, as_of).tobytes()


@quick
@given(market=markets, as_of=moments, seed=st.randoms(use_true_random=False))
def test_the_order_of_loading_changes_nothing(market: list[Vintage], as_of: list[int], seed: object) -> None:
    shuffled = list(market)
    seed.shuffle(shuffled)  # type: ignore[attr-defined]
    assert features_of(shuffled, as_of).tobytes() == features_of(market, as_of).tobytes()


WEEKS = [
    Vintage("mortgage_rate", True, START - week * 7 * DAY, START - week * 7 * DAY + DAY, 6.0 + week / 100)
    for week in range(60)
]
LEADS = tuple(f"lead{number}" for number in range(12))
ROWS = random_rows(3, 300, leads=10, days=60)
NIGHT = from_microseconds(START + 40 * DAY)


def test_all_drivers_give_the_same_bytes_with_market_series() -> None:
    context, zone = context_of(WEEKS), "Europe/Amsterdam"
    columns = columns_from_table(table(ROWS), pa.array(LEADS))
    night = nightly_features(columns, LEADS, as_of=NIGHT, time_zone=zone, context=context)
    request = request_features(table(ROWS), LEADS[::-1], NIGHT, time_zone=zone, context=context)
    assert request.matrix[::-1].tobytes() == night.matrix.tobytes()
    pieces = nightly_frames(table(ROWS), LEADS, as_of=NIGHT, time_zone=zone, context=context, events_at_a_time=50)
    assert b"".join(piece.matrix.tobytes() for piece in pieces) == night.matrix.tobytes()
    assert night.column("market_mortgage_rate").tolist() == [6.0] * len(LEADS)
    plain = nightly_features(columns, LEADS, as_of=NIGHT, time_zone=zone)
    rest = [i for i, one in enumerate(catalogue().features) if one.aggregation not in OF_CONTEXT]
    assert plain.matrix[:, rest].tobytes() == night.matrix[:, rest].tobytes()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("market_mortgage_rate", 6.0),
        ("market_mortgage_rate_change_30d", -0.05),  # 35 days: the newest survey that is at least 30 days older
        ("market_mortgage_rate_change_365d", -0.53),
        ("market_inventory", np.nan),
        ("market_inventory_growth_365d", np.nan),
    ],
)
def test_the_rate_and_its_changes(name: str, expected: float) -> None:
    found = features_of(WEEKS, [START + DAY])[0, MARKET.position[name]]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_series_that_nobody_loads_any_more_falls_silent() -> None:
    rate = MARKET.position["market_mortgage_rate"]
    found = features_of(WEEKS, [START + 59 * DAY, START + 60 * DAY])[:, rate]
    np.testing.assert_array_equal(found, [6.0, np.nan])


def test_the_own_area_prevails_from_when_it_is_known() -> None:
    own = Vintage("mortgage_rate", False, START, START + 3 * DAY, 7.0)
    found = features_of([*WEEKS, own], [START + 2 * DAY, START + 3 * DAY])
    rate, change = (MARKET.position[f"market_mortgage_rate{end}"] for end in ("", "_change_30d"))
    assert found[:, rate].tolist() == [6.0, 7.0]
    assert np.isnan(found[1, change])  # a change never mixes two areas
