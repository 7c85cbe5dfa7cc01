"""Examples: decision points with their features and labels, in one table that can be looked at."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from lintel.errors import IncompatibleError, InputError
from lintel.events.columns import EventColumns, Queries, digest64
from lintel.events.moments import to_microseconds
from lintel.events.schema import TIME
from lintel.events.timezones import utc_offsets
from lintel.features.catalogue import Catalogue, catalogue
from lintel.features.kernel import compute
from lintel.labels.definition import DIMENSIONS, LabelSet, Question, load_label_set
from lintel.labels.outcomes import Outcome, Status, outcomes
from lintel.labels.points import DecisionPoints, decision_points
from lintel.market.context import NO_CONTEXT, ContextColumns
from lintel.scoring.contact import ContactProfile
from lintel.scoring.contact_fit import fit_contact
from lintel.scoring.history import latest_amount
from lintel.scoring.inputs import Inputs, Sequences
from lintel.scoring.sequences import from_table, sequences, to_columns
from lintel.store.log import TenantLog
from lintel.store.tenants import Tenant

POINTS_A_LEAD = 5
"""Decision points kept of each origin (events, nights, touches) a lead."""
_METADATA = b"lintel.examples"
_SHOWN_STATUSES = (Status.YES, Status.NO, Status.CENSORED, Status.NOT_ASKED)


@dataclass(frozen=True, slots=True)
class DataDescription:
    """Where examples come from. `tenants` are those whose events were read; `simulated` is said with every figure."""

    name: str
    tenants: tuple[str, ...]
    log_end: int  # UTC µs
    simulated: bool
    typical_amount: float | None  # median over leads of the last amount known, in currency


@dataclass(frozen=True, slots=True)
class Examples:
    """p decision points of L leads, sorted by (lead, as_of)."""

    data: DataDescription
    lead_ids: tuple[str, ...]  # (L,) `points.queries.lead` is the position here
    points: DecisionPoints
    features: NDArray[np.float32]  # (p, F)
    sequences: Sequences  # of the p points
    names: tuple[str, ...]  # (F,)
    outcomes: Mapping[str, Outcome]  # by dimension, (p,) each
    feature_digest: str
    label_digest: str
    contact: ContactProfile | None = None  # when and how leads answer, where the source tells

    def __len__(self) -> int:
        return len(self.points)

    def inputs(self, rows: NDArray[np.intp]) -> Inputs:
        """What members read of the points at `rows`."""
        return Inputs(self.features[rows], self.names, self.sequences.take(rows))

    def take(self, rows: NDArray[np.intp]) -> "Examples":
        """The points at `rows`, which must keep their order; the leads stay as they are."""
        return replace(
            self,
            points=self.points.take(rows),
            features=self.features[rows],
            sequences=self.sequences.take(rows),
            outcomes={name: one.take(rows) for name, one in self.outcomes.items()},
        )

    def learnable(self, rows: NDArray[np.intp]) -> Inputs:
        """What can be learnt of the points at `rows`: the features that differ between them."""
        return self.inputs(rows).informative()

    @property
    def digest(self) -> str:
        """sha256 of what is learnt from: points, features, labels and the versions of their definitions."""
        found = sha256(f"{self.feature_digest} {self.label_digest} {self.lead_ids}".encode())
        for name, column in _label_columns(self.outcomes).items():
            found.update(name.encode() + np.ascontiguousarray(column).tobytes())
        arrays = (self.points.queries.lead, self.points.queries.as_of, self.points.weight, self.features)
        for array in (*arrays, *(getattr(self.sequences, field.name) for field in fields(Sequences))):
            found.update(np.ascontiguousarray(array).tobytes())
        return f"sha256:{found.hexdigest()}"

    def table(self) -> pa.Table:
        """One row a point: lead_id, as_of, origin, weight, episode, the features, the events behind them as lists, and
        `label.DIMENSION.FIELD`."""
        leads = pa.DictionaryArray.from_arrays(self.points.queries.lead, pa.array(self.lead_ids, pa.string()))
        columns: dict[str, Any] = {
            "lead_id": leads,
            "as_of": pa.array(self.points.queries.as_of, pa.int64()).cast(TIME),
            "origin": self.points.origin,
            "weight": self.points.weight,
            "episode": self.points.episode,
        }
        columns |= {name: self.features[:, position] for position, name in enumerate(self.names)}
        columns |= to_columns(self.sequences)
        columns |= _label_columns(self.outcomes)
        for dimension in DIMENSIONS:  # what the source does not define is asked of nobody
            columns.setdefault(f"label.{dimension}.status", np.full(len(self), Status.NOT_ASKED, np.int8))
        return pa.table(columns).replace_schema_metadata({_METADATA: json.dumps(self._metadata()).encode()})

    def label_summary(self) -> str:
        """A Markdown table: rows by dimension and status."""
        lines = ["| dimension | yes | no | censored | not asked |", "|---|---|---|---|---|"]
        for name, outcome in self.outcomes.items():
            counts = [int((outcome.status == status).sum()) for status in _SHOWN_STATUSES]
            lines.append(f"| {name} | " + " | ".join(f"{count:,}" for count in counts) + " |")
        return "\n".join(lines)

    def save(self, path: Path) -> None:
        """Write one Parquet file."""
        pq.write_table(self.table(), path, compression="zstd")

    @classmethod
    def load(cls, path: Path, *, asked_from: int | None = None) -> "Examples":
        """Read what `save` wrote, or of it only what is asked from a moment (UTC µs) on.

        Raises IncompatibleError for any other Parquet file.
        """
        later = None if asked_from is None else pc.field("as_of") >= pa.scalar(asked_from, TIME)
        table = pq.read_table(path, filters=later)
        metadata = json.loads((table.schema.metadata or {}).get(_METADATA, b"null"))
        if metadata is None:
            raise IncompatibleError(f"{path.name} holds no examples.", mend="Build them again.")
        leads = table.column("lead_id").combine_chunks()
        queries = Queries(leads.indices.to_numpy().astype(np.int32), table.column("as_of").cast(pa.int64()).to_numpy())
        origin, weight, episode = (table.column(name).to_numpy() for name in ("origin", "weight", "episode"))
        names = tuple(metadata["names"])
        features = np.empty((len(table), len(names)), np.float32)
        for position, name in enumerate(names):
            features[:, position] = table.column(name).to_numpy()
        data = DataDescription(**(metadata["data"] | {"tenants": tuple(metadata["data"]["tenants"])}))
        return cls(
            data=data,
            lead_ids=tuple(leads.dictionary.to_pylist()),
            points=DecisionPoints(queries, origin, weight, episode),
            features=features,
            sequences=from_table(table),
            names=names,
            outcomes={name: _outcome(table, name) for name in metadata["dimensions"]},
            feature_digest=metadata["feature_digest"],
            label_digest=metadata["label_digest"],
            contact=None if metadata["contact"] is None else ContactProfile.from_json(metadata["contact"]),
        )

    def _metadata(self) -> dict[str, Any]:
        return {
            "data": {field.name: getattr(self.data, field.name) for field in fields(self.data)},
            "names": list(self.names),
            "dimensions": list(self.outcomes),
            "feature_digest": self.feature_digest,
            "label_digest": self.label_digest,
            "contact": None if self.contact is None else self.contact.to_json(),
        }


def build_examples(log: TenantLog, *, seed: int, per_origin: int | None = POINTS_A_LEAD) -> Examples:
    """Examples of a tenant's log, with the tenant's labels and Lintel's catalogue, as known at the log's as-of time.

    `per_origin` is the most points of each origin a lead; None keeps all. Raises InputError if there is no decision
    point.
    """
    return examples_of(
        log.columns,
        log.lead_ids,
        name=log.tenant.id,
        tenant=log.tenant,
        log_end=to_microseconds(log.as_of),
        label_set=load_label_set(log.tenant.labels),
        catalogue=catalogue(),
        seed=seed,
        per_origin=per_origin,
        context=log.context,
    )


def examples_of(
    columns: EventColumns,
    lead_ids: tuple[str, ...],
    *,
    name: str,
    tenant: Tenant,
    log_end: int,
    label_set: LabelSet,
    catalogue: Catalogue,
    seed: int,
    per_origin: int | None = POINTS_A_LEAD,
    context: ContextColumns = NO_CONTEXT,
) -> Examples:
    """Examples of one tenant's events as they were known at `log_end` (UTC µs).

    `lead_ids`, (L,), is the lead of each code in `columns.lead`; `name` is what the data is called where figures are
    shown. Raises InputError if there is no decision point.
    """
    keys = np.array([digest64(lead_id) for lead_id in lead_ids], np.int64)
    points = decision_points(
        columns, label_set, keys, log_end=log_end, time_zone=tenant.time_zone, per_origin=per_origin, seed=seed
    )
    if not len(points):
        raise InputError(f"the events of {name} give no decision point.", mend="Ingest events of open leads first.")
    every_lead = np.arange(len(lead_ids), dtype=np.int32)
    amounts = latest_amount(columns, Queries(every_lead, np.full(len(lead_ids), log_end)))
    typical = float(np.nanmedian(amounts)) if np.isfinite(amounts).any() else None
    return Examples(
        data=DataDescription(name, (tenant.id,), log_end, tenant.simulated, typical),
        lead_ids=lead_ids,
        points=points,
        features=compute(
            columns, points.queries, zone=utc_offsets(tenant.time_zone), catalogue=catalogue, context=context
        ),
        sequences=sequences(columns, points.queries),
        names=catalogue.names,
        outcomes=outcomes(columns, points, label_set, log_end=log_end),
        feature_digest=catalogue.digest,
        label_digest=label_set.digest,
        contact=_contact(columns, label_set, log_end, tenant),
    )


def _contact(columns: EventColumns, label_set: LabelSet, log_end: int, tenant: Tenant) -> ContactProfile | None:
    """When and how leads answer, where engagement asks whether they answer a touch."""
    entry = label_set.defined.get("engagement")
    if not isinstance(entry, Question):
        return None
    return fit_contact(columns, entry, log_end=log_end, zone=utc_offsets(tenant.time_zone))


def _label_columns(labelled: Mapping[str, Outcome]) -> dict[str, NDArray[Any]]:
    return {
        f"label.{dimension}.{field.name}": getattr(outcome, field.name)
        for dimension, outcome in labelled.items()
        for field in fields(Outcome)
        if getattr(outcome, field.name) is not None
    }


def _outcome(table: pa.Table, dimension: str) -> Outcome:
    columns = {field.name: f"label.{dimension}.{field.name}" for field in fields(Outcome)}
    found = {name: table.column(column).to_numpy() for name, column in columns.items() if column in table.column_names}
    return Outcome(**found)
