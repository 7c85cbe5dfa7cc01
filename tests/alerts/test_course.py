"""Alerts over time: a state machine that does anything to the store, held against a naive book of what must be."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from lintel.alerts.dispatch import Dispatcher
from lintel.alerts.message import Message
from lintel.alerts.rulebook import RuleBook
from lintel.alerts.signal import Severity, Signal
from lintel.alerts.sinks.sink import DeliveryError
from lintel.alerts.store import KEPT, AlertStore
from lintel.errors import InputError, NotFoundError
from lintel.registry.actor import person
from lintel.registry.audit import AuditLog
from tests.alerts.conftest import NOW

RESOLVE, REPEAT, FIRST, SECOND = (timedelta(minutes=minutes) for minutes in (10, 300, 30, 90))
RULE = {
    "name": "drift",
    "source": "finding",
    "area": "drift",
    "severity": "info",
    "owner": "models",
    "runbook": "drift",
    "resolve_after_minutes": 10,
    "repeat_after_minutes": 300,
    "sinks": ["pager"],
    "escalation": [
        {"after_minutes": 30, "severity": "warning", "sinks": ["pager"]},
        {"after_minutes": 90, "severity": "critical", "sinks": ["pager", "boss"]},
    ],
}
BOOK = RuleBook([RULE])
SINKS = ("pager", "boss")
TENANTS = ("acme", "zenith")
ME = person("me")


class KilledError(Exception):
    """Stands for SIGKILL: nobody catches it."""


@dataclass
class Pager:
    """A sink that takes messages; it fails, or the process is killed before or after it took one, as it is told."""

    name: str
    fate: str = "take"
    taken: list[Message] = field(default_factory=list)

    def send(self, message: Message) -> None:
        if self.fate == "refuse":
            raise DeliveryError(self.name, "HTTP 503")
        if self.fate == "killed before":
            raise KilledError
        self.taken.append(message)
        if self.fate == "killed after":
            raise KilledError

    def told(self) -> list[tuple[str, str, str]]:
        """(kind, tenant, alert) of every message, each key once."""
        once = {message.key: message for message in self.taken}
        return [(one.kind, entry.tenant, entry.alert_id) for one in once.values() for entry in one.entries]


@dataclass
class Naive:
    """What one open alert must be, by the words of the documentation."""

    first_at: datetime
    count: int = 1
    cleared: datetime | None = None
    taken_on: bool = False
    level: int = 0
    first_told: datetime | None = None
    last_told: datetime | None = None


def signal(tenant: str, at: datetime, *, alarm: bool = True) -> Signal:
    return Signal(tenant, "drift", "", Severity.INFO, "It drifted.", {}, "drift", at, alarm, at.isoformat())


class Course(RuleBasedStateMachine):
    """Signals, time, people and kills in any order."""

    @initialize()
    def begin(self) -> None:
        self.folder = TemporaryDirectory()
        url = f"sqlite:///{Path(self.folder.name) / 'state.db'}"
        self.store, self.audit = AlertStore.open(url), AuditLog.open(url)
        self.now, self.source = NOW, NOW
        self.naive: dict[str, Naive] = {}
        self.quiet: dict[str, datetime] = {}
        self.notices: list[tuple[str, str]] = []
        self.pager, self.boss = Pager("pager"), Pager("boss")
        self.newest: list[Signal] = []

    @rule(tenant=st.sampled_from(TENANTS), alarm=st.booleans(), again=st.booleans())
    def finding(self, tenant: str, alarm: bool, again: bool) -> None:
        """A monitor found something; with `again` the tick was killed and reads it twice."""
        self.source += timedelta(seconds=1)
        self.newest = [signal(tenant, self.source, alarm=alarm)]
        for _ in range(1 + again):
            self.store.observe(self.newest, BOOK, self.now)
        known = self.naive.get(tenant)
        if known is None and alarm:
            self.naive[tenant] = Naive(self.now)
        elif known is not None and alarm:
            known.count, known.cleared = known.count + 1, None
        elif known is not None:
            known.cleared = known.cleared or self.now

    @precondition(lambda self: self.newest)
    @rule()
    def stale_cursor(self) -> None:
        """The same finding once more, much later: nothing happens."""
        self.store.observe(self.newest, BOOK, self.now)

    @rule(minutes=st.sampled_from([1, 5, 9, 10, 29, 30, 60, 90, 299, 300]))
    def pass_time(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        self._tick()

    @rule(tenant=st.sampled_from(TENANTS))
    def acknowledge(self, tenant: str) -> None:
        for alert in self.store.unresolved(tenant):
            self.store.acknowledge(tenant, alert.alert_id, actor=ME, reason="mine", now=self.now)
            self.naive[tenant].taken_on = True

    @rule(tenant=st.sampled_from(TENANTS), minutes=st.sampled_from([5, 45, 200]))
    def silence(self, tenant: str, minutes: int) -> None:
        until = self.now + timedelta(minutes=minutes)
        self.store.silence(tenant, "*", until=until, actor=ME, reason="work", now=self.now)
        self.quiet[tenant] = max(until, self.quiet.get(tenant, until))

    @rule(fate=st.sampled_from(["take", "refuse", "killed before", "killed after"]))
    def dispatch(self, fate: str) -> None:
        self.pager.fate = self.boss.fate = fate
        dispatcher = Dispatcher(self.store, {"pager": self.pager, "boss": self.boss}, 1_000, "")
        try:
            dispatcher.dispatch(self.now, {})
        except KilledError:
            assert fate.startswith("killed")

    def _tick(self) -> None:
        self.store.advance(BOOK, SINKS, self.now)
        for tenant, one in list(self.naive.items()):
            kind = self._kind(one, silent=self.now < self.quiet.get(tenant, self.now))
            if one.cleared is not None and self.now - one.cleared >= RESOLVE:
                del self.naive[tenant]
            if kind:
                self.notices.append((kind, tenant))
                one.first_told, one.last_told = one.first_told or self.now, self.now

    def _kind(self, one: Naive, *, silent: bool) -> str | None:
        if one.cleared is not None:
            over = self.now - one.cleared >= RESOLVE
            return "resolved" if over and one.first_told and not silent else None
        if silent or one.taken_on:
            return None
        if one.first_told is None or one.last_told is None:
            return "firing"
        waited = self.now - one.first_told
        level = 2 if waited >= SECOND else 1 if waited >= FIRST else 0
        if level > one.level:
            one.level = level
            return "escalated"
        return "repeated" if self.now - one.last_told >= REPEAT else None

    @invariant()
    def the_book_is_kept(self) -> None:
        kept = {one.tenant: one for one in self.store.unresolved()}
        assert kept.keys() == self.naive.keys()
        for tenant, one in self.naive.items():
            alert = kept[tenant]
            assert (alert.count, alert.level, alert.clear_since) == (one.count, one.level, one.cleared)
            assert (alert.state == "acknowledged") is one.taken_on
            assert alert.first_at == one.first_at

    @invariant()
    def nobody_is_told_what_was_not_to_be_told(self) -> None:
        told = [(kind, tenant) for kind, tenant, _ in self.pager.told()]
        assert all(told.count(one) <= self.notices.count(one) for one in told)

    def teardown(self) -> None:
        if not hasattr(self, "store"):
            return
        self.pager.fate = self.boss.fate = "take"
        dispatcher = Dispatcher(self.store, {"pager": self.pager, "boss": self.boss}, 1_000, "")
        self.now += timedelta(hours=1)
        dispatcher.dispatch(self.now, {})
        failed = [
            one.kind
            for tenant in TENANTS
            for alert in self.store.newest(tenant, 10_000)
            for one in alert.deliveries
            if one.sink == "pager" and one.state == "failed"
        ]
        told = sorted((kind, tenant) for kind, tenant, _ in self.pager.told())
        assert failed or told == sorted(self.notices)
        assert self.audit.verify().fault is None
        self.store.close()
        self.audit.close()
        self.folder.cleanup()


Course.TestCase.settings = settings(
    max_examples=15, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestCourse = Course.TestCase


# people


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with AlertStore.open(f"sqlite:///{tmp_path / 'state.db'}") as opened:
        yield opened


def opened(store: AlertStore, *tenants: str) -> list[str]:
    store.observe([signal(tenant, NOW) for tenant in tenants], BOOK, NOW)
    store.advance(BOOK, SINKS, NOW)
    return [alert.alert_id for alert in store.unresolved()]


def test_nobody_acknowledges_another_tenants_alert(store: AlertStore) -> None:
    (alert,) = opened(store, "acme")
    with pytest.raises(NotFoundError):
        store.acknowledge("zenith", alert, actor=ME, reason="x", now=NOW)
    with pytest.raises(NotFoundError):
        store.acknowledge("acme", "nothing", actor=ME, reason="x", now=NOW)
    with pytest.raises(InputError):
        store.acknowledge("acme", alert, actor=ME, reason=" ", now=NOW)
    assert store.unresolved()[0].state == "firing"


def test_every_act_is_a_line_of_the_audit_log(store: AlertStore, tmp_path: Path) -> None:
    (alert,) = opened(store, "acme")
    store.acknowledge("acme", alert, actor=ME, reason="mine", now=NOW)
    made = store.silence("acme", "drift", until=NOW + timedelta(hours=1), actor=ME, reason="work", now=NOW)
    assert [one.rule for one in store.silences("acme", NOW)] == ["drift"]
    store.end_silence("acme", made.silence_id, actor=ME, reason="done", now=NOW)
    assert store.silences("acme", NOW) == []
    with pytest.raises(NotFoundError):
        store.end_silence("acme", made.silence_id, actor=ME, reason="done", now=NOW)
    later = NOW + timedelta(minutes=30)
    store.observe([signal("acme", later, alarm=False)], BOOK, later)
    store.advance(BOOK, SINKS, later + RESOLVE)
    with AuditLog.open(f"sqlite:///{tmp_path / 'state.db'}") as audit:
        lines = [(one["act"], one["actor"]) for one in reversed(audit.read("acme"))]
        assert audit.verify().fault is None
    assert lines == [
        ("alert.open", "alerts"),
        ("alert.acknowledge", "me"),
        ("alert.silence", "me"),
        ("alert.end-silence", "me"),
        ("alert.resolve", "alerts"),
    ]
    with pytest.raises(InputError, match="resolved"):
        store.acknowledge("acme", alert, actor=ME, reason="late", now=later)


def test_a_silence_of_one_tenant_is_not_another_s(store: AlertStore) -> None:
    store.silence("acme", "*", until=NOW + timedelta(hours=1), actor=ME, reason="work", now=NOW)
    opened(store, "acme", "zenith")
    assert {alert.tenant for alert in store.undelivered()} == {"zenith"}


def test_what_a_person_writes_of_people_is_not_kept(store: AlertStore) -> None:
    (alert,) = opened(store, "acme")
    store.acknowledge("acme", alert, actor=ME, reason="ask jo@home.example", now=NOW)
    told = store.unresolved()[0].acknowledged
    assert told is not None
    assert "jo@home.example" not in told.reason


def test_an_alert_whose_rule_is_gone_is_resolved_without_a_word(store: AlertStore) -> None:
    opened(store, "acme")
    store.advance(RuleBook([]), SINKS, NOW)
    assert store.unresolved() == []
    assert [one.kind for one in store.newest("acme")[0].deliveries] == ["firing"]


def test_what_was_resolved_is_kept_for_a_quarter(store: AlertStore) -> None:
    opened(store, "acme", "zenith")
    ended = NOW + timedelta(days=200)
    store.advance(RuleBook([]), SINKS, ended)  # resolved long after it was seen last
    assert store.forget(ended + KEPT) == 0
    told(store, ended)
    assert store.forget(ended + KEPT) == 0
    assert store.forget(ended + KEPT + timedelta(seconds=1)) == 2
    assert store.newest("acme") == store.newest("zenith") == []


def test_what_is_open_or_to_be_sent_is_never_forgotten(store: AlertStore) -> None:
    opened(store, "acme")
    assert store.forget(NOW + 10 * KEPT) == 0
    store.advance(RuleBook([]), SINKS, NOW)
    assert store.undelivered()
    assert store.forget(NOW + 10 * KEPT) == 0


# telling


def told(store: AlertStore, now: datetime = NOW, per_hour: int = 60, **before: list[datetime]) -> tuple[Pager, Any]:
    pager = Pager("pager")
    return pager, Dispatcher(store, {"pager": pager, "boss": Pager("boss")}, per_hour, "").dispatch(now, before)


def test_one_message_for_many_tenants_with_the_same_alert(store: AlertStore) -> None:
    opened(store, *(f"t{number:03}" for number in range(120)))
    pager, done = told(store)
    assert [len(message.entries) for message in pager.taken] == [50, 50, 20]
    assert pager.taken[0].whom == "50 tenants"
    assert done.sent == 3
    assert told(store)[0].taken == []


def test_no_more_than_so_many_messages_an_hour_and_the_rest_later(store: AlertStore) -> None:
    opened(store, "acme")
    pager, done = told(store, per_hour=2, pager=[NOW - timedelta(minutes=59), NOW - timedelta(minutes=30)])
    assert (pager.taken, done.waiting) == ([], 1)
    pager, _ = told(store, NOW + timedelta(minutes=2), per_hour=2, **done.at)
    assert len(pager.taken) == 1


def test_the_worst_is_told_first(store: AlertStore) -> None:
    worse = RuleBook([RULE, RULE | {"name": "worse", "severity": "critical"}])
    later = Signal("acme", "worse", "", Severity.CRITICAL, "Worse.", {}, "drift", NOW, True, "")
    store.observe([signal("acme", NOW), later], worse, NOW)
    store.advance(worse, SINKS, NOW)
    assert [message.rule for message in told(store)[0].taken] == ["worse", "drift"]


def test_a_repetition_after_a_kill_has_the_same_key_and_the_same_alerts(store: AlertStore) -> None:
    opened(store, "acme")
    pager = Pager("pager", "killed after")
    with pytest.raises(KilledError):
        Dispatcher(store, {"pager": pager}, 60, "").dispatch(NOW, {})
    store.observe([signal("zenith", NOW)], BOOK, NOW)
    store.advance(BOOK, SINKS, NOW)
    again, _ = told(store)
    first, *others = again.taken
    assert (first.key, first.entries) == (pager.taken[0].key, pager.taken[0].entries)
    assert [entry.tenant for one in others for entry in one.entries] == ["zenith"]


def test_a_sink_that_is_gone_gives_up_and_that_is_on_record(store: AlertStore, tmp_path: Path) -> None:
    opened(store, "acme")
    assert Dispatcher(store, {}, 60, "").dispatch(NOW, {}).failed == 1
    assert [one.state for one in store.unresolved()[0].deliveries] == ["failed"]
    with AuditLog.open(f"sqlite:///{tmp_path / 'state.db'}") as audit:
        assert audit.read("acme")[0]["act"] == "alert.undeliverable"


def test_a_sink_that_fails_for_hours_is_asked_less_and_less_and_then_no_more(store: AlertStore) -> None:
    opened(store, "acme")
    asked = []
    for minute in range(600):
        pager = Pager("pager", "refuse")
        now = NOW + timedelta(minutes=minute)
        if Dispatcher(store, {"pager": pager}, 60, "").dispatch(now, {}).failed:
            asked.append(minute)
    assert asked[:6] == [0, 1, 3, 7, 15, 31]
    assert len(asked) == 12
    assert [one.state for one in store.unresolved()[0].deliveries] == ["failed"]
