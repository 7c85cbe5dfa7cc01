from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from cli.replay import replay_data
from lintel.errors import NotFoundError
from lintel.events.validation import table_from_rows
from lintel.scoring.dimension import Gap, MissingDimension
from lintel.scoring.moments import microseconds, time_text
from lintel.store.events import EventStore
from lintel.store.tenants import Clock, Tenant

TENANT = Tenant("acme", labels="crm", time_zone="America/Denver", clock=Clock.LOG_END)
START = datetime(2024, 5, 1, 12, tzinfo=UTC)


class _Bundle:
    """Scores as if a model had: the probability is the number of events known, in hundredths."""

    name, digest = "lead-scoring.acme", "sha256:abc"
    manifest = SimpleNamespace(simulated=False, label_version="crm/1", feature_digest="sha256:def")
    scorer = SimpleNamespace(
        ready={"conversion": SimpleNamespace(definition="won within 90 days", base_rate=0.3)},
        dimensions={"budget": MissingDimension("budget", Gap.NOT_DEFINED, "nothing to qualify")},
    )

    def __init__(self, closed_from: datetime | None = None) -> None:
        self.closed_from = closed_from
        self.asked: list[int] = []

    def score_columns(self, columns, lead_ids, as_of, *, explain, time_zone):
        assert (explain, time_zone) == (True, "America/Denver")
        self.asked.append(as_of)
        if self.closed_from and as_of >= microseconds(self.closed_from):
            closed_at = time_text(microseconds(self.closed_from))
            return [{"lead_id": lead_ids[0], "status": "closed", "outcome": "won", "closed_at": closed_at}]
        known = int((columns.known_at <= as_of).sum())
        value = {"probability": known / 100, "interval": [0.0, 0.1]}
        reason = {"dimension": "conversion", "text": "because", "features": ["f"], "log_odds": 0.5}
        dimensions = {"conversion": value, "budget": {"status": "not_defined_for_source", "reason": "nothing"}}
        return [{"lead_id": lead_ids[0], "status": "open", "dimensions": dimensions, "reasons": [reason]}]


@pytest.fixture
def store(tmp_path):
    with EventStore.open(f"sqlite:///{tmp_path / 'events.db'}") as opened:
        opened.put_tenant(TENANT)
        rows = [
            _row("e1", 0, "lead.created", channel="web"),
            _row("e2", 2, "call.inbound", value=4.5, text="my number is 303-555-0142"),
            _row("e3", 30, "appointment.booked", due_at=(START + timedelta(hours=80)).isoformat()),
            _row("e4", 40, "sms.inbound", known_at=(START + timedelta(hours=50)).isoformat()),
            _row("e5", 60, "deal.won", value=450_000),
            _row("other", 70, "sms.inbound", lead_id="lead-2"),
        ]
        opened.append("acme", table_from_rows(rows).events, now=START + timedelta(days=10))
        yield opened


def _row(event_id: str, hour: int, kind: str, **more):
    moment = (START + timedelta(hours=hour)).isoformat()
    return {"event_id": event_id, "lead_id": "lead-1", "occurred_at": moment, "kind": kind, **more}


def test_a_score_at_every_event_and_every_night(store) -> None:
    data = replay_data(store, _Bundle(), TENANT, "lead-1", version=3)
    hours = [(step.as_of - microseconds(START)) / 3_600_000_000 for step in data.steps]
    # 02:00 in Denver is 08:00 UTC, 20 hours after the start; the log ends with the other lead's event
    assert hours == [0, 2, 20, 30, 44, 50, 60, 68]
    assert [step.trigger for step in data.steps].count("nightly") == 3
    assert [step.scores["conversion"].probability for step in data.steps] == [
        0.01,
        0.02,
        0.02,
        0.03,
        0.03,
        0.04,
        0.05,
        0.05,
    ]
    assert data.outcome is None
    assert (data.model["version"], data.model["labels"]) == ("3", "crm/1")


def test_it_ends_with_the_outcome(store) -> None:
    bundle = _Bundle(closed_from=START + timedelta(hours=60))
    data = replay_data(store, bundle, TENANT, "lead-1")
    assert (data.outcome, data.outcome_at) == ("The deal was won", microseconds(START + timedelta(hours=60)))
    assert all(step.as_of < data.outcome_at for step in data.steps)
    assert max(bundle.asked) == data.outcome_at
    assert data.model["version"] == "not registered"


def test_events_are_told_without_what_people_wrote(store) -> None:
    data = replay_data(store, _Bundle(), TENANT, "lead-1")
    call, appointment = data.events[1], data.events[2]
    assert (call.kind, call.family, call.actor) == ("call.inbound", "call", "lead")
    assert call.detail == "length: 4.5 minutes"
    assert appointment.detail == "due 2024-05-04 20:00 UTC"
    assert data.events[0].detail == "by web"
    assert "555" not in repr(data)


def test_dimensions_without_a_score_say_why(store) -> None:
    data = replay_data(store, _Bundle(), TENANT, "lead-1")
    assert data.undefined == {"budget": "nothing to qualify"}
    assert data.dimensions == {"conversion": "won within 90 days"}
    assert data.steps[0].scores["budget"].status == "not_defined_for_source"


def test_simulated_tenants_are_said_to_be(store) -> None:
    assert not replay_data(store, _Bundle(), TENANT, "lead-1").simulated
    assert replay_data(store, _Bundle(), replace(TENANT, simulated=True), "lead-1").simulated


def test_a_live_tenant_ends_now(store) -> None:
    live = replace(TENANT, clock=Clock.LIVE)
    data = replay_data(store, _Bundle(), live, "lead-1", now=START + timedelta(hours=45))
    assert len(data.events) == 3  # the message of hour 40 was not known yet
    assert data.steps[-1].as_of == microseconds(START + timedelta(hours=44))


def test_unknown_lead(store) -> None:
    with pytest.raises(NotFoundError, match="There is no lead 'nobody' in tenant 'acme'"):
        replay_data(store, _Bundle(), TENANT, "nobody")


def test_a_lead_that_was_never_open(store) -> None:
    with pytest.raises(NotFoundError, match="was never open"):
        replay_data(store, _Bundle(closed_from=START), TENANT, "lead-1")


def test_progress_is_told_of_each_moment(store) -> None:
    told: list[int] = []
    data = replay_data(store, _Bundle(), TENANT, "lead-1", advance=told.append)
    assert sum(told) == len(data.steps)
