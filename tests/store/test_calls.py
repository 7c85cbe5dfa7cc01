import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lintel.errors import NotFoundError
from lintel.store.calls import Call, CallStore, CardRecord, ShownCard

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CALL = Call("acme", "call1", "lead1", "ann", "twilio", "live", NOW, None, {"turns": []})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[CallStore]:
    with CallStore.open(f"sqlite:///{tmp_path / 'state.db'}") as store:
        yield store


def shown(card_id: str, rule: str = "objection-price") -> ShownCard:
    return ShownCard(card_id, rule, "warning", NOW)


def test_a_call_is_kept_as_it_last_was(store: CallStore) -> None:
    store.put(CALL)
    done = replace(CALL, state="done", ended_at=NOW + timedelta(minutes=3), document={"turns": [{"text": "hello"}]})
    store.put(done)
    assert store.get("acme", "call1") == done


def test_calls_are_found_by_tenant_and_lead_newest_first(store: CallStore) -> None:
    later = replace(CALL, call_id="call2", lead_id="lead2", began_at=NOW + timedelta(hours=1))
    for call in (CALL, later, replace(CALL, tenant="beam")):
        store.put(call)
    assert store.newest("acme") == [later, CALL]
    assert store.newest("acme", limit=1) == [later]
    assert store.newest("acme", lead_id="lead1") == [CALL]


def test_another_tenants_call_is_not_found(store: CallStore) -> None:
    store.put(CALL)
    store.show("acme", "call1", [shown("a.1")])
    with pytest.raises(NotFoundError, match="call1"):
        store.get("beam", "call1")
    with pytest.raises(NotFoundError, match=r"a\.1"):
        store.judge("beam", "call1", "a.1", "useful")


def test_the_last_word_on_a_card_counts(store: CallStore) -> None:
    store.show("acme", "call1", [shown("a.1"), shown("a.2"), shown("b.3", "closing")])
    store.judge("acme", "call1", "a.1", "dismissed")
    store.judge("acme", "call1", "a.1", "useful")
    store.judge("acme", "call1", "a.2", "dismissed")
    store.show("acme", "call1", [shown("a.1")])
    assert store.card_records("acme") == [CardRecord("closing", 1, 0, 0), CardRecord("objection-price", 2, 1, 1)]
    assert store.card_records("beam") == []


def test_nothing_shown_is_nothing_kept(store: CallStore) -> None:
    store.show("acme", "call1", [])
    assert store.card_records("acme") == []


def test_an_erased_person_leaves_no_word(store: CallStore, tmp_path: Path) -> None:
    for number in range(50):
        secret = replace(CALL, call_id=f"c{number}", document={"turns": ["my secret wish is a windmill"] * 200})
        store.put(secret)
    store.show("acme", "c1", [shown("a.1")])
    store.put(replace(CALL, call_id="other", lead_id="lead2"))
    store.show("acme", "other", [shown("a.1")])
    store.erase("acme", ["lead1", "lead9"])
    assert [call.call_id for call in store.newest("acme")] == ["other"]
    assert store.card_records("acme") == [CardRecord("objection-price", 1, 0, 0)]
    store.close()
    with closing(sqlite3.connect(tmp_path / "state.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert b"windmill" not in (tmp_path / "state.db").read_bytes()
