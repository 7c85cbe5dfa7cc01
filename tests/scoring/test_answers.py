"""Answers: their form, closed and unknown leads, clocks, and one lead alone as in the nightly batch."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lintel.errors import InputError, NotFoundError
from lintel.events.validation import table_from_rows
from lintel.scoring.answers import score_batch, score_leads, tenant_time
from lintel.scoring.decision_id import decision_id
from lintel.store.events import EventStore
from lintel.store.tenants import Clock, Tenant

NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)
SHARED = {"version", "name", "digest", "label_version", "feature_version"}


@pytest.fixture(scope="module")
def store(trained, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventStore]:
    with EventStore.open(f"sqlite:///{tmp_path_factory.mktemp('store') / 'events.db'}") as opened:
        opened.put_tenant(trained.log.tenant)
        opened.append(trained.log.tenant.id, trained.events, now=NOW)
        yield opened


@pytest.fixture
def ask(trained, store: EventStore):
    def ask(leads: list[str], as_of: datetime | None, *, explain: bool = False, tenant: Tenant | None = None) -> list:
        return score_leads(
            store,
            trained.bundle,
            tenant or trained.log.tenant,
            leads,
            as_of,
            explain=explain,
            model_version=3,
            served_by="champion",
            now=NOW,
        )

    return ask


@pytest.fixture
def batch(trained) -> list:
    return score_batch(trained.bundle, trained.log, seq=9, model_version=3, now=NOW)


def test_an_answer_has_the_agreed_form(ask, batch, trained) -> None:
    lead = batch[0]["lead_id"]
    (answer,) = ask([lead], None, explain=True)
    assert answer["lead_id"] == lead
    newest = max(trained.events.column("known_at").to_pylist())
    assert answer["as_of"] == newest.isoformat().replace("+00:00", "Z")
    assert answer["clock"] == "log_end"
    assert answer["simulated"] is True
    assert set(answer["model"]) == SHARED
    assert answer["model"]["digest"] == trained.bundle.digest
    assert (answer["model"]["name"], answer["model"]["version"]) == ("lead-scoring.acme", 3)
    assert (answer["served_by"], answer["evidence"], answer["seq"]) == ("champion", "tenant", len(trained.events))
    assert 0 <= answer["overall"]["priority"] <= 1
    assert answer["overall"]["formula"].startswith("P(win)")
    assert answer["dimensions"]["budget"]["status"] == "not_defined_for_source"
    assert answer["reasons"]
    json.dumps(answer, allow_nan=False)


def test_every_score_carries_its_doubt(batch) -> None:
    for answer in batch:
        for name in ("conversion", "timing", "intent", "churn"):
            found = answer["dimensions"][name]
            low, high = found["interval"]
            assert 0.0001 <= low <= found["probability"] <= high <= 0.9999
            assert found["level"] == 0.9
            assert found["calibration_n"] > 0
            assert found["definition"]
            assert 0 < found["base_rate"] < 1


def test_timing_is_monotone(batch) -> None:
    for answer in batch:
        timing = answer["dimensions"]["timing"]
        within = timing["p_within"]
        assert list(within) == ["7", "14", "30"]
        assert within["7"] <= within["14"] <= within["30"]
        assert within["14"] == timing["probability"]
        days = [day for day in (timing["band_days"][0], timing["median_days"], timing["band_days"][1]) if day]
        assert days == sorted(days)


def test_alone_as_in_the_batch(ask, batch, trained) -> None:
    for answer in batch[:5]:
        (alone,) = ask([answer["lead_id"]], trained.log.as_of)
        assert alone["dimensions"] == answer["dimensions"]
        assert alone["overall"]["priority"] == answer["overall"]["priority"]


def test_the_batch_is_ranked(batch) -> None:
    priorities = [answer["overall"]["priority"] for answer in batch]
    percentiles = [answer["overall"]["percentile"] for answer in batch]
    assert len(batch) > 20
    assert priorities == sorted(priorities, reverse=True)
    assert percentiles == sorted(percentiles, reverse=True)
    assert 0 <= percentiles[-1] < percentiles[0] < 100
    assert {answer["status"] for answer in batch} == {"open"}


def test_unknown_leads_have_an_error_in_their_place(ask, batch) -> None:
    lead = batch[0]["lead_id"]
    first, second, third = ask(["nobody", lead, "nobody"], None)
    assert first == third == {"lead_id": "nobody", "error": first["error"]}
    assert first["error"]["type"] == "unknown-lead"
    assert second["dimensions"]


def test_a_closed_lead_has_its_outcome_and_no_score(ask, trained) -> None:
    events = trained.events.to_pylist()
    won = next(event for event in events if event["kind"] == "deal.won")
    (closed,) = ask([won["lead_id"]], won["occurred_at"] + timedelta(days=1))
    assert (closed["status"], closed["outcome"]) == ("closed", "won")
    assert "dimensions" not in closed
    (before,) = ask([won["lead_id"]], won["occurred_at"] - timedelta(minutes=1))
    assert before["status"] == "open"


def test_before_the_first_event_there_is_not_enough_history(ask, batch) -> None:
    (answer,) = ask([batch[0]["lead_id"]], datetime(2023, 1, 1, tzinfo=UTC))
    assert answer["error"]["type"] == "not-enough-history"


def test_later_events_change_nothing(ask, trained, batch) -> None:
    """A score as of a past moment is the same from the whole log and from the log as it was then."""
    as_of = trained.log.as_of - timedelta(days=40)
    whole = trained.bundle.score(trained.events, as_of)
    then = trained.bundle.score(
        trained.events.filter([time <= as_of for time in trained.events.column("occurred_at").to_pylist()]), as_of
    )
    known = {card["lead_id"] for card in then}
    assert [card for card in whole if card["lead_id"] in known] == then


def test_a_merged_lead_is_answered_by_its_survivor_but_as_itself_before(trained, tmp_path) -> None:
    by_lead: dict[str, list] = {}
    for event in trained.events.drop_columns(["tenant"]).to_pylist():
        by_lead.setdefault(event["lead_id"], []).append(event)
    entered = sorted((min(event["known_at"] for event in by_lead[lead]), lead) for lead in by_lead)
    (_, absorbed), (_, survivor) = entered[0], entered[len(entered) // 2]
    merged_at = max(event["known_at"] for event in by_lead[survivor]) + timedelta(days=1)
    merge = {"event_id": "merge", "lead_id": survivor, "kind": "lead.merged", "object_id": absorbed}
    moments = [min(event["known_at"] for event in by_lead[absorbed]) + timedelta(hours=1), merged_at]
    with EventStore.open(f"sqlite:///{tmp_path / 'events.db'}") as store:
        tenant = trained.log.tenant
        store.put_tenant(tenant)

        def ask(lead: str, as_of: datetime) -> dict:
            told = {"explain": False, "model_version": 3, "served_by": "champion", "now": NOW}
            return score_leads(store, trained.bundle, tenant, [lead], as_of, **told)[0]

        rows = [*by_lead[absorbed], *by_lead[survivor]]
        store.append(tenant.id, table_from_rows(rows).events, now=NOW)
        before = ask(absorbed, moments[0])
        store.append(tenant.id, table_from_rows([{**merge, "occurred_at": merged_at}]).events, now=NOW)
        after, later, alone = ask(absorbed, moments[0]), ask(absorbed, moments[1]), ask(survivor, moments[1])
    assert before["dimensions"] == after["dimensions"]
    assert "merged_into" not in after
    assert (later["lead_id"], later["merged_into"]) == (absorbed, survivor)
    assert {key: later.get(key) for key in ("status", "outcome")} == {
        key: alone.get(key) for key in ("status", "outcome")
    }


def test_clocks(store: EventStore, trained) -> None:
    newest = max(trained.events.column("known_at").to_pylist())
    assert tenant_time(store, trained.log.tenant, NOW) == newest
    assert tenant_time(store, replace(trained.log.tenant, clock=Clock.LIVE), NOW) == NOW


def test_a_log_without_an_end_and_a_time_without_a_zone(store: EventStore, ask) -> None:
    empty = Tenant("empty", labels="bpic2012", clock=Clock.LOG_END)
    store.put_tenant(empty)
    with pytest.raises(NotFoundError, match="no events yet"):
        ask(["x"], None, tenant=empty)
    with pytest.raises(InputError, match="no time zone"):
        ask(["lead-001"], datetime(2024, 2, 1))


def test_another_tenants_bundle_is_pooled_evidence(ask, store: EventStore, trained) -> None:
    other = replace(trained.log.tenant, id="other", simulated=False)
    store.put_tenant(other)
    store.append("other", trained.events.drop_columns(["tenant"]).slice(0, 30), now=NOW)
    (answer, *_) = ask([trained.events.column("lead_id")[0].as_py()], trained.log.as_of, tenant=other)
    assert answer["evidence"] == "pooled"
    assert answer["simulated"] is True  # what it learnt from was simulated


def test_decision_ids_sort_by_time() -> None:
    ids = [decision_id(NOW + timedelta(milliseconds=step)) for step in range(50)]
    assert ids == sorted(ids)
    assert len({decision_id(NOW) for _ in range(50)}) == 50
    assert {len(one) for one in ids} == {26}
