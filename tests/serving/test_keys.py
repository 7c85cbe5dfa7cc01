"""Keys: what a role may do, and how long an answer of the key ring is trusted."""

import asyncio
import threading
from collections.abc import Callable

import pytest
from fastapi.security import HTTPAuthorizationCredentials

from lintel.errors import UnavailableError
from lintel.home import Home
from lintel.store.state import Principal, Role
from serving.keys import GRANTS, OUTAGE_SECONDS, REMEMBERED_SECONDS, Keys, own_tenant
from serving.problems import RequestError
from tests.serving.clients import OTHER, TENANT


class Ticker:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


Ask = Callable[[str, str], Principal]


@pytest.fixture
def ticker() -> Ticker:
    return Ticker()


@pytest.fixture
def ask(home: Home, ticker: Ticker) -> Ask:
    keys = Keys(home.keys, clock=ticker)

    def ask(token: str, right: str) -> Principal:
        credentials = HTTPAuthorizationCredentials(scheme="Bearer", credentials=token)
        return asyncio.run(keys.principal(credentials, right))

    return ask


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("right", ["read", "write", "admin"])
def test_a_role_may_what_it_grants_and_no_more(home: Home, ask: Ask, role: str, right: str) -> None:
    token = home.keys.create(TENANT, role, role)
    if right in GRANTS[role]:
        assert ask(token, right) == Principal(TENANT, role, role)
    else:
        with pytest.raises(RequestError) as refused:
            ask(token, right)
        assert refused.value.status == 403


def test_every_role_has_its_grants() -> None:
    assert set(GRANTS) == set(Role)


def test_a_revoked_key_works_no_longer_than_it_is_remembered(home: Home, ask: Ask, ticker: Ticker) -> None:
    token = home.keys.create(TENANT, "soon gone", "read")
    ask(token, "read")
    home.keys.revoke(TENANT, "soon gone")
    ticker.seconds += REMEMBERED_SECONDS / 2
    assert ask(token, "read").name == "soon gone"
    ticker.seconds += REMEMBERED_SECONDS
    with pytest.raises(RequestError) as refused:
        ask(token, "read")
    assert refused.value.status == 401


def test_a_known_key_goes_on_while_the_ring_is_away_but_not_for_ever(
    home: Home, ask: Ask, ticker: Ticker, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, asked = home.keys.create(TENANT, "crm", "read"), []

    def away(_: str) -> Principal:
        asked.append(ticker.seconds)
        raise UnavailableError("state.db cannot be read.")

    ask(token, "read")
    with monkeypatch.context() as patched:
        patched.setattr(home.keys, "resolve", away)
        for _ in range(4):
            ticker.seconds += 0.6 * REMEMBERED_SECONDS
            assert ask(token, "read").name == "crm"
        assert len(asked) == 2  # no more often than while it answers
        with pytest.raises(UnavailableError):
            ask("lintel_guess", "read")
        ticker.seconds += OUTAGE_SECONDS
        with pytest.raises(UnavailableError):
            ask(token, "read")
    home.keys.revoke(TENANT, "crm")
    with pytest.raises(RequestError):
        ask(token, "read")


def test_a_known_caller_does_not_wait_for_a_ring_that_hangs(
    home: Home, ask: Ask, ticker: Ticker, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, released = home.keys.create(TENANT, "crm", "read"), threading.Event()
    ask(token, "read")
    ticker.seconds += REMEMBERED_SECONDS
    monkeypatch.setattr(home.keys, "resolve", lambda _: released.wait(60))
    threading.Timer(1.0, released.set).start()
    assert ask(token, "read").name == "crm"


def test_a_key_made_after_a_refusal_is_accepted(home: Home, ask: Ask) -> None:
    with pytest.raises(RequestError):
        ask("lintel_guess", "read")
    assert ask(home.keys.create(TENANT, "late", "read"), "read").name == "late"


def test_a_body_may_name_only_the_keys_own_tenant() -> None:
    principal = Principal(TENANT, "someone", "read")
    assert own_tenant(principal, None) == TENANT
    assert own_tenant(principal, TENANT) == TENANT
    with pytest.raises(RequestError) as refused:
        own_tenant(principal, OTHER)
    assert (refused.value.status, refused.value.slug) == (403, "other-tenant")
    with pytest.raises(RequestError):
        own_tenant(principal, "")
