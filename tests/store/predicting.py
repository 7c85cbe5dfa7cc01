"""Entries of the prediction log, and segments of workers that ended in order or not."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from lintel.events.moments import to_microseconds
from lintel.store.prediction import Prediction
from lintel.store.segments import Closing, Loss, Opening, encoded, encoded_batch, segment_name

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def prediction(number: int, **changes: Any) -> Prediction:
    """Answered `number` seconds before noon."""
    entry = Prediction(
        tenant="acme",
        lead_id=f"lead{number % 5}",
        decision_id=f"D{number:06d}",
        answered_at=to_microseconds(NOW - timedelta(seconds=number)),
        as_of=to_microseconds(NOW - timedelta(days=1)),
        seq=number,
        model_name="lead-scoring.acme",
        model_version=3,
        model_digest="sha256:ab",
        label_version="crm/1",
        feature_version="sha256:cd",
        served_by="champion",
        urgency="interactive",
        cached=False,
        features_digest="0123456789abcdef",
        features=None,
        probabilities={"intent": 0.25, "churn": 0.5},
        priority=0.125,
        queue_ms=0.5,
        compute_ms=2.0,
        total_ms=3.5,
        principal="crm",
    )
    return msgspec.structs.replace(entry, **changes)


def segment_bytes(batches: list[list[Prediction]], *, losses: list[Loss] | None = None, closed: bool = True) -> bytes:
    """A whole segment of a worker's first answers."""
    encode = msgspec.msgpack.Encoder().encode
    data, accounted = encoded(Opening(1, to_microseconds(NOW), 0.5, 0)), 0
    for place, batch in enumerate(batches):
        told = losses or [] if place == len(batches) - 1 else []
        accounted += len(batch) + sum(loss.count or 0 for loss in told)
        data += encoded_batch([encode(one) for one in batch], told, accounted)
    return data + (encoded(Closing(accounted)) if closed else b"")


def put_segment(folder: Path, batches: list[list[Prediction]], number: int = 1, **how: Any) -> Path:
    """The segment of a worker of its own, which is gone."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / segment_name(how.pop("worker", f"4711-20260301T115900-{number:08x}"), number, NOW)
    path.write_bytes(segment_bytes(batches, **how))
    return path
