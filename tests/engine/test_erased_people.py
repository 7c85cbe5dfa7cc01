"""A person who was erased, by another process: from the next request on no rung has anything of them."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from lintel.errors import UnavailableError
from lintel.scoring.bundle import Bundle
from tests.bentos.conftest import TENANT
from tests.engine.faults import Models, raising
from tests.engine.service import Service, nightly
from tests.serving.clients import Clock

UNKNOWN = "unknown-lead"


@pytest.fixture
def erased(service: Service, bundle: Bundle, clock: Clock) -> tuple[str, str, dict[str, Any]]:
    """A lead and the one it was merged into, both hot, kept and stored; and what was last said of the first."""
    stored = nightly(service.home, bundle, clock())
    lead, survivor = (one["lead_id"] for one in stored[:2])
    end = datetime.fromisoformat(stored[0]["as_of"])
    said = service.ask(lead, survivor, explain=True)
    service.append(survivor, "lead.merged", end, object_id=lead)
    service.ask(lead, survivor)
    service.home.erase(TENANT, lead, now=clock())
    return lead, survivor, said[0]


def test_the_champion_knows_nobody_of_the_name(service: Service, erased: tuple[str, str, dict[str, Any]]) -> None:
    lead, survivor, said = erased
    for explain in (False, True):
        for as_of in (None, said["as_of"]):
            answers = service.ask(lead, survivor, explain=explain, as_of=as_of)
            assert [one["error"]["type"] for one in answers] == [UNKNOWN, UNKNOWN]


def test_no_lower_rung_says_anything_of_the_person(
    service: Service, erased: tuple[str, str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    lead, survivor, said = erased
    models = Models(poison=None).put_in(monkeypatch)
    assert [one["error"]["type"] for one in service.ask(lead, survivor)] == [UNKNOWN, UNKNOWN]  # the light model
    models.light_poison = None
    failed = service.ask(lead, survivor)
    events = service.client.app.state.runtime.home.events
    monkeypatch.setattr(events, "state", raising(UnavailableError("away")))
    away = service.ask(lead, survivor)
    for answer in (*failed, *away):
        assert (answer["served_by"], answer["status"]) == ("prior", "unread")
        assert not set(numbers(answer)) & set(numbers({"dimensions": said["dimensions"]})) - base_rates(said)


def numbers(answer: dict[str, Any]) -> list[float]:
    """All fractions in the dimensions of an answer."""
    found: list[float] = []
    json.loads(json.dumps(answer["dimensions"]), parse_float=lambda text: found.append(float(text)))
    return found


def base_rates(answer: dict[str, Any]) -> set[float]:
    told = answer["dimensions"].values()
    return {one[name] for one in told for name in ("base_rate", "level") if name in one}


def test_who_is_let_in_again_begins_anew(service: Service, erased: tuple[str, str, dict[str, Any]]) -> None:
    lead, _, said = erased
    at = datetime.fromisoformat(said["as_of"]) + timedelta(hours=1)
    assert service.home.events.readmit(TENANT, lead)
    service.append(lead, "lead.created", at)
    (answer,) = service.ask(lead)
    assert "merged_into" not in answer
    assert "error" not in answer
    assert answer["dimensions"] != said["dimensions"]


def test_the_log_holds_nothing_of_the_person_when_the_worker_has_stopped(
    service: Service, erased: tuple[str, str, dict[str, Any]], clock: Clock
) -> None:
    lead, survivor, _ = erased
    service.inference.log.close()
    service.home.predictions.compact(now=clock() + timedelta(hours=1), keep_days=100_000)
    assert not {lead, survivor} & set(service.home.predictions.read(TENANT).column("lead_id").to_pylist())
