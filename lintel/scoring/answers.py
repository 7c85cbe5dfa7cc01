"""Answers about leads: their scores, and who says so, on what evidence, as of when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from lintel.events.columns import EventColumns, columns_from_table
from lintel.events.moments import to_microseconds
from lintel.market.context import ContextColumns
from lintel.scoring.bundle import Bundle
from lintel.scoring.comparison import Comparison, nightly_comparison, past_scores, stored_comparison
from lintel.scoring.contact import QuietHours
from lintel.scoring.decision_id import decision_id
from lintel.scoring.evidence import Rung, weakest
from lintel.store.events import EventStore
from lintel.store.log import TenantLog
from lintel.store.scores import ScoreRow, ScoreStore
from lintel.store.tenant_state import clock_time
from lintel.store.tenants import Clock, Tenant

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Histories:
    """What the log said of some leads at one moment of its own: all that scores are made of."""

    lead_ids: tuple[str, ...]  # (L,) distinct leads that live as themselves
    columns: EventColumns  # their events; a lead's code is its position in `lead_ids`
    survivors: Mapping[str, str]  # who was asked for -> the lead that it lives on as, which may have no events
    seq: int  # of the newest event in the log then
    context: ContextColumns  # the tenant's market series


@dataclass(frozen=True, slots=True)
class Answered:
    """Answers in the order asked, and what the scores in them were made of."""

    answers: list[Json]
    rows: Mapping[str, int]  # lead that lives as itself and has scores -> its row in `features`
    features: NDArray[np.float32]  # (k, F) in the order of the catalogue


def score_leads(
    store: EventStore,
    bundle: Bundle,
    tenant: Tenant,
    lead_ids: Sequence[str],
    as_of: datetime | None,
    *,
    explain: bool,
    model_version: int | None,
    served_by: str,
    scores: ScoreStore | None = None,
    now: datetime | None = None,
) -> list[Json]:
    """Answers for `lead_ids`, in their order, from the events in the store.

    Parameters
    ----------
    as_of: with a zone; None means the tenant's clock: now, or the newest `known_at` of its log.
    model_version: as registered; None if only the bundle is known.
    served_by: the rung of the fallback ladder that answers.
    scores: what nightly runs stored, for rank and trend; without it an answer says that it has none.
    now: the wall clock; for tests.

    An unknown lead, or one of which nothing was known at `as_of`, has an `error` in its place; others are answered. A
    lead that was merged into another is answered by it, but as itself as of any moment before the merge was known.
    Raises NotFoundError for an unknown tenant or one without events, InputError for an as-of time without a zone.
    """
    now = now or datetime.now(UTC)
    moment = as_of or tenant_time(store, tenant, now)
    histories = read_histories(store, tenant, lead_ids, moment)
    comparison = stored_comparison(scores, tenant, bundle.digest, moment, histories.lead_ids)
    answered = answer_leads(
        bundle,
        tenant,
        histories,
        lead_ids,
        moment,
        explain=explain,
        model_version=model_version,
        served_by=served_by,
        comparison=comparison,
        now=now,
    )
    return answered.answers


def read_histories(store: EventStore, tenant: Tenant, lead_ids: Sequence[str], moment: datetime) -> Histories:
    """The histories of `lead_ids` from the store, with the merges that were known at `moment`."""
    seq = store.latest_seq(tenant.id)  # first, so that events and merges are of one moment, whatever is written now
    survivors = store.survivors(tenant.id, list(dict.fromkeys(lead_ids)), up_to_seq=seq, merged_by=moment)
    events = store.lead_events(tenant.id, list(survivors), up_to_seq=seq, merged_by=moment)
    found = pc.unique(events.column("lead_id")).sort()
    columns = columns_from_table(events, found)
    return Histories(tuple(found.to_pylist()), columns, survivors, seq, store.context.columns(tenant.id))


def answer_leads(
    bundle: Bundle,
    tenant: Tenant,
    histories: Histories,
    lead_ids: Sequence[str],
    moment: datetime,
    *,
    explain: bool,
    model_version: int | None,
    served_by: str,
    comparison: Comparison,
    now: datetime,
) -> Answered:
    """Answers for `lead_ids`, in their order, from their histories alone: pure but for the answers' ids.

    `comparison` is what the scores of `histories.lead_ids` are compared with; the rest as in `score_leads`.
    """
    quiet = QuietHours(tenant.quiet_from_hour, tenant.quiet_to_hour)
    made = bundle.scorecards(
        histories.columns,
        histories.lead_ids,
        to_microseconds(moment),
        explain=explain,
        time_zone=tenant.time_zone,
        context=histories.context,
        quiet=quiet,
    )
    shared = envelope(bundle, tenant, seq=histories.seq, model_version=model_version, served_by=served_by)
    answers = {card["lead_id"]: _answer(card, shared, now) for card in made.cards}
    for answer in answers.values():
        _compare(answer, comparison)
    rows = {histories.lead_ids[lead]: row for row, lead in enumerate(made.scored.tolist())}
    asked = [_of_lead(lead_id, histories.survivors[lead_id], answers) for lead_id in lead_ids]
    return Answered(asked, rows, made.features)


def score_batch(
    bundle: Bundle,
    log: TenantLog,
    *,
    seq: int,
    model_version: int | None,
    served_by: str = "champion",
    scores: ScoreStore | None = None,
    now: datetime | None = None,
) -> list[Json]:
    """Answers for all leads of a log that are open at its as-of time, highest priority first, without reasons.

    `seq` is the last event in the log. Each is ranked among the others; `scores` has the past of which the trend is
    told. `store_batch` keeps them.
    """
    tenant = log.tenant
    as_of = to_microseconds(log.as_of)
    quiet = QuietHours(tenant.quiet_from_hour, tenant.quiet_to_hour)
    cards = bundle.score_columns(
        log.columns, log.lead_ids, as_of, time_zone=tenant.time_zone, context=log.context, quiet=quiet
    )
    shared = envelope(bundle, tenant, seq=seq, model_version=model_version, served_by=served_by)
    now = now or datetime.now(UTC)
    answers = [_answer(card, shared, now) for card in cards if card.get("status") == "open"]
    past = past_scores(scores, tenant.id, bundle.digest, log.as_of) if scores else {}
    comparison = nightly_comparison(answers, tenant, log.as_of, past)
    for answer in answers:
        _compare(answer, comparison)
    return sorted(answers, key=lambda one: (-one["overall"].get("priority", -1.0), one["lead_id"]))


def store_batch(scores: ScoreStore, log: TenantLog, bundle: str, answers: Sequence[Json], now: datetime) -> int:
    """Keep the answers of a nightly run by the bundle with this digest, and the ranking that requests are held
    against; leads that have none any more leave the list, and how many did is returned."""
    tenant = log.tenant
    scores.put(tenant.id, [ScoreRow.of(answer, now) for answer in answers])
    ranking = nightly_comparison(answers, tenant, log.as_of, {}).ranking
    if ranking is not None:
        scores.put_ranking(tenant.id, log.as_of, bundle, ranking.to_json())
    scores.forget(tenant.id, log.as_of)
    return scores.retire(tenant.id, now)


def tenant_time(store: EventStore, tenant: Tenant, now: datetime) -> datetime:
    """What `as_of: null` means for the tenant. Raises NotFoundError if its log is empty and has no end."""
    return now if tenant.clock is Clock.LIVE else clock_time(tenant, store.state(tenant.id).newest_known_at, now)


def envelope(bundle: Bundle, tenant: Tenant, *, seq: int | None, model_version: int | None, served_by: str) -> Json:
    """What all answers of one batch share: who answers, on what evidence; `seq` is None where no log was read."""
    manifest = bundle.manifest
    shared: Json = {
        "clock": tenant.clock.value,
        "model": {
            "name": bundle.name,
            "version": model_version,
            "digest": bundle.digest,
            "label_version": manifest.label_version,
            "feature_version": manifest.feature_digest,
        },
        "served_by": served_by,
        "evidence": _evidence(bundle, tenant).value,
        **({} if seq is None else {"seq": seq}),
    }
    return shared | ({"simulated": True} if tenant.simulated or manifest.simulated else {})


def _evidence(bundle: Bundle, tenant: Tenant) -> Rung:
    """The lowest rung of any dimension, for the overall priority rests on several; a bundle of others is a pool's."""
    lowest = weakest(one.evidence_rung for one in bundle.scorer.ready.values())
    return lowest if bundle.manifest.tenants == (tenant.id,) else weakest((lowest, Rung.POOLED))


def _answer(card: Json, shared: Json, now: datetime) -> Json:
    if "error" in card:
        return card
    head = {"decision_id": decision_id(now), "lead_id": card["lead_id"], "as_of": card["as_of"]}
    return head | shared | card


def _compare(answer: Json, comparison: Comparison) -> None:
    """Complete the head of an answer that has scores."""
    if "overall" in answer:
        answer["overall"] |= comparison.of(answer)


def _of_lead(lead_id: str, survivor: str, answers: Mapping[str, Json]) -> Json:
    """The answer under the id that was asked for; a merged lead is answered by the one it lives on as."""
    answer = answers.get(survivor)
    if answer is None:
        return {"lead_id": lead_id, "error": {"type": "unknown-lead", "detail": f"There is no lead {lead_id!r}."}}
    return answer if lead_id == survivor else {**answer, "lead_id": lead_id, "merged_into": survivor}
