"""`lintel replay`: one lead's events, and its scores as they stood at every moment, as one static page."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import typer

from cli.options import DEFAULT_TENANT, Json, TenantId
from cli.output import emit, progress
from cli.replay_page import ReplayData, ReplayEvent, ReplayReason, ReplayScore, ReplayStep, replay_html
from lintel.errors import NotFoundError
from lintel.events.columns import columns_from_table
from lintel.events.kinds import kinds
from lintel.home import Home
from lintel.labels.nightly import nightly_ticks
from lintel.registry.champion import champion_bundle
from lintel.scoring.answers import tenant_time
from lintel.scoring.bundle import Bundle
from lintel.scoring.dimension import LEVEL, MissingDimension
from lintel.scoring.moments import microseconds
from lintel.settings import settings
from lintel.store.events import EventStore
from lintel.store.tenants import Tenant

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
    home = Home(settings())
    try:
        known = home.events.tenant(tenant)
        champion = champion_bundle(home.traffic, home.settings.bundles_path, tenant)
        with progress("scoring every moment", None) as advance:
            data = replay_data(home.events, champion.bundle, known, lead, version=champion.version, advance=advance)
    finally:
        home.close()
    safe = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in lead)
    path = output or Path(f"replay-{safe}.html")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(replay_html(data), encoding="utf-8")
    value = {"lead_id": lead, "path": str(path), "events": len(data.events), "moments": len(data.steps)}
    emit(value, as_json=as_json, table=f"wrote {path}")


def replay_data(
    store: EventStore,
    bundle: Bundle,
    tenant: Tenant,
    lead_id: str,
    *,
    version: int | None = None,
    now: datetime | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> ReplayData:
    """What the page of a lead shows: a score at every event and nightly tick until its outcome or the tenant's time.

    `version` is the bundle's as registered; `now` the wall clock, for tests. Raises NotFoundError for an unknown lead
    or one that was never open.
    """
    survivor = store.survivors(tenant.id, [lead_id])[lead_id]
    table = store.lead_events(tenant.id, [survivor])
    if not len(table):
        raise NotFoundError(f"There is no lead {lead_id!r} in tenant {tenant.id!r}.", mend="Check the id.")
    end = microseconds(tenant_time(store, tenant, now or datetime.now(UTC)))
    columns = columns_from_table(table, pa.array([survivor]))
    cards: dict[int, dict[str, Any]] = {}
    for moment in _moments(columns.known_at, end, tenant.time_zone):
        card = bundle.score_columns(columns, [survivor], moment, explain=True, time_zone=tenant.time_zone)[0]
        cards[moment] = card
        advance(1)
        if card.get("status") == "closed":
            break
    events = _events(table, end)
    steps = tuple(_step(moment, card, columns.known_at) for moment, card in cards.items() if "dimensions" in card)
    if not steps:
        raise NotFoundError(
            f"Lead {lead_id!r} was never open, so there is nothing to replay.", mend="Take another lead."
        )
    last = list(cards.values())[-1]
    return _data(bundle, tenant, lead_id, events=events, steps=steps, last=last, version=version)


def _moments(known_at: np.ndarray, end: int, zone: str) -> list[int]:
    """When something became known, and the nightly runs between, up to `end`; ascending."""
    first = int(known_at.min())
    return np.unique(np.concatenate((known_at[known_at <= end], nightly_ticks(first, end, zone)))).tolist()


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
    times = microseconds(row["occurred_at"]), microseconds(row["known_at"])
    return ReplayEvent(*times, kind.name, kind.family, row["actor"], kind.meaning, ", ".join(facts))


def _step(moment: int, card: Mapping[str, Any], known_at: np.ndarray) -> ReplayStep:
    scores = {name: _score(value) for name, value in card["dimensions"].items()}
    reasons = tuple(
        ReplayReason(one["dimension"], one["text"], tuple(one["features"]), one["log_odds"]) for one in card["reasons"]
    )
    return ReplayStep(moment, "event" if (known_at == moment).any() else "nightly", scores, reasons)


def _score(value: Mapping[str, Any]) -> ReplayScore:
    if "probability" not in value:
        return ReplayScore(None, status=value["status"])
    low, high = value.get("interval", (None, None))
    return ReplayScore(value["probability"], low, high)


def _data(
    bundle: Bundle,
    tenant: Tenant,
    lead_id: str,
    *,
    events: tuple[ReplayEvent, ...],
    steps: tuple[ReplayStep, ...],
    last: Mapping[str, Any],
    version: int | None,
) -> ReplayData:
    closed = last.get("status") == "closed"
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
        outcome=_OUTCOMES.get(last["outcome"], last["outcome"] or "Closed") if closed else None,
        outcome_at=microseconds(datetime.fromisoformat(last["closed_at"])) if closed else None,
        level=LEVEL,
        model={
            "name": bundle.name,
            "version": "not registered" if version is None else str(version),
            "bundle": bundle.digest,
            "labels": manifest.label_version,
            "features": manifest.feature_digest,
        },
    )
