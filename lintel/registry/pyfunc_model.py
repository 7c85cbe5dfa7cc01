"""A score bundle as an MLflow pyfunc, stored as code plus the folder: no pickle.

`mlflow models serve` and `mlflow.pyfunc.load_model` answer rows of events (fields of the event schema; times in
ISO 8601) with one score a lead; the parameter `as_of` is an ISO 8601 time, the newest event's time by default.
"""

import json
from datetime import datetime
from typing import Any

import mlflow
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lintel.events.validation import table_from_rows
from lintel.scoring.bundle import Bundle


class ScoreBundle(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """Loads the folder once; each call scores the leads of the events given."""

    def load_context(self, context: Any) -> None:
        self.bundle = Bundle.load(context.artifacts["bundle"])

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> list[str]:
        """One JSON object a lead, as a string, sorted by lead."""
        rows = [{key: value for key, value in row.items() if not pd.isna(value)} for row in model_input.to_dict("records")]
        events = table_from_rows(rows).events
        as_of = (params or {}).get("as_of")
        moment = datetime.fromisoformat(as_of) if as_of else _newest(events)
        return [json.dumps(score) for score in self.bundle.score(events, moment)]


def _newest(events: pa.Table) -> datetime:
    return pc.max(events.column("occurred_at")).as_py()


mlflow.models.set_model(ScoreBundle())
