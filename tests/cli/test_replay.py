from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest

from cli import replay as command
from cli.replay import QUIET_DAYS, replay_data
from lintel.errors import InputError, NotFoundError
from lintel.events.moments import to_microseconds
from lintel.events.timezones import utc_offsets
from lintel.events.validation import table_from_rows
from lintel.scoring.dimension import DimensionScores, Gap, MissingDimension
from lintel.scoring.explanation import Reason
from lintel.scoring.priority import Priority
from lintel.scoring.scorecard import Asked
from lintel.scoring.scorer import Scores
from lintel.scoring.standing import OutcomeKinds
from lintel.store.events import EventStore
from lintel.store.tenants import Clock, Tenant

TENANT = Tenant("acme", labels="crm", time_zone="America/Denver", clock=Clock.LOG_END)
START = datetime(2024, 5, 1, 12, tzinfo=UTC)


class _Scorer:
    """Scores as if a model had: the probability is the number of events known, in hundredths."""

    ready: ClassVar = {"conversion": SimpleNamespace(definition="won within 90 days", base_rate=0.3)}
    dimensions: ClassVar = {"budget": MissingDimension("budget", Gap.NOT_DEFINED, "nothing to qualify")}

    def score(self, columns, queries, zone, context) -> Scores:
        assert zone is utc_offsets("America/Denver")
        known = np.array([(columns.known_at <= as_of).sum() for as_of in queries.as_of.tolist()]) / 100
        scores = DimensionScores(known, known - 0.01, known + 0.01, known, known)
        nothing = Priority(np.full(len(known), np.nan), (None,) * len(known))
        dimensions = {"conversion": scores, "intent": scores}
        return Scores(known[:, None].astype(np.float32), dimensions, nothing)

    def explain(self, features) -> list[list[Reason]]:
        return [[Reason("conversion", f"{row:.2f}", ("f",), 0.5)] for row in features[:, 0]]


class _Bundle:
    name, digest, scorer = "lead-scoring.acme", "sha256:abc", _Scorer()

    def __init__(self, ends: tuple[str, ...] = ("deal.won",)) -> None:
        asked = Asked(OutcomeKinds({**dict.fromkeys(ends, "won"), "deal.activated": "deal.activated"}), (), _SETTLED)
        self.manifest = SimpleNamespace(
            simulated=False, label_version="crm/1", feature_digest="sha256:def", asked=asked
        )


_SETTLED = {"intent": ("appointment.booked",)}
_OPEN = _Bundle(ends=("deal.lost",))


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
    data = replay_data(store, _OPEN, TENANT, "lead-1", version=3)
    hours = [(step.as_of - to_microseconds(START)) / 3_600_000_000 for step in data.steps]
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


def test_the_nights_of_a_lead_that_went_silent_end(store) -> None:
    live = replace(TENANT, clock=Clock.LIVE)
    data = replay_data(store, _OPEN, live, "lead-1", now=START + timedelta(days=5_000))
    nights = [step.as_of for step in data.steps if step.trigger == "nightly"]
    newest = to_microseconds(START + timedelta(hours=60))
    assert nights[-1] <= newest + QUIET_DAYS * 86_400_000_000 < nights[-1] + 86_400_000_000
    assert len(nights) == QUIET_DAYS + 2


@pytest.mark.parametrize("lead", ["é" * 200, "x" * 200, "a/b 🏡 ../x", ""])
def test_a_page_has_a_name_that_every_file_system_takes(lead, tmp_path) -> None:
    name = command._file_name(lead)
    (tmp_path / name).write_text("")
    assert name.isascii()
    assert name != command._file_name(lead + "!")


def test_a_plain_id_is_the_name() -> None:
    assert command._file_name("lead_4711-a") == "replay-lead_4711-a.html"


def test_where_nothing_can_be_written_is_told_before_the_work(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a folder"):
        command._output(tmp_path)
    with pytest.raises(InputError, match="cannot be made"):
        command._output(tmp_path / "file" / "lead.html")


def test_it_ends_with_the_outcome(store) -> None:
    data = replay_data(store, _Bundle(), TENANT, "lead-1")
    assert (data.outcome, data.outcome_at) == ("The deal was won", to_microseconds(START + timedelta(hours=60)))
    assert all(step.as_of < data.outcome_at for step in data.steps)
    assert data.model["version"] == "not registered"


def test_events_are_told_without_what_people_wrote(store) -> None:
    data = replay_data(store, _OPEN, TENANT, "lead-1")
    call, appointment = data.events[1], data.events[2]
    assert (call.kind, call.family, call.actor) == ("call.inbound", "call", "lead")
    assert call.detail == "length: 4.5 minutes"
    assert appointment.detail == "due 2024-05-04 20:00 UTC"
    assert data.events[0].detail == "by web"
    assert "555" not in repr(data)


def test_dimensions_without_a_score_say_why(store) -> None:
    data = replay_data(store, _OPEN, TENANT, "lead-1")
    assert data.undefined == {"budget": "nothing to qualify"}
    assert data.dimensions == {"conversion": "won within 90 days"}


def test_simulated_tenants_are_said_to_be(store) -> None:
    assert not replay_data(store, _OPEN, TENANT, "lead-1").simulated
    assert replay_data(store, _OPEN, replace(TENANT, simulated=True), "lead-1").simulated


def test_a_live_tenant_ends_now(store) -> None:
    live = replace(TENANT, clock=Clock.LIVE)
    data = replay_data(store, _OPEN, live, "lead-1", now=START + timedelta(hours=45))
    assert len(data.events) == 3  # the message of hour 40 was not known yet
    assert data.steps[-1].as_of == to_microseconds(START + timedelta(hours=44))


def test_unknown_lead(store) -> None:
    with pytest.raises(NotFoundError, match="There is no lead 'nobody' in tenant 'acme'"):
        replay_data(store, _OPEN, TENANT, "nobody")


def test_a_lead_that_was_never_open(store) -> None:
    with pytest.raises(NotFoundError, match="was never open"):
        replay_data(store, _Bundle(ends=("lead.created",)), TENANT, "lead-1")


def test_a_question_that_is_answered_is_not_asked_again(store) -> None:
    data = replay_data(store, _OPEN, TENANT, "lead-1")
    statuses = [step.scores["intent"].status for step in data.steps]
    assert statuses == [None] * 3 + ["already_answered"] * 5
    assert [step.scores["intent"].probability is None for step in data.steps] == [False] * 3 + [True] * 5


def test_reasons_belong_to_their_moment(store) -> None:
    data = replay_data(store, _OPEN, TENANT, "lead-1")
    assert [step.reasons[0].text for step in data.steps[:3]] == ["0.01", "0.02", "0.02"]


def test_an_outcome_that_stands_for_no_cause_is_told_by_its_meaning(store) -> None:
    rows = [_row("x1", 0, "lead.created", lead_id="lead-3"), _row("x2", 9, "deal.activated", lead_id="lead-3")]
    store.append("acme", table_from_rows(rows).events, now=START + timedelta(days=10))
    assert replay_data(store, _OPEN, TENANT, "lead-3").outcome == "Closed: a won deal took effect"
