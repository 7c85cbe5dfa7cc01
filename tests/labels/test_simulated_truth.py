"""The simulator knows the exact probability of every question; labels that asked another question would betray it."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from lintel.events.columns import columns_from_table, digest64
from lintel.events.validation import check
from lintel.labels.definition import DIMENSIONS, load_label_set
from lintel.labels.outcomes import Outcome, Status, outcomes
from lintel.labels.points import DecisionPoints, Origin, decision_points
from lintel.scoring.reliability import calibrated_error_band, expected_calibration_error
from lintel.sources.simulator.presets import preset
from lintel.sources.simulator.source import Simulator
from lintel.sources.simulator.truth import truth

LEADS = 400


@dataclass(frozen=True)
class Simulated:
    points: DecisionPoints
    outcomes: dict[str, Outcome]
    truth: dict[str, NDArray[np.float64]]


@pytest.fixture(scope="module")
def simulated() -> Simulated:
    world, labels = preset("demo"), load_label_set("simulator")
    tenant = world.tenants[0]
    batches = [batch.events for batch in Simulator(world, tenant.id, seed=5, leads=LEADS).batches()]
    events = check(pa.concat_tables(batches), tenant=tenant.id, now=datetime(2030, 1, 1, tzinfo=UTC)).events
    lead_ids = sorted(set(events.column("lead_id").to_pylist()))
    columns = columns_from_table(events, pa.array(lead_ids))
    log_end = int(columns.known_at.max())
    points = decision_points(
        columns,
        labels,
        np.array([digest64(lead_id) for lead_id in lead_ids]),
        log_end=log_end,
        time_zone=tenant.time_zone,
        per_origin=3,
        seed=1,
    )
    asked = [lead_ids[lead] for lead in points.queries.lead]
    exact = truth(world, tenant.id, events, asked, points.queries.as_of)
    return Simulated(points, outcomes(columns, points, labels, log_end=log_end), exact)


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_labels_are_asked_where_the_truth_is_defined(simulated: Simulated, dimension: str) -> None:
    touched = simulated.points.origin == Origin.TOUCH
    askable = touched if dimension == "engagement" else ~touched
    defined = ~np.isnan(simulated.truth[dimension])
    asked = simulated.outcomes[dimension].status != Status.NOT_ASKED
    np.testing.assert_array_equal(asked, askable & defined)


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_the_truth_is_a_calibrated_forecast_of_the_labels(simulated: Simulated, dimension: str) -> None:
    outcome = simulated.outcomes[dimension]
    rows = np.flatnonzero(outcome.mature)
    yes, exact = outcome.status[rows] == Status.YES, simulated.truth[dimension][rows]
    weight, lead = simulated.points.weight[rows], simulated.points.queries.lead[rows]
    _, high = calibrated_error_band(exact, weight, lead, seed=1, draws=200, level=0.99)
    assert expected_calibration_error(yes, exact, weight) <= high
