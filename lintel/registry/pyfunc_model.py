"""A score bundle as an MLflow pyfunc, stored as code plus the folder: no pickle.

`mlflow models serve` and `mlflow.pyfunc.load_model` answer rows of events (fields of the incoming event schema; times
in ISO 8601) with one score a lead. Parameters: `as_of`, an ISO 8601 time with a zone, the newest event's by default;
`time_zone`, the leads' own, for features of hour and weekday.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import mlflow
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lintel.errors import InputError
from lintel.events.validation import check, table_from_rows
from lintel.scoring.bundle import Bundle
from lintel.store.rows import new_events, stored_table


class ScoreBundle(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """Loads the folder once; each call scores the leads of the events given."""

    def load_context(self, context: Any) -> None:
        self.bundle = Bundle.load(context.artifacts["bundle"])

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> list[str]:
        """One JSON object a lead, as a string, sorted by lead. Raises InputError if a row is no event."""
        rows = [
            {str(name): value for name, value in row.items() if not pd.isna(value)}
            for row in model_input.to_dict("records")
        ]
        events = _checked(rows, self.bundle.manifest.scope)
        asked = params or {}
        as_of = datetime.fromisoformat(asked["as_of"]) if asked.get("as_of") else _newest(events)
        scores = self.bundle.score(events, as_of, time_zone=asked.get("time_zone") or "UTC")
        return [json.dumps(score) for score in scores]


def _checked(rows: Sequence[Mapping[str, Any]], scope: str) -> pa.Table:
    """The rows as the store would keep them, signals of their texts included. None is left out: a score without it
    would be another lead's."""
    if not rows:
        raise InputError("There is no event to score.", mend="Give one row an event.")
    typed = table_from_rows(rows)
    tenant = str(rows[0].get("tenant", scope))
    checked = check(typed.events, tenant=tenant, now=datetime.now(UTC))
    rejected = (*typed.rejected, *checked.rejected)
    if rejected:
        raise InputError(f"{len(rejected)} rows are no events; the first: {rejected[0]}.", mend="See docs/kinds.md.")
    written = enumerate(new_events(checked.events, ingested_at=0), start=1)
    return stored_table(tenant, [(*one.columns[:-1], seq, one.columns[-1]) for seq, one in written])


def _newest(events: pa.Table) -> datetime:
    return pc.max(events.column("known_at")).as_py()


mlflow.models.set_model(ScoreBundle())
