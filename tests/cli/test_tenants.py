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


def pooled(lintel: Lintel) -> dict[str, bool]:
    return {one["tenant"]: one["pooled"] for one in lintel("tenants", "list", "--json").value["tenants"]}
