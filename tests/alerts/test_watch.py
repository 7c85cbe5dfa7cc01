"""One look after the other over a real home: every source, the cursor, and looks that are killed."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from lintel.alerts.cursor import Cursor
from lintel.alerts.rulebook import RuleBook
from lintel.alerts.signal import INSTALLATION
from lintel.alerts.sources import RolloutStanding, Run, rollout_signals
from lintel.alerts.watch import Looked, Watch
from lintel.events.moments import to_microseconds
from lintel.home import Home
from lintel.registry.actor import machine
from lintel.settings import Settings
from lintel.store.prediction_losses import RecordedLoss, record_losses
from lintel.store.tenants import Tenant
from tests.alerts.conftest import NOW
from tests.alerts.test_course import KilledError, Pager

TENANT, OTHER = "acme", "zenith"
HOUR = timedelta(hours=1)


@dataclass
class Runs:
    """What an orchestrator would say."""

    done: list[Run] = field(default_factory=list)

    def ended(self, since: datetime | None) -> list[Run]:
        return [one for one in self.done if since is None or one.ended_at >= since - timedelta(seconds=1)]

    def succeeded(self, job: str, tenants: Sequence[str]) -> dict[str, datetime]:
        good = [one for one in self.done if one.succeeded and one.job == job and one.tenant in tenants]
        return {one.tenant: one.ended_at for one in sorted(good, key=lambda one: one.ended_at)}


@dataclass
class Watcher:
    """Looks with a cursor that goes through text, as the sensor's does."""

    home: Home
    runs: Runs = field(default_factory=Runs)
    pager: Pager = field(default_factory=lambda: Pager("pager"))
    cursor: str = ""

    def look(self, now: datetime) -> Looked:
        cursor = Cursor.from_text(self.cursor)
        found = Watch(self.home, RuleBook.load(), {"pager": self.pager}, self.runs).look(cursor, now)
        self.cursor = cursor.to_text()
        return found

    def firing(self) -> set[tuple[str, str, str]]:
        return {alert.place for alert in self.home.alerts.unresolved()}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with Home(Settings(home=tmp_path / "home")) as home:
        for tenant in (TENANT, OTHER):
            home.events.put_tenant(Tenant(id=tenant, labels="simulator"))
        yield home


@pytest.fixture
def watcher(home: Home) -> Watcher:
    return Watcher(home)


def finding(home: Home, area: str, at: datetime, tenant: str = TENANT, *, alarm: bool = True, **more: Any) -> None:
    home.monitoring.write(tenant, area, at, {"alarm": alarm, "explanation": f"{area} is off.", **more})


def test_nothing_is_wrong_with_an_empty_home(watcher: Watcher) -> None:
    assert watcher.look(NOW).opened == 0
    assert watcher.firing() == set()
    assert watcher.pager.taken == []


@pytest.mark.parametrize("area", ["drift", "performance", "consistency"])
def test_a_finding_is_told_once_and_resolved_by_the_next_good_one(home: Home, watcher: Watcher, area: str) -> None:
    finding(home, area, NOW)
    for minute in range(5):
        watcher.look(NOW + timedelta(minutes=minute))
    assert watcher.firing() == {(TENANT, area, "")}
    assert [(one.kind, one.entries[0].summary) for one in watcher.pager.taken] == [("firing", f"{area} is off.")]
    finding(home, area, NOW + HOUR, alarm=False)
    watcher.look(NOW + HOUR)
    assert watcher.firing() == set()
    assert [one.kind for one in watcher.pager.taken] == ["firing", "resolved"]


def test_suites_of_the_data_gate_are_alerts_of_their_own(home: Home, watcher: Watcher) -> None:
    finding(home, "data", NOW, suite="events")
    finding(home, "data", NOW + timedelta(seconds=1), suite="features", alarm=False)
    finding(home, "data", NOW + timedelta(seconds=2), suite="scores")
    watcher.look(NOW + timedelta(minutes=1))
    assert watcher.firing() == {(TENANT, "data", "events"), (TENANT, "data", "scores")}


def test_two_tenants_with_the_same_fault_are_one_message(home: Home, watcher: Watcher) -> None:
    finding(home, "drift", NOW, TENANT)
    finding(home, "drift", NOW, OTHER)
    watcher.look(NOW)
    (message,) = watcher.pager.taken
    assert [entry.tenant for entry in message.entries] == [TENANT, OTHER]


def test_findings_count_and_a_lost_cursor_counts_none_twice(home: Home, watcher: Watcher) -> None:
    for hours in range(3):
        finding(home, "drift", NOW + hours * HOUR)
    watcher.look(NOW + 3 * HOUR)
    watcher.cursor = "broken {"
    watcher.look(NOW + 4 * HOUR)
    assert home.alerts.unresolved()[0].count == 3
    assert len(watcher.pager.taken) == 1


def test_what_is_long_over_alarms_nobody_at_the_first_look(home: Home, watcher: Watcher) -> None:
    finding(home, "drift", NOW - timedelta(days=30))
    finding(home, "drift", NOW, alarm=False)
    assert watcher.look(NOW).opened == 0


@pytest.mark.parametrize("fate", ["killed before", "killed after"])
def test_a_look_that_is_killed_is_made_good_by_the_next(home: Home, watcher: Watcher, fate: str) -> None:
    finding(home, "drift", NOW)
    watcher.pager.fate = fate
    with pytest.raises(KilledError):
        watcher.look(NOW)
    watcher.pager.fate = "take"
    watcher.look(NOW + timedelta(minutes=1))
    assert {one.key for one in watcher.pager.taken} == {watcher.pager.taken[0].key}
    assert len(watcher.pager.taken) == (2 if fate == "killed after" else 1)
    assert home.alerts.unresolved()[0].count == 1


