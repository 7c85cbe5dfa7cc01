"""Events that are set aside: no read shows them, nothing is lost, and they come back exactly."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from lintel.store.events import EventStore
from lintel.store.lake import Lake
from lintel.store.set_aside import SOURCE, RowFault
from lintel.store.tenants import Clock, Tenant
from tests.store.conftest import NOW, TENANT, event_row, event_table

EVENTS = 12


def fault(seq: int, broken: str = "known_after_it_occurred") -> RowFault:
    return RowFault(seq, broken, "known_at", "nothing is known before it occurred")


def shown(events: pa.Table) -> list[int]:
    return sorted(events.column("seq").to_pylist())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EventStore]:
    with EventStore.open(f"sqlite:///{tmp_path / 'events.db'}") as store:
        store.put_tenant(Tenant(TENANT, labels="crm", clock=Clock.LOG_END))
        store.append(TENANT, event_table([event_row(number) for number in range(1, EVENTS + 1)]), now=NOW)
        yield store


@pytest.fixture
def lake(store: EventStore, tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "lake")
    lake.advance(store, TENANT, now=NOW)
    return lake


def seen(store: EventStore, lake: Lake) -> list[list[int]]:
    """What each way of reading shows."""
    leads = [f"lead{number}" for number in range(5)]
    return [
        shown(store.lead_events(TENANT, leads)),
        shown(store.by_time(TENANT)),
        shown(lake.read(TENANT)),
        shown(lake.read(TENANT, up_to_seq=EVENTS)),
        shown(lake.read(TENANT, leads=leads)),
    ]


def test_no_read_shows_what_is_set_aside_and_all_shows_again_afterwards(store: EventStore, lake: Lake) -> None:
    before, digest = seen(store, lake), lake.digest(TENANT)
    report = store.set_aside(TENANT, [fault(3), fault(3, "kind_registered"), fault(7)], NOW)
    assert (report.added, report.returned, report.total) == (2, 0, 2)
    assert lake.leave_out(store, TENANT) == 2
    left = [seq for seq in range(1, EVENTS + 1) if seq not in {3, 7}]
    assert seen(store, lake) == [left] * 5
    assert store.count(TENANT) == EVENTS - 2
    assert shown(store.changes(TENANT)) == shown(lake.recorded(TENANT)) == list(range(1, EVENTS + 1))
    assert lake.digest(TENANT) != digest
    assert store.set_aside(TENANT, [], NOW).returned == 2
    lake.leave_out(store, TENANT)
    assert seen(store, lake) == before
    assert lake.digest(TENANT) == digest, "what is made of the lake is what it was"
    assert store.quarantined(TENANT) == []


def test_a_second_run_adds_nothing_and_the_quarantine_tells_rule_and_reason(store: EventStore) -> None:
    store.set_aside(TENANT, [fault(3)], NOW)
    rows = store.quarantined(TENANT)
    assert store.set_aside(TENANT, [fault(3)], NOW + timedelta(days=1)) == store.set_aside(TENANT, [fault(3)], NOW)
    assert store.quarantined(TENANT) == rows
    (row,) = rows
    assert (row.source, row.place, row.seq, row.rule) == (SOURCE, "seq 3", 3, "known_after_it_occurred")
    assert "nothing is known before it occurred" in row.reason
    assert row.raw is None


def test_what_is_appended_again_is_not_taken_twice(store: EventStore) -> None:
    store.set_aside(TENANT, [fault(3)], NOW)
    again = store.append(TENANT, event_table([event_row(3)]), now=NOW)
    assert (again.appended, again.duplicates) == (0, 1)


def test_a_released_event_stays_and_is_told(store: EventStore, lake: Lake) -> None:
    store.set_aside(TENANT, [fault(3), fault(4)], NOW)
    assert store.release(TENANT, [3, 5], NOW) == 1
    assert store.seqs_aside(TENANT) == [4]
    assert store.released(TENANT) == {"known_after_it_occurred": [3]}
    lake.leave_out(store, TENANT)
    assert 3 in shown(lake.read(TENANT))
    assert {row.seq: row.released_at is not None for row in store.quarantined(TENANT)} == {3: True, 4: False}


def test_every_change_is_a_new_version_of_all_that_is_kept_in_memory(store: EventStore) -> None:
    states = [store.state(TENANT)]
    store.set_aside(TENANT, [fault(3)], NOW)
    states.append(store.state(TENANT))
    store.set_aside(TENANT, [fault(3)], NOW)
    assert store.state(TENANT) == states[1], "nothing changed"
    store.set_aside(TENANT, [], NOW)
    states.append(store.state(TENANT))
    assert len({state.merges for state in states}) == 3


def test_the_log_ends_with_the_newest_event_that_is_shown(store: EventStore) -> None:
    stray = NOW + timedelta(hours=12)
    store.append(TENANT, event_table([event_row(99, occurred_at=stray)]), now=NOW)
    seq = store.latest_seq(TENANT)
    end = store.newest_known_at(TENANT)
    assert end == stray
    store.set_aside(TENANT, [fault(seq)], NOW)
    assert store.newest_known_at(TENANT) == event_row(EVENTS)["occurred_at"]
    store.set_aside(TENANT, [], NOW)
    assert store.newest_known_at(TENANT) == stray


def test_a_merge_that_is_set_aside_does_not_merge(store: EventStore, lake: Lake) -> None:
    store.append(TENANT, event_table([event_row(50, kind="lead.merged", lead_id="lead1", object_id="lead2")]), now=NOW)
    lake.advance(store, TENANT, now=NOW)
    assert store.survivors(TENANT, ["lead2"]) == {"lead2": "lead1"}
    store.set_aside(TENANT, [fault(store.latest_seq(TENANT))], NOW)
    lake.leave_out(store, TENANT)
    assert store.survivors(TENANT, ["lead2"]) == {"lead2": "lead2"}
    assert "lead2" in lake.lead_ids(TENANT)
    store.set_aside(TENANT, [], NOW)
    lake.leave_out(store, TENANT)
    assert "lead2" not in lake.lead_ids(TENANT)


def test_who_is_erased_leaves_the_quarantine(store: EventStore) -> None:
    store.set_aside(TENANT, [fault(3), fault(4)], NOW)
    store.erase(TENANT, event_row(3)["lead_id"])
    assert [row.seq for row in store.quarantined(TENANT)] == [4]


def test_a_lake_that_is_made_anew_leaves_out_the_same(store: EventStore, tmp_path: Path) -> None:
    store.set_aside(TENANT, [fault(3)], NOW)
    anew = Lake(tmp_path / "another")
    anew.advance(store, TENANT, now=NOW)
    assert 3 not in shown(anew.read(TENANT))
    assert 3 in shown(anew.recorded(TENANT))


class SettingAside(RuleBasedStateMachine):
    """Any run of gates, releases and appends, against a set of numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.store = EventStore.open(f"sqlite:///{self.folder.name}/events.db")
        self.store.put_tenant(Tenant(TENANT, labels="crm"))
        self.appended = 0
        self.aside: set[tuple[int, str]] = set()
        self.released: set[tuple[int, str]] = set()
        self.append()

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    @rule()
    def append(self) -> None:
        rows = [event_row(number) for number in range(self.appended, self.appended + 3)]
        self.store.append(TENANT, event_table(rows), now=datetime(2026, 3, 1, tzinfo=UTC))
        self.appended += 3

    @rule(found=st.sets(st.tuples(st.integers(1, 12), st.sampled_from(["a", "b"]))))
    def gate(self, found: set[tuple[int, str]]) -> None:
        wanted = {key for key in found if key[0] <= self.appended} - self.released
        self.store.set_aside(TENANT, [fault(*key) for key in wanted], NOW)
        self.aside = wanted

    @rule(seq=st.integers(1, 12))
    def release(self, seq: int) -> None:
        self.store.release(TENANT, [seq], NOW)
        mine = {key for key in self.aside if key[0] == seq}
        self.aside -= mine
        self.released |= mine

    @invariant()
    def reads_show_the_others(self) -> None:
        left = sorted(set(range(1, self.appended + 1)) - {seq for seq, _ in self.aside})
        assert shown(self.store.by_time(TENANT)) == left
        assert shown(self.store.lead_events(TENANT, [f"lead{number}" for number in range(5)])) == left
        assert self.store.count(TENANT) == len(left)
        released = {(seq, name) for name, seqs in self.store.released(TENANT).items() for seq in seqs}
        assert released == self.released


TestSettingAside = SettingAside.TestCase
TestSettingAside.settings = settings(max_examples=15, stateful_step_count=12, deadline=None)
