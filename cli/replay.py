"""`lintel replay`: one lead's events, and its scores as they stood at every moment, as one static page."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import typer

from cli.options import DEFAULT_TENANT, Json, TenantId
from cli.output import emit, write_page
from cli.replay_page import ReplayData, ReplayEvent, ReplayReason, ReplayScore, ReplayStep, replay_html
from lintel.errors import InputError, NotFoundError
from lintel.events.columns import EventColumns, Queries, columns_from_table
from lintel.events.kinds import kind_codes, kinds
from lintel.events.moments import to_microseconds
from lintel.events.timezones import MICROSECONDS_PER_DAY, utc_offsets
from lintel.home import Home
from lintel.labels.nightly import nightly_ticks
from lintel.market.context import ContextColumns
from lintel.registry.champion import champion_bundle
from lintel.scoring.answers import tenant_time
from lintel.scoring.bundle import Bundle
from lintel.scoring.dimension import LEVEL, MissingDimension
from lintel.scoring.history import latest_visible
from lintel.scoring.standing import Standing, Standings, standings
from lintel.settings import settings
from lintel.store.events import EventStore
from lintel.store.tenants import Tenant

QUIET_DAYS = 60
"""Nightly runs are shown this long after something became known: the scores of a silent lead hardly move, and years of
them would make a page that no browser opens."""

_MAX_NAME = 80
_OUTCOMES = {
    "won": "The deal was won",
    "lost": "The deal was lost or refused",
    "silent": "The lead withdrew or went silent",
}


def replay(
    lead: Annotated[str, typer.Option("--lead", help="The lead's id.")],
    tenant: TenantId = DEFAULT_TENANT,
    output: Annotated[Path | None, typer.Option(help="Where to write; replay-LEAD.html by default.")] = None,
    as_json: Json = False,
) -> None:
    """Write a page that replays one lead: what happened, what was scored at each moment, and why."""
    path = _output(output or Path(_file_name(lead)))
    home = Home(settings())
    try:
        known = home.events.tenant(tenant)
        champion = champion_bundle(home.traffic, home.settings.bundles_path, tenant)
        data = replay_data(home.events, champion.bundle, known, lead, version=champion.version)
    finally:
        home.close()
    write_page(path, replay_html(data))
    value = {"lead_id": lead, "path": str(path), "events": len(data.events), "moments": len(data.steps)}
    emit(value, as_json=as_json, table=f"wrote {path}")


def _file_name(lead: str) -> str:
    """A name that every file system takes; where letters of the id had to go, a digest keeps leads apart."""
    safe = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_") else "-" for letter in lead)
    if safe != lead or len(safe) > _MAX_NAME:
        safe = f"{safe[:_MAX_NAME]}-{sha256(lead.encode()).hexdigest()[:8]}"
    return f"replay-{safe}.html"


def _output(path: Path) -> Path:
    """The path, checked before the work begins. Raises InputError if nothing can be written there."""
    if path.is_dir():
        raise InputError(f"{path} is a folder.", mend="Name a file in it, as in --output FOLDER/lead.html.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"The folder {path.parent} cannot be made: {error.strerror}.") from None
    return path


def replay_data(
    store: EventStore,
    bundle: Bundle,
    tenant: Tenant,
    lead_id: str,
    *,
    version: int | None = None,
    now: datetime | None = None,
) -> ReplayData:
    """What the page of a lead shows: a score at every event and nightly tick until its outcome or the tenant's time.

    `version` is the bundle's as registered; `now` the wall clock, for tests. Raises NotFoundError for an unknown lead
    or one that was never open.
    """
    survivor = store.survivors(tenant.id, [lead_id])[lead_id]
    table = store.lead_events(tenant.id, [survivor])
    if not len(table):
        raise NotFoundError(f"There is no lead {lead_id!r} in tenant {tenant.id!r}.", mend="Check the id.")
    end = to_microseconds(tenant_time(store, tenant, now or datetime.now(UTC)))
    columns = columns_from_table(table, pa.array([survivor]))
    moments, closing = _life(bundle, columns, _moments(columns.known_at, end, tenant.time_zone))
    if not moments:
        raise NotFoundError(f"Lead {lead_id!r} was never open: nothing to replay.", mend="Take another lead.")
    steps = _steps(bundle, columns, moments, tenant.time_zone, store.context.columns(tenant.id))
    return _data(bundle, tenant, lead_id, events=_events(table, end), steps=steps, closing=closing, version=version)


def _life(bundle: Bundle, columns: EventColumns, moments: Sequence[int]) -> tuple[list[int], Standings | None]:
    """The moments at which the lead was open, and how it stood at the first at which it was closed."""
    lived: list[int] = []
    for moment in moments:
        found = standings(columns, 1, moment, bundle.manifest.asked.outcomes)
        if found.standing[0] is Standing.CLOSED:
            return lived, found
        lived.append(moment)
    return lived, None


def _steps(
    bundle: Bundle, columns: EventColumns, moments: Sequence[int], zone: str, context: ContextColumns
) -> tuple[ReplayStep, ...]:
    """All moments in one batch: each row is what the lead alone would have been given then."""
    queries = Queries(np.zeros(len(moments), np.int32), np.array(moments, np.int64))
    scores = bundle.scorer.score(columns, queries, utc_offsets(zone), context)
    reasons = bundle.scorer.explain(scores.inputs)
    answered = {
        name: latest_visible(
            columns, np.flatnonzero(np.isin(columns.kind, [kind_codes()[k] for k in settling])), queries
        )
        for name, settling in bundle.manifest.asked.settled_by.items()
    }
    steps = []
    for row, moment in enumerate(moments):
        shown = {
            name: ReplayScore(None, status="already_answered")
            if name in answered and answered[name][row] >= 0
            else ReplayScore(float(one.probability[row]), float(one.low[row]), float(one.high[row]))
            for name, one in scores.dimensions.items()
        }
        why = tuple(ReplayReason(one.dimension, one.text, one.features, one.log_odds) for one in reasons[row])
        steps.append(ReplayStep(moment, "event" if (columns.known_at == moment).any() else "nightly", shown, why))
    return tuple(steps)


def _moments(known_at: np.ndarray, end: int, zone: str) -> list[int]:
    """When something became known, and the nightly runs in the `QUIET_DAYS` after it, up to `end`; ascending."""
    known = np.sort(known_at[known_at <= end])
    ticks = nightly_ticks(int(known_at.min()), end, zone)
    latest = known[np.searchsorted(known, ticks, side="right") - 1]
    nights = ticks[ticks - latest <= QUIET_DAYS * MICROSECONDS_PER_DAY]
    return np.unique(np.concatenate((known, nights))).tolist()


def _events(table: pa.Table, end: int) -> tuple[ReplayEvent, ...]:
    rows = (_event(row) for row in table.to_pylist())
    return tuple(sorted((one for one in rows if one.known_at <= end), key=lambda one: (one.occurred_at, one.known_at)))


def _event(row: Mapping[str, Any]) -> ReplayEvent:
    kind = kinds()[row["kind"]]
    facts = []
    if kind.value and row["value"] is not None:
        facts.append(f"{kind.value.meaning}: {row['value']:,.6g} {kind.value.unit}".strip())
    for i, measure in enumerate(kind.attributes, start=1):
        if row[f"attribute_{i}"] is not None:
            facts.append(f"{measure.meaning}: {row[f'attribute_{i}']:,.6g} {measure.unit}".strip())
    if row["channel"]:
        facts.append(f"by {row['channel']}")
    if row["due_at"]:
        facts.append(f"due {row['due_at']:%Y-%m-%d %H:%M} UTC")
    times = to_microseconds(row["occurred_at"]), to_microseconds(row["known_at"])
    return ReplayEvent(*times, kind.name, kind.family, row["actor"], kind.meaning, ", ".join(facts))


def _data(
    bundle: Bundle,
    tenant: Tenant,
    lead_id: str,
    *,
    events: tuple[ReplayEvent, ...],
    steps: tuple[ReplayStep, ...],
    closing: Standings | None,
    version: int | None,
) -> ReplayData:
    manifest, scorer = bundle.manifest, bundle.scorer
    return ReplayData(
        tenant=tenant.id,
        lead_id=lead_id,
        time_zone=tenant.time_zone,
        simulated=tenant.simulated or manifest.simulated,
        events=events,
        steps=steps,
        dimensions={name: one.definition for name, one in scorer.ready.items()},
        base_rates={name: one.base_rate for name, one in scorer.ready.items()},
        undefined={n: one.explanation for n, one in scorer.dimensions.items() if isinstance(one, MissingDimension)},
        outcome=_outcome(closing.outcome[0]) if closing else None,
        outcome_at=int(closing.closed_at[0]) if closing else None,
        level=LEVEL,
        model={
            "name": bundle.name,
            "version": "not registered" if version is None else str(version),
            "bundle": bundle.digest,
            "labels": manifest.label_version,
            "features": manifest.feature_digest,
        },
    )


def _outcome(word: str | None) -> str:
    """The outcome in words: of a cause, or of the kind that closed the lead where it stands for none."""
    if word in _OUTCOMES:
        return _OUTCOMES[word]
    return f"Closed: {kinds()[word].meaning}" if word in kinds() else "Closed"
