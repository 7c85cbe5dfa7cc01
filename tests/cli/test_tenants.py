"""`lintel tenants`: who there is, and who may be learnt from."""

from pathlib import Path

import pytest

from lintel.home import Home
from lintel.settings import Settings
from lintel.store.tenants import Tenant
from tests.cli.conftest import Lintel


@pytest.fixture
def two(tmp_path: Path) -> None:
    with Home(Settings(home=tmp_path / "home")) as home:
        for name in ("acme", "zenith"):
            home.events.put_tenant(Tenant(name, labels="crm"))


@pytest.mark.usefixtures("two")
def test_nobody_is_pooled_unless_it_is_said(lintel: Lintel) -> None:
    assert pooled(lintel) == {"acme": False, "zenith": False}
    assert lintel("tenants", "pool", "--tenant", "acme", "--allow", "--json").value == {
        "tenant": "acme",
        "pooled": True,
    }
    assert pooled(lintel) == {"acme": True, "zenith": False}
    lintel("tenants", "pool", "--tenant", "acme", "--refuse")
    assert pooled(lintel) == {"acme": False, "zenith": False}


@pytest.mark.usefixtures("two")
def test_it_is_never_left_to_a_default(lintel: Lintel) -> None:
    assert lintel("tenants", "pool", "--tenant", "acme").code == 2
    assert lintel("tenants", "pool", "--tenant", "nobody", "--allow").code == 3


def test_a_tenant_can_have_keys_before_it_has_events(lintel: Lintel) -> None:
    assert lintel("keys", "create", "--name", "dialler", "--tenant", "acme").code == 3
    added = lintel("tenants", "add", "--tenant", "acme", "--time-zone", "America/Denver", "--json").value
    assert added == {"tenant": "acme", "labels": "crm", "time_zone": "America/Denver", "currency": "USD"}
    assert lintel("keys", "create", "--name", "dialler", "--tenant", "acme").code == 0


@pytest.mark.usefixtures("two")
def test_one_that_is_there_keeps_its_settings(lintel: Lintel) -> None:
    assert lintel("tenants", "add", "--tenant", "acme", "--currency", "EUR").code == 2
    listed = lintel("tenants", "list", "--json").value["tenants"]
    assert [one["currency"] for one in listed] == ["USD", "USD"]


@pytest.mark.parametrize(
    ("option", "value"),
    [("--labels", "nothing"), ("--time-zone", "Mars/Olympus"), ("--currency", "dollars"), ("--capacity", "0")],
)
def test_settings_that_cannot_be_are_refused_and_nothing_is_made(lintel: Lintel, option: str, value: str) -> None:
    assert lintel("tenants", "add", "--tenant", "acme", option, value).code == 2
    assert lintel("tenants", "list", "--json").value == {"tenants": []}


def pooled(lintel: Lintel) -> dict[str, bool]:
    return {one["tenant"]: one["pooled"] for one in lintel("tenants", "list", "--json").value["tenants"]}


@pytest.mark.usefixtures("two")
def test_a_nightly_run_wants_events(lintel: Lintel) -> None:
    answer = lintel("nightly", "--tenant", "acme")
    assert answer.code == 3
    assert "has no events yet" in answer.err
