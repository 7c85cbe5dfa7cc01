"""One answer as the prediction log keeps it, and the columns of the lake that it becomes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lintel.events.moments import to_microseconds
from lintel.events.schema import TIME

_WORD = pa.dictionary(pa.int32(), pa.string())

PREDICTION_SCHEMA = pa.schema(
    [
        pa.field("tenant", _WORD, nullable=False),
        pa.field("lead_id", pa.string(), nullable=False),
        pa.field("decision_id", pa.string(), nullable=False),
        pa.field("answered_at", TIME, nullable=False),
        pa.field("as_of", TIME, nullable=False),
        pa.field("seq", pa.int64(), nullable=False),
        pa.field("model_name", _WORD, nullable=False),
        pa.field("model_version", pa.int32()),
        pa.field("model_digest", _WORD, nullable=False),
        pa.field("label_version", _WORD, nullable=False),
        pa.field("feature_version", _WORD, nullable=False),
        pa.field("served_by", _WORD, nullable=False),
        pa.field("urgency", _WORD, nullable=False),
        pa.field("cached", pa.bool_(), nullable=False),
        pa.field("features_digest", pa.string()),
        pa.field("features", pa.binary()),
        pa.field("probabilities", pa.map_(pa.string(), pa.float64()), nullable=False),
        pa.field("priority", pa.float64()),
        pa.field("queue_ms", pa.float32(), nullable=False),
        pa.field("compute_ms", pa.float32(), nullable=False),
        pa.field("total_ms", pa.float32(), nullable=False),
        pa.field("principal", _WORD),
        pa.field("trace_id", pa.string()),
    ]
)
SHADOW = "shadow"
"""The rung of scores that nobody was given: a candidate's, beside the model that answered."""
_SAMPLE_SPACE = 1 << 64


class Prediction(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One answer about one lead. The fields are the columns of PREDICTION_SCHEMA, in its order.

    `answered_at` and `as_of` are UTC µs since the epoch. `features` is the float32 row that was scored, in the
    catalogue's order and the machine's (little-endian) bytes, for a sample of decisions; `features_digest` is there
    whenever features were read. `principal` is the name of a key, never the key. `trace_id` is the trace that the
    request was part of (W3C Trace Context), if it said so. Every delivery of a cached answer is a decision of its own.
    """

    tenant: str
    lead_id: str
    decision_id: str
    answered_at: int
    as_of: int
    seq: int
    model_name: str
    model_version: int | None
    model_digest: str
    label_version: str
    feature_version: str
    served_by: str
    urgency: str
    cached: bool
    features_digest: str | None
    features: bytes | None
    probabilities: dict[str, float]
    priority: float | None
    queue_ms: float
    compute_ms: float
    total_ms: float
    principal: str | None = None
    trace_id: str | None = None


def prediction_of(
    answer: Mapping[str, Any],
    tenant: str,
    *,
    answered_at: int,
    urgency: str,
    features: NDArray[np.float32] | None,
    feature_rate: float,
    cached: bool = False,
    queue_ms: float = 0.0,
    compute_ms: float = 0.0,
    total_ms: float = 0.0,
    principal: str | None = None,
    trace_id: str | None = None,
) -> Prediction:
    """The entry for an answer that has a decision id: one with an `error` instead decided nothing.

    Parameters
    ----------
    answered_at: UTC µs since the epoch.
    features: (F,) the row that was scored; None if no features were read.
    feature_rate: share of decisions that keep their features, drawn from the decision id: the same again, always.
    """
    model, dimensions = answer["model"], answer.get("dimensions", {})
    decision = answer["decision_id"]
    row = None if features is None else np.ascontiguousarray(features, np.float32).tobytes()
    return Prediction(
        tenant=tenant,
        lead_id=answer["lead_id"],
        decision_id=decision,
        answered_at=answered_at,
        as_of=to_microseconds(datetime.fromisoformat(answer["as_of"])),
        seq=answer["seq"],
        model_name=model.get("name", ""),
        model_version=model["version"],
        model_digest=model["digest"],
        label_version=model.get("label_version", ""),
        feature_version=model.get("feature_version", ""),
        served_by=answer["served_by"],
        urgency=urgency,
        cached=cached,
        features_digest=None if row is None else features_digest(row),
        features=row if row is not None and is_sampled(decision, feature_rate) else None,
        probabilities={name: one["probability"] for name, one in dimensions.items() if "probability" in one},
        priority=answer.get("overall", {}).get("priority"),
        queue_ms=queue_ms,
        compute_ms=compute_ms,
        total_ms=total_ms,
        principal=principal,
        trace_id=trace_id,
    )


def features_digest(row: bytes) -> str:
    """64 bits of BLAKE2b (RFC 7693) over the bytes of a float32 row, in hexadecimal."""
    return blake2b(row, digest_size=8).hexdigest()


def is_sampled(decision_id: str, rate: float) -> bool:
    """Whether this decision is among the share `rate` of all: the same for the same id, in every process."""
    drawn = int.from_bytes(blake2b(decision_id.encode(), digest_size=8).digest(), "big")
    return drawn < rate * _SAMPLE_SPACE


def predictions_table(predictions: Sequence[Prediction]) -> pa.Table:
    """Entries as rows of PREDICTION_SCHEMA."""
    rows = [msgspec.structs.astuple(one) for one in predictions]
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(PREDICTION_SCHEMA)
    return pa.table(
        [_array(values, field) for values, field in zip(columns, PREDICTION_SCHEMA, strict=True)],
        schema=PREDICTION_SCHEMA,
    )


def _array(values: Sequence[Any], field: pa.Field) -> pa.Array:
    if pa.types.is_dictionary(field.type):
        return pa.array(values, pa.string()).dictionary_encode()
    if pa.types.is_map(field.type):
        return pa.array([list(one.items()) for one in values], field.type)
    return pa.array(values, field.type)