def test_a_corrupt_finding_hides_no_other(home: Home, watcher: Watcher) -> None:
    path = home.monitoring.write(TENANT, "drift", NOW, {"alarm": True})
    path.write_text("{")
    finding(home, "drift", NOW, OTHER)
    looked = watcher.look(NOW)
    assert len(looked.faults) == 1
    assert watcher.firing() == {(OTHER, "drift", "")}


def test_personal_data_in_a_finding_goes_no_further(home: Home, watcher: Watcher) -> None:
    home.monitoring.write(TENANT, "drift", NOW, {"alarm": True, "explanation": "jo@home.example wrote twice."})
    watcher.look(NOW)
    assert "jo@home.example" not in watcher.pager.taken[0].entries[0].summary


# rollouts


def test_only_the_states_of_the_rule_alarm() -> None:
    rules = RuleBook.load().rules(TENANT)
    states = ("running", "held", "inconclusive", "watching", "completed", "rolled-back")
    told = {
        state: {
            name
            for name in ("rollout-rolled-back", "rollout-inconclusive")
            for one in rollout_signals(rules[name], [RolloutStanding(TENANT, "r1", state, 8, "It was slow.", NOW)])
            if one.alarm
        }
        for state in states
    }
    assert {state: names for state, names in told.items() if names} == {
        "inconclusive": {"rollout-inconclusive"},
        "rolled-back": {"rollout-rolled-back"},
    }


# runs


def test_a_failed_run_is_told_until_one_succeeds(watcher: Watcher) -> None:
    watcher.runs.done.append(Run(TENANT, "nightly", "r1", False, NOW))
    watcher.runs.done.append(Run("not-a-tenant", "nightly", "r0", False, NOW))
    watcher.look(NOW + timedelta(minutes=1))
    assert (TENANT, "nightly-failed", "nightly") in watcher.firing()
    watcher.runs.done.append(Run(TENANT, "nightly", "r2", False, NOW + HOUR))
    watcher.look(NOW + HOUR)
    assert [one.count for one in watcher.home.alerts.unresolved()] == [2]
    watcher.runs.done.append(Run(TENANT, "nightly", "r3", True, NOW + 2 * HOUR))
    watcher.look(NOW + 2 * HOUR)
    assert watcher.firing() == set()


def test_a_failure_that_nobody_takes_on_becomes_critical(watcher: Watcher) -> None:
    watcher.runs.done.append(Run(TENANT, "nightly", "r1", False, NOW))
    for hours in range(5):
        watcher.look(NOW + hours * HOUR)
    assert [(one.kind, one.severity) for one in watcher.pager.taken] == [
        ("firing", "warning"),
        ("escalated", "critical"),
    ]


def test_a_tenant_whose_runs_do_not_start_is_told_after_36_hours(watcher: Watcher) -> None:
    watcher.runs.done.append(Run(TENANT, "nightly", "r1", True, NOW))
    firing = []
    for hours in (1, 35, 37):
        watcher.look(NOW + hours * HOUR)
        firing.append(watcher.firing())
    assert firing == [set(), set(), {(TENANT, "nightly-stale", "nightly")}]
    watcher.runs.done.append(Run(TENANT, "nightly", "r2", True, NOW + 38 * HOUR))
    watcher.look(NOW + 39 * HOUR)
    assert watcher.firing() == set()


# what is nobody's own


def test_a_broken_audit_log_is_critical(home: Home, watcher: Watcher) -> None:
    for number in range(3):
        home.audit.append(
            tenant=TENANT, actor=machine("m"), act="a", subject=f"s{number}", reason="r", details={}, at=NOW
        )
    watcher.look(NOW)
    assert watcher.firing() == set()
    engine = sa.create_engine(home.settings.state_url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE audit SET reason = 'another' WHERE number = 2"))
    engine.dispose()
    watcher.look(NOW + timedelta(minutes=30))
    assert watcher.firing() == set()  # it is looked at each hour
    watcher.look(NOW + HOUR)
    assert watcher.firing() == {(INSTALLATION, "audit-broken", "")}
    assert "2" in watcher.pager.taken[0].entries[0].summary


def test_lost_answers_are_told_for_a_day(home: Home, watcher: Watcher) -> None:
    at = to_microseconds(NOW)
    root = home.settings.lake_path / "predictions"
    root.mkdir(parents=True)
    record_losses(root, [RecordedLoss("w1", "not_written", 0, at, at)])
    watcher.look(NOW)
    assert watcher.firing() == set()
    record_losses(root, [RecordedLoss("w2", "backlog_full", 70, at, at), RecordedLoss("w3", "closed", None, at, at)])
    watcher.look(NOW + HOUR)
    assert watcher.firing() == {(INSTALLATION, "prediction-loss", "")}
    assert watcher.pager.taken[0].entries[0].summary.startswith("70 answers are missing")
    watcher.look(NOW + 25 * HOUR)
    assert watcher.firing() == set()


def test_alerts_go_on_where_the_audit_log_cannot_be_written(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The log is sealed, and this process has no key: people hear of both."""
    sealed = Settings(home=tmp_path / "home", audit_key="key")
    with Home(sealed) as home:
        home.events.put_tenant(Tenant(id=TENANT, labels="simulator"))
        home.audit.append(tenant=TENANT, actor=machine("m"), act="a", subject="s", reason="r", details={}, at=NOW)
    with Home(Settings(home=tmp_path / "home")) as home, caplog.at_level(logging.ERROR):
        watcher = Watcher(home)
        finding(home, "drift", NOW)
        watcher.look(NOW)
        assert watcher.firing() == {(TENANT, "drift", ""), (INSTALLATION, "audit-broken", "")}
    assert "is not in the audit log" in caplog.text
