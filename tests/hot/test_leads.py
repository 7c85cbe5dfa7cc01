"""Histories from memory are those of the store: any log, any writer, any order of syncing and asking."""

import tempfile
import threading
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from lintel.errors import NotFoundError
from lintel.events.columns import columns_from_table
from lintel.market.observations import Observation
from lintel.scoring.answers import Histories, read_histories
from lintel.store.events import EventStore
from serving.hot.leads import HotLeads
from tests.hot.logs_in_store import LEADS, NOW, START, TENANT, batches, copied, empty_store, incoming, moments

MEGABYTE = 1_000_000
asked = st.lists(st.sampled_from((*LEADS, "nobody")), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return empty_store(tmp_path_factory.mktemp("template") / "events.db")


@pytest.fixture
def url(template: Path, tmp_path: Path) -> str:
    return copied(template, tmp_path)


@pytest.fixture
def store(url: str) -> Iterator[EventStore]:
    with EventStore.open(url) as opened:
        yield opened


@pytest.fixture
def other(url: str) -> Iterator[EventStore]:
    """The same database as another worker has it open."""
    with EventStore.open(url) as opened:
        yield opened


def assert_equal_histories(found: Histories, expected: Histories) -> None:
    assert found.lead_ids == expected.lead_ids
    assert found.survivors == expected.survivors
    assert found.seq == expected.seq
    for field in fields(expected.columns):
        left, right = getattr(found.columns, field.name), getattr(expected.columns, field.name)
        assert (left.dtype, left.shape) == (right.dtype, right.shape), field.name
        np.testing.assert_array_equal(left, right, err_msg=field.name)
    for name in ("metric", "national", "observed_at", "published_at", "value"):
        np.testing.assert_array_equal(getattr(found.context, name), getattr(expected.context, name))


def histories_at(store: EventStore, lead_ids: list[str], moment: datetime, seq: int) -> Histories:
    """As `read_histories`, as if the log ended with the event `seq`."""
    survivors = store.survivors(TENANT.id, list(dict.fromkeys(lead_ids)), up_to_seq=seq, merged_by=moment)
    events = store.lead_events(TENANT.id, list(survivors), up_to_seq=seq, merged_by=moment)
    found = pc.unique(events.column("lead_id")).sort()
    columns = columns_from_table(events, found)
    return Histories(tuple(found.to_pylist()), columns, survivors, seq, store.context.columns(TENANT.id))


class HotHistories(RuleBasedStateMachine):
    """Two workers append and erase; one of them asks."""

    template: Path

    @initialize(max_bytes=st.sampled_from((MEGABYTE, MEGABYTE, 6_000, 0)), merging=st.booleans())
    def open(self, max_bytes: int, merging: bool) -> None:
        self.folder = tempfile.TemporaryDirectory()
        url = copied(self.template, Path(self.folder.name))
        self.mine, self.theirs = EventStore.open(url), EventStore.open(url)
        self.hot = HotLeads(self.mine, max_bytes)
        self.erased = True  # since the last sync, so that nobody knows any more what the store said then
        self.synced = 0
        self.merging = merging  # a merge begins all anew, so that half of the logs are without

    @rule(rows=batches(), by_me=st.booleans())
    def append(self, rows: list[dict[str, Any]], by_me: bool) -> None:
        (self.mine if by_me else self.theirs).append(TENANT.id, incoming(rows), now=NOW)

    @precondition(lambda self: self.merging)
    @rule(leads=st.tuples(st.sampled_from(LEADS), st.sampled_from(LEADS)), moment=moments, by_me=st.booleans())
    def merge(self, leads: tuple[str, str], moment: datetime, by_me: bool) -> None:
        named = {"lead_id": leads[0], "object_id": leads[1], "kind": "lead.merged", "occurred_at": moment}
        rows = [named | {"event_id": f"merge of {leads}", "known_at": moment + timedelta(hours=1)}]
        (self.mine if by_me else self.theirs).append(TENANT.id, incoming(rows), now=NOW)

    @rule(lead=st.sampled_from(LEADS), by_me=st.booleans(), dice=st.integers(1, 6))
    def erase(self, lead: str, by_me: bool, dice: int) -> None:
        if dice < 6:
            return
        (self.mine if by_me else self.theirs).erase(TENANT.id, lead)
        self.erased = True

    @rule()
    def sync(self) -> None:
        self.synced = self.hot.sync(TENANT.id).state.last_seq
        self.erased = False

    @rule(leads=asked, moment=moments)
    def ask_what_is_acknowledged(self, leads: list[str], moment: datetime) -> None:
        self.sync()
        found = self.hot.histories(TENANT, leads, moment)
        assert_equal_histories(found, read_histories(self.theirs, TENANT, leads, moment))

    @rule(leads=asked)
    def ask_now(self, leads: list[str]) -> None:
        self.ask_what_is_acknowledged(leads, NOW + timedelta(days=99))

    @rule(leads=asked)
    def ask_as_of_the_last_sync(self, leads: list[str]) -> None:
        if self.erased:
            return
        found = self.hot.histories(TENANT, leads, NOW + timedelta(days=99))
        expected = histories_at(self.theirs, leads, NOW + timedelta(days=99), self.synced)
        assert_equal_histories(found, expected)

    @rule(lead=st.sampled_from(LEADS), since=st.integers(0, 30))
    def tell_whether_unchanged(self, lead: str, since: int) -> None:
        synced = self.hot.sync(TENANT.id)
        self.synced, self.erased = synced.state.last_seq, False
        newest = self.theirs.lead_seq(TENANT.id, [lead]).get(lead, 0)
        if newest > since:
            assert not self.hot.unchanged(TENANT.id, lead, synced.epoch, since)
        assert self.hot.unchanged(TENANT.id, lead, synced.epoch, synced.state.last_seq)

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.mine.close()
            self.theirs.close()
            self.folder.cleanup()


def test_histories_from_memory_are_those_of_the_store(template: Path) -> None:
    machine = type("Machine", (HotHistories,), {"template": template})
    state_machine = machine.TestCase
    state_machine.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
    state_machine().runTest()


def ask(hot: HotLeads, *leads: str) -> Histories:
    hot.sync(TENANT.id)
    return hot.histories(TENANT, leads, NOW)


def one(number: int, lead: str = "ann", **changes: object) -> dict[str, Any]:
    at = START + timedelta(minutes=number)
    return {"event_id": f"n{number}", "lead_id": lead, "occurred_at": at, "kind": "email.sent"} | changes


def test_a_second_time_nothing_is_read(store: EventStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.append(TENANT.id, incoming([one(1), one(2, "bob")]), now=NOW)
    hot = HotLeads(store, MEGABYTE)
    first = ask(hot, "ann", "bob", "nobody")
    monkeypatch.setattr(store, "lead_events", refuse)
    monkeypatch.setattr(store.context, "columns", refuse)
    assert_equal_histories(ask(hot, "ann", "bob", "nobody"), first)
    assert hot.figures()[2:] == (3, 3)


def test_nobody_can_change_what_is_held(store: EventStore) -> None:
    store.append(TENANT.id, incoming([one(1)]), now=NOW)
    found = ask(HotLeads(store, MEGABYTE), "ann")
    with pytest.raises(ValueError, match="read-only"):
        found.columns.value[0] = 3


def test_an_event_of_another_lead_leaves_what_is_held(store: EventStore, monkeypatch: pytest.MonkeyPatch) -> None:
    hot = HotLeads(store, MEGABYTE)
    store.append(TENANT.id, incoming([one(1), one(2, "bob")]), now=NOW)
    ask(hot, "ann", "bob")
    store.append(TENANT.id, incoming([one(3, "bob")]), now=NOW)
    assert len(ask(hot, "bob").columns) == 2
    monkeypatch.setattr(store, "lead_events", refuse)
    assert ask(hot, "ann").seq == 3


def test_a_lead_that_had_no_events_gets_its_first(store: EventStore, other: EventStore) -> None:
    hot = HotLeads(store, MEGABYTE)
    store.append(TENANT.id, incoming([one(1)]), now=NOW)
    assert ask(hot, "bob").lead_ids == ()
    other.append(TENANT.id, incoming([one(2, "bob")]), now=NOW)
    assert ask(hot, "bob").lead_ids == ("bob",)


def test_after_a_load_all_is_read_again(store: EventStore, other: EventStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.hot.leads.MAX_CHANGES", 3)
    hot = HotLeads(store, MEGABYTE)
    store.append(TENANT.id, incoming([one(1)]), now=NOW)
    ask(hot, "ann")
    synced = hot.sync(TENANT.id)
    other.append(TENANT.id, incoming([one(number, "bob") for number in range(2, 7)] + [one(9)]), now=NOW)
    assert len(ask(hot, "ann").columns) == 2
    assert not hot.unchanged(TENANT.id, "cy", synced.epoch, synced.state.last_seq)


def test_what_was_erased_is_forgotten_at_the_next_sync(store: EventStore, other: EventStore) -> None:
    hot = HotLeads(store, MEGABYTE)
    store.append(TENANT.id, incoming([one(1), one(2, "bob")]), now=NOW)
    ask(hot, "ann", "bob")
    other.erase(TENANT.id, "ann")
    hot.sync(TENANT.id)
    assert hot.figures().leads == 0
    assert ask(hot, "ann", "bob").lead_ids == ("bob",)


def test_who_is_erased_while_being_read_is_not_kept(
    store: EventStore, other: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    hot, read = HotLeads(store, MEGABYTE), store.lead_events
    store.append(TENANT.id, incoming([one(1)]), now=NOW)
    hot.sync(TENANT.id)

    def read_before(*args: Any, **options: Any) -> Any:
        events = read(*args, **options)
        other.erase(TENANT.id, "ann")
        hot.sync(TENANT.id)
        return events

    monkeypatch.setattr(store, "lead_events", read_before)
    hot.histories(TENANT, ["ann"], NOW)
    assert hot.figures().leads == 0


def test_a_log_that_was_put_back_is_read_again(store: EventStore, monkeypatch: pytest.MonkeyPatch) -> None:
    hot = HotLeads(store, MEGABYTE)
    store.append(TENANT.id, incoming([one(1), one(2)]), now=NOW)
    ask(hot, "ann")
    epoch, state = hot.sync(TENANT.id).epoch, store.state(TENANT.id)
    monkeypatch.setattr(store, "state", lambda _: replace(state, last_seq=1))
    assert hot.sync(TENANT.id).epoch != epoch
    assert len(hot.histories(TENANT, ["ann"], NOW).columns) == 1


def test_market_series_and_settings_are_followed(store: EventStore, other: EventStore) -> None:
    hot = HotLeads(store, MEGABYTE)
    store.append(TENANT.id, incoming([one(1)]), now=NOW)
    assert len(ask(hot, "ann").context) == 0
    for area in ("national", "Utrecht"):
        other.context.append(TENANT.id, [Observation(area, "inventory", START, START, 9.0)], now=NOW)
    assert len(ask(hot, "ann").context) == 1
    other.put_tenant(replace(TENANT, area="Utrecht"))
    assert len(ask(hot, "ann").context) == 2
    assert hot.sync(TENANT.id).state.tenant.area == "Utrecht"


def test_the_memory_stays_within_its_bound(store: EventStore) -> None:
    leads = [f"lead{number}" for number in range(60)]
    store.append(TENANT.id, incoming([one(number, lead) for number, lead in enumerate(leads)]), now=NOW)
    hot = HotLeads(store, 50_000)
    for lead in leads:
        ask(hot, lead)
    figures = hot.figures()
    assert 10 <= figures.leads < 60
    assert figures.nbytes <= 50_000
    assert figures.misses == 60


def test_an_event_of_an_absorbed_lead_changes_all_that_it_is_one_with(store: EventStore, other: EventStore) -> None:
    merges = [one(8, "bob", kind="lead.merged", object_id="ann"), one(9, "cy", kind="lead.merged", object_id="bob")]
    store.append(TENANT.id, incoming([one(1), *merges]), now=NOW)
    hot = HotLeads(store, MEGABYTE)
    first = ask(hot, "ann")
    assert first.survivors == {"ann": "cy"}
    before = hot.sync(TENANT.id)
    other.append(TENANT.id, incoming([one(10)]), now=NOW)
    assert len(ask(hot, "cy").columns) == len(first.columns) + 1
    for lead in ("ann", "bob", "cy"):  # each of them lived as itself or as another at some moment before
        assert not hot.unchanged(TENANT.id, lead, before.epoch, before.state.last_seq)
    assert hot.unchanged(TENANT.id, "dee", before.epoch, before.state.last_seq)


def test_before_a_merge_was_known_leads_live_as_themselves(store: EventStore) -> None:
    known_at = START + timedelta(days=9)
    merge = one(3, "bob", kind="lead.merged", object_id="ann", known_at=known_at)
    store.append(TENANT.id, incoming([one(1), one(2, "bob"), merge]), now=NOW)
    hot = HotLeads(store, MEGABYTE)
    assert ask(hot, "ann").survivors == {"ann": "bob"}
    for moment, survivor in ((known_at - timedelta(seconds=1), "ann"), (known_at, "bob")):
        found = hot.histories(TENANT, ["ann"], moment)
        assert found.survivors == {"ann": survivor}
        assert_equal_histories(found, read_histories(store, TENANT, ["ann"], moment))


def test_an_unknown_tenant_is_told(store: EventStore) -> None:
    with pytest.raises(NotFoundError, match="stranger"):
        HotLeads(store, MEGABYTE).histories(replace(TENANT, id="stranger"), ["ann"], NOW)


def test_whoever_syncs_after_an_event_was_acknowledged_sees_it(store: EventStore, other: EventStore) -> None:
    """One worker appends while three threads of another ask; each must see all that was acknowledged before."""
    hot = HotLeads(store, MEGABYTE)
    acknowledged, faults, rounds = [0], [], 60
    done = threading.Event()

    def append() -> None:
        for number in range(rounds):
            other.append(TENANT.id, incoming([one(2 * number), one(2 * number + 1, "bob")]), now=NOW)
            acknowledged[0] = number + 1
        done.set()

    def follow() -> None:
        while not done.is_set():
            least = acknowledged[0]
            found = ask(hot, "ann", "bob")
            counts = np.bincount(found.columns.lead, minlength=2)
            if counts.min() < least or counts.sum() != found.seq:
                faults.append((least, counts.tolist(), found.seq))

    threads = [threading.Thread(target=work) for work in (append, follow, follow, follow)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert np.bincount(ask(hot, "ann", "bob").columns.lead).tolist() == [rounds, rounds]


def refuse(*_: object, **__: object) -> None:
    raise AssertionError("the store was read")
