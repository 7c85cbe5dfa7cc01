from collections.abc import Iterator
from pathlib import Path

import pytest

from lintel.errors import InputError, NotFoundError
from lintel.store.keys import KeyRing, Principal, Role


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
def keys(path: Path) -> Iterator[KeyRing]:
    with KeyRing.open(f"sqlite:///{path}") as keys:
        yield keys


def test_a_key_speaks_for_its_principal_until_it_is_revoked(keys: KeyRing) -> None:
    token = keys.create("acme", "website", Role.READ)
    other = keys.create("other", "website", "admin")
    assert keys.resolve(token) == Principal("acme", "website", "read")
    assert keys.resolve(other) == Principal("other", "website", "admin")
    assert keys.resolve(token + "x") is None
    assert keys.resolve("") is None
    keys.revoke("acme", "website")
    assert keys.resolve(token) is None
    assert keys.resolve(other) is not None
    with pytest.raises(NotFoundError):
        keys.revoke("acme", "website")


def test_only_a_hash_of_the_key_is_kept(keys: KeyRing, path: Path) -> None:
    token = keys.create("acme", "website", "write")
    keys.close()
    content = path.read_bytes()
    assert b"website" in content
    assert token.encode() not in content
    assert token.removeprefix("lintel_").encode() not in content


def test_names_are_taken_while_their_key_lives(keys: KeyRing) -> None:
    first = keys.create("acme", "website", "read")
    with pytest.raises(InputError, match="already"):
        keys.create("acme", "website", "read")
    keys.revoke("acme", "website")
    second = keys.create("acme", "website", "write")
    assert first != second
    assert keys.principals("acme") == [Principal("acme", "website", "write")]


@pytest.mark.parametrize(("name", "role"), [("website", "root"), ("", "read"), ("x" * 101, "read")])
def test_wrong_names_and_roles_are_refused(keys: KeyRing, name: str, role: str) -> None:
    with pytest.raises(InputError):
        keys.create("acme", name, role)
