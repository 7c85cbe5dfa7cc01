from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintel.store.prediction import (
    PREDICTION_SCHEMA,
    Prediction,
    features_digest,
    is_sampled,
    prediction_of,
    predictions_table,
)
from tests.store.predicting import prediction

ANSWER: dict[str, Any] = {
    "lead_id": "173688",
    "as_of": "2012-02-20T01:00:00Z",
    "decision_id": "01J0000000000000000000000A",
    "seq": 261993,
    "served_by": "champion",
    "model": {
        "name": "lead-scoring.acme",
        "version": 7,
        "digest": "sha256:ab",
        "label_version": "crm/1",
        "feature_version": "cd",
    },
    "overall": {"priority": 0.82},
    "dimensions": {
        "conversion": {"probability": 0.63},
        "timing": {"median_days": 6.2},
        "budget": {"status": "not_defined_for_source"},
    },
}
ROW = np.arange(5, dtype=np.float32)


def entry(answer: dict[str, Any] = ANSWER, **changes: Any) -> Prediction:
    how: dict[str, Any] = {"answered_at": 17, "urgency": "event", "features": ROW, "feature_rate": 1.0} | changes
    return prediction_of(answer, "acme", **how)


def test_an_entry_has_what_the_answer_said() -> None:
    made = entry(queue_ms=0.5, compute_ms=2.0, total_ms=3.0, principal="crm", cached=True, trace_id="ab" * 16)
    assert made.as_of == int(datetime(2012, 2, 20, 1, tzinfo=UTC).timestamp() * 1e6)
    assert made.probabilities == {"conversion": 0.63}
    assert (made.priority, made.model_version, made.seq, made.served_by) == (0.82, 7, 261993, "champion")
    assert (made.queue_ms, made.compute_ms, made.total_ms, made.principal, made.cached) == (0.5, 2.0, 3.0, "crm", True)
    assert (made.trace_id, entry().trace_id) == ("ab" * 16, None)
    assert (made.features, made.features_digest) == (ROW.tobytes(), features_digest(ROW.tobytes()))


def test_a_lesser_answer_without_model_names_priority_or_features_is_logged_too() -> None:
    lesser = {**ANSWER, "model": {"version": None, "digest": ""}, "dimensions": {}}
    del lesser["overall"]
    made = entry(lesser, features=None)
    assert (made.features, made.features_digest, made.priority, made.probabilities) == (None, None, None, {})
    assert predictions_table([made]).to_pylist()[0]["model_version"] is None


def test_only_a_sample_keeps_its_features_and_all_keep_their_digest() -> None:
    made = entry(feature_rate=0.0)
    assert (made.features, made.features_digest) == (None, features_digest(ROW.tobytes()))


def test_a_row_that_lies_in_a_matrix_of_doubles_has_the_same_digest() -> None:
    matrix = np.stack([ROW, ROW], axis=1).astype(np.float64)
    assert entry(features=matrix[:, 0]).features == ROW.tobytes()


@given(st.text(max_size=30), st.floats(0, 1), st.floats(0, 1))
def test_a_higher_rate_samples_what_a_lower_one_does(decision: str, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert is_sampled(decision, low) <= is_sampled(decision, high)
    assert is_sampled(decision, 1.0)
    assert not is_sampled(decision, 0.0)


def test_the_sample_has_the_share_that_was_asked_for() -> None:
    taken = sum(is_sampled(f"01J{number:023d}", 0.1) for number in range(20_000))
    assert taken == pytest.approx(2_000, abs=200)  # 4.7 standard deviations


def test_rows_come_out_of_the_table_as_they_went_in() -> None:
    entries = [prediction(1, features=b"\x00\x01"), prediction(2, priority=None, probabilities={}, principal=None)]
    table = predictions_table(entries)
    assert table.schema.equals(PREDICTION_SCHEMA)
    assert predictions_table([]).schema.equals(PREDICTION_SCHEMA)
    for found, made in zip(table.to_pylist(), entries, strict=True):
        assert dict(found.pop("probabilities")) == made.probabilities
        assert int(found.pop("answered_at").timestamp() * 1e6) == made.answered_at
        assert int(found.pop("as_of").timestamp() * 1e6) == made.as_of
        assert found == {name: value for name, value in msgspec.structs.asdict(made).items() if name in found}


def test_the_fields_are_the_columns() -> None:
    assert Prediction.__struct_fields__ == tuple(PREDICTION_SCHEMA.names)
