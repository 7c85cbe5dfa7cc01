"""The published protocol on a log made by hand: eleven loan cases, one a day, of which ten have an outcome."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from benchmarks.published_protocol import (
    Curve,
    Prefixes,
    areas,
    by_prefix,
    case_labels,
    prefixes,
    task,
    untied,
)
from lintel.events.schema import TIME
from lintel.events.validation import check
from lintel.features.catalogue import build_catalogue, catalogue
from lintel.scoring.metrics import auc

MONDAY = datetime(2012, 1, 2, 8, tzinfo=UTC)
COUNT = build_catalogue([catalogue()["event_count_all"]])
"""What the kernel counts as of a prefix's end."""

ACCEPTED, DECLINED = ("offer.accepted",), ("offer.declined",)
ENDINGS = {
    "c0": ("offer.accepted", "offer.cancelled"),  # the last one is the label
    "c1": ACCEPTED,
    "c2": DECLINED,
    "c3": ("offer.cancelled", "offer.created", "offer.accepted"),
    "open": ("offer.cancelled", "offer.created"),  # the last offer event is no outcome
    "c4": DECLINED,
    "c5": ACCEPTED,
    "c6": DECLINED,
    "c7": ACCEPTED,
    "c8": DECLINED,
    "c9": ("offer.accepted", "deal.won"),
}


@pytest.fixture(scope="module")
def log() -> pa.Table:
    """Each case begins with one event of the log that is two of Lintel's; all its events have one time, but the last
    of c7, which comes when c8 has begun."""
    rows = []
    for day, (case, ending) in enumerate(ENDINGS.items()):
        begun = MONDAY + timedelta(days=day)
        kinds = ("lead.created", "form.submitted", "offer.sent", *ending)
        places = ("1.1", "1.2", *map(str, range(2, len(kinds))))
        rows += [(f"{case}-{place}", case, kind, begun) for place, kind in zip(places, kinds, strict=True)]
        if case == "c7":
            rows.append((f"{case}-{len(kinds)}", case, "call.started", begun + timedelta(days=1, hours=1)))
    identifier, lead, kind, time = zip(*reversed(rows), strict=True)  # in no helpful order
    table = pa.table({"event_id": identifier, "lead_id": lead, "kind": kind, "occurred_at": pa.array(time, TIME)})
    return untied(check(table, tenant="t", now=MONDAY + timedelta(days=30)).events)


@pytest.fixture(scope="module")
def data(log: pa.Table) -> Prefixes:
    return prefixes(log, COUNT)


def test_tied_events_follow_each_other_in_the_order_of_the_log(log: pa.Table) -> None:
    first = log.filter(pc.equal(log["lead_id"], "c3"))
    kinds = first["kind"].to_pylist()
    assert sorted(kinds[:2]) == ["form.submitted", "lead.created"]  # one event of the log
    assert kinds[2:] == ["offer.sent", "offer.cancelled", "offer.created", "offer.accepted"]
    times = first["occurred_at"].cast(pa.int64()).to_numpy()
    assert (times - times[0]).tolist() == [0, 0, 1, 2, 3, 4]
    assert first["known_at"] == first["occurred_at"]


def test_the_last_offer_event_is_the_label(log: pa.Table) -> None:
    labels = {case: word for case, (word, _) in case_labels(log).items()}
    accepted, declined = ("c1", "c3", "c5", "c7", "c9"), ("c2", "c4", "c6", "c8")
    expected = dict.fromkeys(accepted, "accepted") | dict.fromkeys(declined, "declined") | {"c0": "cancelled"}
    assert labels == expected


def test_prefixes_are_numbered_by_events_of_the_log(data: Prefixes) -> None:
    assert data.label.tolist()[:4] == ["cancelled", "accepted", "declined", "accepted"]
    assert data.events.tolist() == [4, 3, 3, 5, 3, 3, 3, 4, 3, 4]
    assert data.length[data.case == 3].tolist() == [1, 2, 3, 4, 5]


def test_features_of_a_prefix_know_its_events_only(data: Prefixes) -> None:
    # outcomes are no events that features count
    assert data.features[data.case == 3, 0].tolist() == [2, 3, 4, 5, 5]


def test_members_that_read_sequences_see_the_events_of_the_prefix_without_outcomes(data: Prefixes) -> None:
    rows = data.inputs(np.flatnonzero(data.case == 3))
    assert rows.sequences is not None
    # as many as features count
    assert np.diff(rows.sequences.offset).tolist() == rows.features[:, 0].tolist() == [2, 3, 4, 5, 5]


def test_the_label_is_decided_by_the_last_offer_event(data: Prefixes) -> None:
    last = data.ends_at >= data.decided_at[data.case]
    assert data.length[last & (data.case == 9)].tolist() == [3, 4]
    assert data.length[last & (data.case == 3)].tolist() == [5]


def test_four_fifths_train_and_what_came_after_the_first_test_event_is_cut_away(data: Prefixes) -> None:
    one = task(data, "declined")
    assert np.unique(data.case[one.test]).tolist() == [8, 9]
    assert np.unique(data.case[one.train]).tolist() == list(range(8))
    assert data.length[one.train[data.case[one.train] == 7]].tolist() == [1, 2, 3]


def test_prefixes_are_no_longer_than_the_positive_cases(data: Prefixes) -> None:
    assert data.length[task(data, "declined").train].max() == 3  # though c0 and c3 are longer
    assert data.length[task(data, "accepted").train].max() == 5  # 90th percentile of 3, 5, 3, 4, 4, rounded up


def test_a_fold_inside_the_training_part_knows_nothing_after_it(data: Prefixes) -> None:
    one = task(data, "accepted", trained=0.5, tested=0.8)
    assert np.unique(data.case[one.train]).tolist() == [0, 1, 2, 3, 4]
    assert np.unique(data.case[one.test]).tolist() == [5, 6, 7]
    assert data.ends_at[one.test].max() < data.starts_at[8]


def test_areas_are_those_of_the_metric_with_ties_and_weights() -> None:
    random = np.random.default_rng(5)
    outcome, scores = random.random(60) < 0.4, random.integers(0, 8, 60).astype(float)
    weight = random.integers(0, 4, (9, 60)).astype(float)
    expected = [auc(outcome, scores, each) for each in weight]
    np.testing.assert_allclose(areas(outcome, scores, weight), expected, rtol=1e-12)


def test_an_area_without_both_classes_is_unknown() -> None:
    assert np.isnan(areas(np.array([True, True]), np.array([0.1, 0.2]), np.ones((1, 2)))).all()


def test_lengths_weigh_as_many_cases_as_they_have() -> None:
    area = np.array([[1.0, 1.0], [0.5, 0.5], [np.nan, 0.0]])
    curve = Curve(np.array([1, 2, 3]), area, np.array([[3.0, 1.0], [1.0, 1.0], [1.0, 2.0]]))
    np.testing.assert_allclose(curve.averaged, [(3 * 1 + 1 * 0.5) / 4, (1 + 0.5 + 0) / 4])


def test_scores_are_compared_within_a_prefix_length(data: Prefixes) -> None:
    one = task(data, "accepted")
    found = data.length[one.test] * 10.0 + (data.case[one.test] == 9)  # longer scores higher, c9 above c8
    curve = by_prefix(data, one, found, np.ones((1, 10)))
    assert curve.length.tolist() == [1, 2, 3, 4]
    assert curve.area[:3, 0].tolist() == [1.0, 1.0, 1.0]
    assert np.isnan(curve.area[3, 0])  # c8 has no fourth event
    assert curve.averaged.tolist() == [1.0]
