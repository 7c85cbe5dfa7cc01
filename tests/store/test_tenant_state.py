"""What is kept in memory is checked against these: they move with every change, and with nothing else."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lintel.errors import NotFoundError, UnavailableError
from lintel.events.moments import from_microseconds
from lintel.market.observations import Observation
from lintel.store.events import EventStore
from lintel.store.scores import ScoreRow, ScoreStore
from lintel.store.tenant_state import TenantState
from lintel.store.tenants import Clock, Tenant
from tests.store.conftest import NOW, TENANT, EventTable, event_row, event_table

ACME = Tenant(TENANT, labels="crm")


def test_a_state_has_all_that_a_tenants_events_are_versioned_by(any_store: EventStore, numbered: EventTable) -> None:
    assert any_store.state(TENANT) == TenantState(ACME, 1, 0, None, 0, 0)
    any_store.append(TENANT, numbered(range(3)), now=NOW)
    state = any_store.state(TENANT)
    assert (state.last_seq, state.merges, state.context_changes) == (3, 0, 0)
    assert from_microseconds(state.newest_known_at or 0) == any_store.newest_known_at(TENANT)


def test_it_moves_with_merges_erasures_settings_and_series(store: EventStore, numbered: EventTable) -> None:
    store.append(TENANT, numbered(range(5)), now=NOW)
    seen = [store.state(TENANT)]
    merged = event_row(9, kind="lead.merged", lead_id="lead1", object_id="lead2")
    store.append(TENANT, event_table([merged]), now=NOW)
    seen.append(store.state(TENANT))
    store.erase(TENANT, "lead3")
    seen.append(store.state(TENANT))
    store.put_tenant(replace(ACME, area="Utrecht"))
    seen.append(store.state(TENANT))
    store.context.append(TENANT, [observation()], now=NOW)
    seen.append(store.state(TENANT))
    assert len(set(seen)) == len(seen)
    assert [state.merges for state in seen] == [0, 1, 2, 2, 2]
    assert [state.context_changes for state in seen] == [0, 0, 0, 0, 1]
    assert [state.tenant.area for state in seen] == [None, None, None, "Utrecht", "Utrecht"]


def test_another_process_changes_it_too(url: str, numbered: EventTable) -> None:
    with EventStore.open(url) as mine, EventStore.open(url) as theirs:
        mine.put_tenant(ACME)
        assert mine.state(TENANT).last_seq == 0
        theirs.append(TENANT, numbered(range(2)), now=NOW)
        theirs.put_tenant(replace(ACME, currency="EUR"))
        assert mine.state(TENANT).last_seq == 2
        assert mine.state(TENANT).tenant.currency == "EUR"


def test_settings_are_read_again_only_when_they_changed(store: EventStore, numbered: EventTable) -> None:
    first = store.state(TENANT).tenant
    store.append(TENANT, numbered(range(2)), now=NOW)
    assert store.state(TENANT).tenant is first


def test_an_unknown_tenant_has_no_state(store: EventStore) -> None:
    with pytest.raises(NotFoundError, match="nobody"):
        store.state("nobody")


def test_a_broken_store_is_told_as_everywhere(store: EventStore, url: str) -> None:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as shell:
        shell.execute("ALTER TABLE tenants RENAME TO gone")
    with pytest.raises(UnavailableError, match="cannot be used"):
        store.state(TENANT)


def test_the_clock_shows_now_or_the_end_of_the_log() -> None:
    live, ended = TenantState(ACME, 1, 3, 5_000_000, 0, 0), replace(ACME, clock=Clock.LOG_END)
    assert live.time(NOW) == NOW
    assert replace(live, tenant=ended).time(NOW) == datetime(1970, 1, 1, 0, 0, 5, tzinfo=UTC)
    with pytest.raises(NotFoundError, match="no events yet"):
        replace(live, tenant=ended, newest_known_at=None).time(NOW)


def test_the_leads_that_changed_between_two_numbers(any_store: EventStore, numbered: EventTable) -> None:
    any_store.append(TENANT, numbered(range(12)), now=NOW)  # lead0 to lead4 in turns
    state = any_store.state(TENANT)
    changed = any_store.changed_leads(state, 9)
    assert (changed.last_seq, changed.up_to_seq, changed.complete) == (
        {"lead4": 10, "lead0": 11, "lead1": 12},
        12,
        True,
    )
    some = any_store.changed_leads(state, 2, limit=6)
    assert some.last_seq == {"lead2": 8, "lead3": 4, "lead4": 5, "lead0": 6, "lead1": 7}
    assert (some.up_to_seq, some.complete) == (8, False)
    assert any_store.changed_leads(state, 12).last_seq == {}


def test_events_newer_than_the_state_are_none_of_its_changes(store: EventStore, numbered: EventTable) -> None:
    store.append(TENANT, numbered(range(2)), now=NOW)
    state = store.state(TENANT)
    store.append(TENANT, numbered(range(2, 5)), now=NOW)
    changed = store.changed_leads(state, 0)
    assert (changed.last_seq, changed.complete) == ({"lead0": 1, "lead1": 2}, True)


def test_merges_up_to_a_number(store: EventStore) -> None:
    rows = [event_row(n, kind="lead.merged", lead_id="lead1", object_id=f"old{n}") for n in range(3)]
    store.append(TENANT, event_table(rows), now=NOW)
    assert [merge.absorbed for merge in store.merges(TENANT, up_to_seq=2)] == ["old0", "old1"]


def row(lead: str, day: int = 0) -> ScoreRow:
    as_of = NOW + timedelta(days=day)
    return ScoreRow(lead, as_of, 7, "sha256:a", 3, 0.5, {"conversion": 0.5}, {"lead_id": lead}, as_of)


CHANGES: dict[str, Callable[[ScoreStore], object]] = {
    "put": lambda scores: scores.put(TENANT, [row("a", 1), row("b")]),
    "put_ranking": lambda scores: scores.put_ranking(TENANT, NOW, "sha256:a", {"leads": 2}),
    "retire": lambda scores: scores.retire(TENANT, NOW + timedelta(days=9)),
    "forget": lambda scores: scores.forget(TENANT, NOW + timedelta(days=400)),
    "erase": lambda scores: scores.erase(TENANT, "a"),
}


@pytest.fixture
def scores(tmp_path: Path) -> Iterator[ScoreStore]:
    with ScoreStore.open(f"sqlite:///{tmp_path / 'state.db'}") as opened:
        yield opened


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_of_scores_makes_a_new_version_of_that_tenant(scores: ScoreStore, change: str) -> None:
    assert scores.version(TENANT) == 0
    scores.put(TENANT, [row("a")])
    before = scores.version(TENANT)
    assert before > 0
    CHANGES[change](scores)
    assert scores.version(TENANT) > before
    assert scores.version("other") == 0


@pytest.mark.parametrize(
    "read",
    [
        lambda scores: scores.latest(TENANT, "a"),
        lambda scores: scores.page(TENANT),
        lambda scores: scores.ranking(TENANT, "sha256:a", until=NOW),
    ],
)
def test_reading_scores_makes_none(scores: ScoreStore, read: Callable[[ScoreStore], object]) -> None:
    scores.put(TENANT, [row("a")])
    before = scores.version(TENANT)
    read(scores)
    assert scores.version(TENANT) == before


def test_the_times_of_rankings_by_time(scores: ScoreStore) -> None:
    assert scores.ranking_times(TENANT, "sha256:a") == []
    for day in (5, 1, 3, 1):
        scores.put_ranking(TENANT, from_microseconds(day), "sha256:a", {})
    scores.put_ranking(TENANT, NOW, "sha256:b", {})
    scores.put_ranking("other", NOW, "sha256:a", {})
    assert scores.ranking_times(TENANT, "sha256:a") == [1, 3, 5]


def observation() -> Observation:
    return Observation(
        area="Utrecht", metric="median_price", observed_at=NOW, published_at=NOW, value=1.0, assumed=False
    )
