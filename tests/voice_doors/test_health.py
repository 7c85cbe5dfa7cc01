"""`/readyz` of the voice service when its stores hang or fail."""

import threading
from typing import Any

import pytest

from lintel.errors import UnavailableError
from serving.voice import health
from tests.voice_doors.conftest import Served


def test_probes_of_a_store_that_hangs_do_not_pile_up(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    released, reads = threading.Event(), []

    def hanging(_: object) -> list[Any]:
        reads.append(1)
        released.wait(60)
        return []

    monkeypatch.setattr(type(served.home.events), "tenants", hanging)
    monkeypatch.setattr(health, "STORE_SECONDS", 0.05)
    try:
        with served.client(None) as client:
            answers = [client.get("/readyz") for _ in range(5)]
            assert {(one.status_code, one.json()["store"]) for one in answers} == {(503, "does not answer")}
            assert client.get("/livez").status_code == 200
        assert len(reads) == 1
    finally:
        released.set()


def test_a_store_that_fails_is_named_by_its_kind(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_: object) -> list[Any]:
        raise UnavailableError("The disk is away.")

    monkeypatch.setattr(type(served.home.events), "tenants", failing)
    with served.client(None) as client:
        answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["store"]) == (503, UnavailableError.slug)
