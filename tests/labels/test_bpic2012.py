"""Figures of the real loan funnel, against those published with the data."""

import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from lintel.events.columns import EventColumns, columns_from_table, digest64
from lintel.events.timezones import MICROSECONDS_PER_DAY
from lintel.events.validation import check
from lintel.labels.definition import load_label_set
from lintel.labels.outcomes import outcomes
from lintel.labels.points import DecisionPoints, Origin, decision_points
from lintel.sources.bpic2012 import bpic2012

MIRROR = Path(os.environ.get("LINTEL_DATA_MIRROR", Path(__file__).parents[3] / "shared" / "data"))
LOG = MIRROR / "bpic2012" / "financial_log.xes.gz"


@pytest.mark.slow
@pytest.mark.skipif(not LOG.exists(), reason="the published log bpic2012 is not mirrored here")
def test_base_rates_are_those_of_the_published_log() -> None:
    now = datetime(2030, 1, 1, tzinfo=UTC)
    events = pa.concat_tables([check(batch.events, tenant="b", now=now).events for batch in bpic2012(LOG).batches()])
    lead_ids = sorted(set(events.column("lead_id").to_pylist()))
    columns = columns_from_table(events, pa.array(lead_ids))
    keys = np.array([digest64(lead_id) for lead_id in lead_ids])
    labels, log_end = load_label_set("bpic2012"), int(columns.known_at.max())
    points = decision_points(
        columns, labels, keys, log_end=log_end, time_zone="Europe/Amsterdam", per_origin=None, seed=1
    )
    found = outcomes(columns, points, labels, log_end=log_end)

    assert np.bincount(points.origin).tolist() == [186_032, 115_489, 7_030]
    engagement = found["engagement"]
    assert engagement.status[engagement.mature].mean() == pytest.approx(0.49, abs=0.015)
    timing = found["timing"]
    assert timing.cause is not None
    at_night = (points.origin == Origin.TICK) & (timing.cause > 0)
    assert (timing.cause[at_night] == 1).mean() == pytest.approx(0.356, abs=0.002)
    at_events = (points.origin == Origin.EVENT) & (timing.cause > 0)
    assert (timing.cause[at_events] == 1).mean() == pytest.approx(0.413, abs=0.01)
    assert _median_days_idle(columns, points.take(points.origin == Origin.TICK)) == pytest.approx(2.4, abs=0.05)


def _median_days_idle(columns: EventColumns, points: DecisionPoints) -> float:
    """From the lead's last event to the point."""
    leads, begin = np.unique(columns.lead, return_index=True)
    times = dict(zip(leads.tolist(), np.split(columns.occurred_at, begin[1:]), strict=True))
    gaps = [
        as_of - times[lead][np.searchsorted(times[lead], as_of, side="right") - 1]
        for lead, as_of in zip(points.queries.lead.tolist(), points.queries.as_of.tolist(), strict=True)
    ]
    return float(np.median(gaps)) / MICROSECONDS_PER_DAY
