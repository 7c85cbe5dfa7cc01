"""The daily check of a tenant's logged answers against the lake."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lintel.events.columns import EventColumns, Queries, digest64
from lintel.events.timezones import utc_offsets
from lintel.features.catalogue import catalogue
from lintel.features.kernel import compute
from lintel.home import Home
from lintel.labels.definition import DIMENSIONS
from lintel.market.context import ContextColumns
from lintel.monitoring.bundles import bundles_here
from lintel.monitoring.consistency import consistency_finding
from lintel.monitoring.recomputation import LeadEvents, features_now, parts_then
from lintel.monitoring.served import READ, Served, comparable, served_answers
from lintel.scoring.lesser_answers import LIGHT_MODEL
from lintel.scoring.scorer import Scorer
from lintel.store.aliases import Aliases
from lintel.store.tenants import Tenant

AREA = "consistency"
MOST_ANSWERS = 20_000
"""Answers that are computed once more in a run; of more, so many are drawn by their decision ids."""
LOOK_BACK = timedelta(days=7)
Json = dict[str, Any]
Model = tuple[str, bool]
"""Digest of a bundle, and whether its light model answered."""


@dataclass(frozen=True, slots=True)
class _Lake:
    """What a tenant's answers are computed from."""

    events: LeadEvents
    tenant: Tenant
    context: ContextColumns

    def features(self, columns: EventColumns, queries: Queries) -> NDArray[np.float32]:
        return compute(columns, queries, zone=utc_offsets(self.tenant.time_zone), context=self.context)

    def probabilities(self, scorer: Scorer, columns: EventColumns, queries: Queries) -> dict[str, NDArray[np.float64]]:
        found = scorer.score(columns, queries, utc_offsets(self.tenant.time_zone), self.context)
        return {name: one.probability for name, one in found.dimensions.items()}


def check_consistency(home: Home, tenant: str, *, now: datetime, since: datetime | None = None) -> Json:
    """The finding about the answers given since the last check, at most a week ago, or since a moment.

    Raises NotFoundError for no such tenant.
    """
    known = home.events.tenant(tenant)
    begin = since or _last_check(home, tenant, now)
    table, answers = _drawn(home.predictions.read(tenant, begin, now, columns=READ))
    served = served_answers(table)
    merges = home.events.merges(tenant, up_to_seq=home.events.latest_seq(tenant))
    aliases = Aliases(merges)
    lives_as = np.array([aliases.survivor(one) for one in served.lead_ids.tolist()], np.object_)
    leads = sorted(set(lives_as.tolist()))
    events = LeadEvents.of(home.lake.read(tenant, leads=leads))
    present = set(events.leads.to_pylist())
    rows, apart = comparable(
        served,
        table.column("feature_version").to_pylist(),
        feature_version=catalogue().digest,
        watermark=home.lake.watermark(tenant),
        merges=merges,
        known={
            lead for lead, other in zip(served.lead_ids.tolist(), lives_as.tolist(), strict=True) if other in present
        },
        aside=_leads_aside(home, tenant),
    )
    served, code = served.take(rows), _codes(lives_as[rows], events)
    lake = _Lake(events, known, home.events.context.columns(tenant))
    then, scores = _computed_then(lake, served, code, _scorers(home.settings.bundles_path, served))
    current = features_now(served, code, events, lake.features)
    finding = consistency_finding(served, then, current, scores, catalogue().names, apart=apart, answers=answers)
    return finding | {"since": begin.isoformat(), "until": now.isoformat()}


def _last_check(home: Home, tenant: str, now: datetime) -> datetime:
    last = home.monitoring.newest(tenant, AREA)
    moment = None if last is None or "until" not in last else datetime.fromisoformat(last["until"])
    return max(moment or now - LOOK_BACK, now - LOOK_BACK)


def _drawn(table: pa.Table) -> tuple[pa.Table, int]:
    """At most MOST_ANSWERS of the answers, the same ones every time, and how many there were."""
    if len(table) <= MOST_ANSWERS:
        return table, len(table)
    drawn = np.array([digest64(one) for one in table.column("decision_id").to_pylist()], np.int64)
    return table.take(pa.array(np.sort(np.argsort(drawn, kind="stable")[:MOST_ANSWERS]))), len(table)


def _leads_aside(home: Home, tenant: str) -> set[str]:
    seqs = home.events.seqs_aside(tenant)
    if not seqs:
        return set()
    recorded = home.lake.recorded(tenant)
    aside = recorded.filter(pc.is_in(recorded.column("seq"), value_set=pa.array(seqs, pa.int64())))
    return set(aside.column("lead_id").to_pylist())


def _codes(leads: NDArray[np.object_], events: LeadEvents) -> NDArray[np.intp]:
    found = pc.index_in(pa.array(leads.tolist(), pa.string()), value_set=events.leads)
    return np.asarray(found.to_numpy(zero_copy_only=False), np.intp)


def _computed_then(
    lake: _Lake, served: Served, code: NDArray[np.intp], scorers: Mapping[Model, Scorer]
) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float64]]]:
    """(n, F) features, and (n,) scores by dimension, NaN where a bundle is not here."""
    features = np.empty((len(served), len(catalogue())), np.float32)
    scores = {name: np.full(len(served), np.nan) for name in DIMENSIONS}
    for part in parts_then(served, code, lake.events):
        features[part.rows] = lake.features(part.columns, part.queries)
        for model, rows in _by_model(served, part.rows):
            if (scorer := scorers.get(model)) is not None:
                queries = Queries(part.queries.lead[rows], part.queries.as_of[rows])
                for name, one in lake.probabilities(scorer, part.columns, queries).items():
                    scores[name][part.rows[rows]] = one
    return features, scores


def _by_model(served: Served, rows: NDArray[np.intp]) -> Iterator[tuple[Model, NDArray[np.intp]]]:
    """Bundle and whether its light model answered, and positions among `rows`, which keep their order."""
    keys = [(str(served.bundle[row]), served.rung[row] == LIGHT_MODEL) for row in rows.tolist()]
    for key in sorted(set(keys)):
        yield key, np.array([i for i, one in enumerate(keys) if one == key], np.intp)


def _scorers(bundles: Path, served: Served) -> Mapping[Model, Scorer]:
    """Of each bundle that answered and is still here: the model's, and that of its light one."""
    found: dict[Model, Scorer] = {}
    for digest, bundle in bundles_here(bundles, served.bundle.tolist()).items():
        found[digest, False] = bundle.scorer
        if bundle.lighter is not None:
            found[digest, True] = bundle.lighter.scorer
    return found
