"""Keys are made, listed and revoked; those of `lintel serve` live until the next stop."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import cli.serve
from cli.development_keys import create_development_keys, is_loopback, revoke_development_keys
from cli.processes import Child
from lintel.home import Home
from lintel.store.keys import Principal
from lintel.store.tenants import Tenant
from tests.cli.conftest import Lintel, run
from tests.orchestration.nightly_home import TENANT, NightlyHome

IN = ("--tenant", "acme")


@pytest.fixture
def home(own_nightly_home: NightlyHome) -> Iterator[Home]:
    with Home(own_nightly_home.settings) as home:
        home.events.put_tenant(Tenant("new", labels="crm"))
        yield home


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "run" / "development-keys.json"


@pytest.fixture
def acme(lintel: Lintel) -> Lintel:
    assert lintel("ingest", "simulator", "--leads", 1, *IN).code == 0
    return lintel


def test_a_key_is_listed_until_it_is_revoked(acme: Lintel) -> None:
    token = acme("keys", "create", "--name", "dialler", "--role", "write", *IN, "--json").value["key"]
    listed = acme("keys", "list", *IN, "--json")
    assert listed.value["keys"] == [{"name": "dialler", "role": "write"}]
    assert token not in listed.out
    assert acme("keys", "revoke", "--name", "dialler", *IN, "--json").value == {"tenant": "acme", "revoked": "dialler"}
    assert acme("keys", "list", *IN, "--json").value["keys"] == []


def test_a_key_that_is_not_there_cannot_be_revoked(acme: Lintel) -> None:
    answer = acme("keys", "revoke", "--name", "nobody", *IN, "--json")
    assert (answer.code, answer.fault) == (3, "not-found")
    assert "lintel keys list" in answer.err


def test_development_keys_are_for_tenants_with_a_champion_and_end(home: Home, file: Path) -> None:
    made = create_development_keys(home, file)
    assert made.keys() == {TENANT}
    principal = home.keys.resolve(made[TENANT])
    assert principal is not None
    assert principal == Principal(TENANT, principal.name, "write")
    assert made[TENANT] not in file.read_text()
    revoke_development_keys(home, file)
    assert home.keys.resolve(made[TENANT]) is None
    assert not file.exists()


def test_keys_of_services_that_were_not_stopped_end_with_the_next_start(home: Home, file: Path) -> None:
    first = create_development_keys(home, file)[TENANT]
    second = create_development_keys(home, file)[TENANT]
    assert home.keys.resolve(first) is None
    assert home.keys.resolve(second) is not None


def test_a_development_key_that_was_revoked_by_hand_does_not_stop_the_stop(home: Home, file: Path) -> None:
    create_development_keys(home, file)
    home.keys.revoke(TENANT, home.keys.principals(TENANT)[0].name)
    revoke_development_keys(home, file)
    assert not file.exists()


@pytest.mark.parametrize(
    ("host", "own"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("crm.example", False)],  # noqa: S104
)
def test_only_addresses_of_this_machine_are_its_own(host: str, own: bool) -> None:
    assert is_loopback(host) is own


@pytest.mark.parametrize(("host", "printed"), [("127.0.0.1", True), ("0.0.0.0", False)])  # noqa: S104
def test_serving_prints_one_key_on_this_machine_only(
    own_nightly_home: NightlyHome, monkeypatch: pytest.MonkeyPatch, host: str, printed: bool
) -> None:
    monkeypatch.setenv("LINTEL_HOST", host)
    monkeypatch.setattr(cli.serve, "_start_all", lambda *_: [Child("lead_scoring", "http://x", 1, 0.0, "log")])
    started = run(own_nightly_home.path, "serve", "--json")
    assert started.code == 0, started.err
    tokens = [word for word in started.err.split() if word.startswith("lintel_")]
    assert len(tokens) == int(printed)
    assert "lintel_" not in started.out
    with Home(own_nightly_home.settings) as home:
        assert all(home.keys.resolve(token) for token in tokens)
        assert run(own_nightly_home.path, "serve", "--stop").code == 0
        assert not any(home.keys.resolve(token) for token in tokens)
