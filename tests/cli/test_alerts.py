"""`lintel alerts`: what is wrong, taking it on, silence, and whether a sink works."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lintel.alerts.rulebook import RuleBook
from lintel.alerts.signal import INSTALLATION, Severity, Signal
from lintel.home import Home
from lintel.settings import Settings
from lintel.store.tenants import Tenant
from tests.cli.conftest import Answer, run

TENANT = "acme"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with one alert of a tenant, and one of the installation."""
    now = datetime.now(UTC)
    with Home(Settings(home=tmp_path)) as home:
        home.events.put_tenant(Tenant(id=TENANT, labels="simulator"))
        signals = [
            Signal(TENANT, "drift", "", Severity.WARNING, "It drifted.", {}, "drift", now),
            Signal(INSTALLATION, "audit-broken", "", Severity.CRITICAL, "Line 2.", {}, "audit-broken", now),
        ]
        home.alerts.observe(signals, RuleBook.load(), now)
    return tmp_path


@pytest.fixture
def alerts(home: Path) -> Callable[..., Answer]:
    return lambda *arguments: run(home, "alerts", *arguments, "--json")


def test_alerts_are_listed_taken_on_and_listed_so(alerts: Callable[..., Answer]) -> None:
    (one,) = alerts("list", "--tenant", TENANT).value["alerts"]
    assert (one["rule"], one["state"], one["severity"]) == ("drift", "firing", "warning")
    taken = alerts("acknowledge", one["alert_id"], "--reason", "looking", "--as", "eva", "--tenant", TENANT)
    assert taken.value == {"tenant": TENANT, "alert_id": one["alert_id"], "state": "acknowledged"}
    (again,) = alerts("list", "--tenant", TENANT).value["alerts"]
    assert (again["state"], again["acknowledged_by"]) == ("acknowledged", "eva")


def test_what_is_no_tenants_own_is_listed_under_its_sign(alerts: Callable[..., Answer]) -> None:
    assert [one["rule"] for one in alerts("list", "--tenant", "*").value["alerts"]] == ["audit-broken"]


def test_a_silence_holds_until_it_is_ended(alerts: Callable[..., Answer]) -> None:
    made = alerts("silence", "*", "--for", "2h", "--reason", "moving", "--tenant", TENANT).value
    (held,) = alerts("list", "--tenant", TENANT).value["silences"]
    assert (held["silence_id"], held["rule"], held["reason"]) == (made["silence_id"], "*", "moving")
    ended = alerts("end-silence", made["silence_id"], "--reason", "moved", "--tenant", TENANT)
    assert ended.value == {"tenant": TENANT, "ended": made["silence_id"]}
    assert alerts("list", "--tenant", TENANT).value["silences"] == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("list", "--tenant", "nobody"), 3),
        (("acknowledge", "nothing", "--reason", "x", "--tenant", TENANT), 3),
        (("silence", "nonsense", "--reason", "x", "--tenant", TENANT), 3),
        (("silence", "drift", "--for", "soon", "--reason", "x", "--tenant", TENANT), 2),
        (("silence", "drift", "--for", "400d", "--reason", "x", "--tenant", TENANT), 2),
        (("silence", "drift", "--reason", " ", "--tenant", TENANT), 2),
        (("test-sink", "pigeon"), 3),
    ],
)
def test_what_makes_no_sense_is_refused(alerts: Callable[..., Answer], arguments: tuple[str, ...], code: int) -> None:
    assert alerts(*arguments).code == code


def test_a_sink_that_does_not_work_fails_without_its_address(
    alerts: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINTEL_ALERT_WEBHOOK_URL", "http://127.0.0.1:9/s3cret")
    monkeypatch.setenv("LINTEL_ALERT_PRIVATE_HOSTS", '["127.0.0.1"]')
    monkeypatch.setattr("time.sleep", lambda _: None)
    answer = alerts("test-sink", "webhook")
    assert (answer.code, answer.fault) == (5, "not-delivered")
    assert "no connection" in answer.err
    assert "s3cret" not in answer.err + answer.out
