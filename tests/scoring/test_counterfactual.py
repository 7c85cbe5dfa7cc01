"""Counterfactuals: what the same model says of the same lead with one event more, and never of what is no act."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from lintel.events.columns import Queries, columns_from_table
from lintel.events.kinds import Actor, kinds
from lintel.events.moments import to_microseconds
from lintel.events.timezones import utc_offsets
from lintel.events.validation import check, table_from_rows
from lintel.features.catalogue import Catalogue, catalogue
from lintel.features.selectors import OUTCOMES
from lintel.scoring.counterfactual import ACTIONS, DIMENSION, Counterfactual, Present, counterfactuals
from lintel.scoring.dimension import DimensionScores

ZONE = "Europe/Amsterdam"
DAY = timedelta(days=1)


@dataclass(frozen=True)
class LastKind:
    """A scorer that gives each kind of last event its own chance, with an interval .2 wide."""

    chances: dict[str, float]
    profile: Any
    dimensions: Any = field(default_factory=lambda: {DIMENSION: None})
    catalogue: Catalogue = field(default_factory=catalogue)

    def score(self, columns: Any, queries: Queries, zone: Any, context: Any) -> Any:
        last = np.searchsorted(columns.lead, queries.lead, "right") - 1
        names = list(kinds())
        return SimpleNamespace(
            dimensions={DIMENSION: doubtful([self.chances.get(names[columns.kind[row]], 0.0) for row in last])}
        )


def doubtful(chances: list[float]) -> DimensionScores:
    probability = np.array(chances)
    return DimensionScores(probability, probability - 0.1, probability + 0.1, probability, probability)


def profile(seen: dict[str, float]) -> Any:
    """Of training rows whose features are 0 but for these largest values."""
    quantiles = np.full((5, len(catalogue())), np.nan)
    quantiles[-1] = [seen.get(name, 0.0) for name in catalogue().names]
    return SimpleNamespace(quantiles=quantiles, median=quantiles[-1], present=np.ones(len(catalogue())))


ALL = {one.known_by: 1.0 for one in ACTIONS}
START = datetime.fromisoformat("2026-03-01T09:00:00+00:00")


def features(**values: float) -> NDArray[np.float32]:
    found = np.zeros((1, len(catalogue())), np.float32)
    for name, value in values.items():
        found[0, catalogue().position[name]] = value
    return found


def best(
    chances: dict[str, float],
    seen: dict[str, float] | None = None,
    *,
    own: tuple[str, ...] = ("lead.created", "sms.inbound", "email.sent"),
    closing: tuple[str, ...] = (),
    **values: float,
) -> Counterfactual | None:
    """The best action for a lead with these events and features whose chance is 0.4 now."""
    rows = [
        {"event_id": f"e{i}", "lead_id": "a", "kind": kind, "occurred_at": START + i * DAY}
        for i, kind in enumerate(own)
    ]
    columns = columns_from_table(
        check(table_from_rows(rows).events, tenant="t", now=START + 9 * DAY).events, pa.array(["a"])
    )
    queries = Queries(np.zeros(1, np.int32), np.array([to_microseconds(START + 5 * DAY)]))
    scorer: Any = LastKind(chances, profile(ALL if seen is None else seen))
    now = Present(features(**values), doubtful([0.4]))
    (found,) = counterfactuals(scorer, columns, queries, now, closing=closing, zone=utc_offsets(ZONE))
    return found


def test_the_action_with_the_largest_gain_is_told() -> None:
    found = best({"appointment.booked": 0.71, "offer.sent": 0.6, "sms.sent": 0.9})
    assert found is not None
    assert found.to_json() == {
        "text": "a text message would move 0.40 to 0.90",
        "dimension": "conversion",
        "action": "sms.sent",
        "probability": 0.9,
        "interval": [0.8, 1.0],
        "causal": False,
        "note": found.to_json()["note"],
    }
    assert "no promise" in found.to_json()["note"]


def test_a_gain_within_the_doubt_is_none() -> None:
    assert best({"appointment.booked": 0.4 + 0.099}) is None
    found = best({"appointment.booked": 0.4 + 0.101})
    assert found is not None
    assert found.action.text == "a booked viewing"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"closing": ("appointment.booked",)}, "it would end the episode or answer the question"),
        ({"seen": {}}, "the source has no such events"),
        ({"appointment_due": 2.0}, "there is one already"),
        ({"consent_withdrawn": 1.0}, "the lead wants to hear no more"),
    ],
)
def test_what_makes_no_sense_is_not_offered(change: dict[str, Any], why: str) -> None:
    chances = {"appointment.booked": 0.9}
    assert best(chances) is not None
    assert best(chances, **change) is None, why


def test_a_past_appointment_does_not_stand_in_the_way() -> None:
    assert best({"appointment.booked": 0.9}, appointment_due=-2.0) is not None


def test_no_new_channel_is_opened() -> None:
    assert best({"sms.sent": 0.9}) is not None
    assert best({"sms.sent": 0.9}, own=("lead.created", "email.sent")) is None


def test_actions_are_the_agents_and_no_outcomes() -> None:
    assert len(ACTIONS) <= 8
    for action in ACTIONS:
        assert not OUTCOMES & set(action.kinds)
        assert {action.known_by, action.unless or action.known_by} <= set(catalogue().names)
        if action.kinds != ("appointment.booked",):  # agreed with the lead, on the agent's initiative
            assert {kinds()[kind].actor for kind in action.kinds} == {Actor.AGENT}


def real(trained, as_of: int, leads: NDArray[np.int32]) -> list[Counterfactual | None]:
    """With the trained bundle, but no doubt: every gain counts."""
    scorer, zone = trained.bundle.scorer, utc_offsets(ZONE)
    queries = Queries(leads, np.full(len(leads), as_of))
    scores = scorer.score(trained.log.columns, queries, zone)
    sure = scores.dimensions[DIMENSION]
    now = Present(scores.inputs.features, DimensionScores(*(sure.probability,) * 5))
    return counterfactuals(scorer, trained.log.columns, queries, now, closing=(), zone=zone)


def test_is_the_score_of_the_lead_with_that_event_and_the_same_alone_as_in_a_batch(trained) -> None:
    """The oracle appends the event to the log itself; later events of the log do not matter."""
    moment = trained.log.as_of - 40 * DAY
    as_of = to_microseconds(moment)
    cards = trained.bundle.score_columns(trained.log.columns, trained.log.lead_ids, as_of, time_zone=ZONE)
    leads = np.flatnonzero([card.get("status") == "open" for card in cards]).astype(np.int32)
    found = real(trained, as_of, leads)
    told = [(int(lead), one) for lead, one in zip(leads, found, strict=True) if one is not None]
    assert told
    past = trained.events.filter([time <= moment for time in trained.events.column("known_at").to_pylist()])
    for lead, one in told[:12]:
        assert real(trained, as_of, np.array([lead], np.int32)) == [one]
        probability = scored_with(trained, past, lead, moment, one)
        assert one.probability == pytest.approx(probability, abs=1e-6)


def scored_with(trained, past: pa.Table, lead: int, moment: datetime, told: Counterfactual) -> float:
    """The bundle's answer from a log in which the events of the action have really happened."""
    lead_id = trained.log.lead_ids[lead]
    step = timedelta(microseconds=1)
    worth = float(trained.bundle.scorer.profile.median[catalogue().position["work_minutes_last"]])
    amounts = [
        one["value"]
        for one in past.to_pylist()
        if one["lead_id"] == lead_id and one["kind"] in {"form.submitted", "offer.sent"}
    ]
    value = {"amount": amounts[-1] if amounts else None, None: None}.get(told.action.worth, worth)
    rows = [
        {
            "event_id": f"imagined-{i}",
            "lead_id": lead_id,
            "episode_id": lead_id,
            "object_id": "imagined",
            "kind": kind,
            "value": value if kind == told.action.kinds[-1] else None,
            "occurred_at": moment + (i + 1) * step,
        }
        for i, kind in enumerate(told.action.kinds)
    ]
    end = moment + len(rows) * step
    events = check(table_from_rows(rows).events, tenant=trained.log.tenant.id, now=end + DAY).events
    log = pa.concat_tables([past, events.select(past.column_names).cast(past.schema)])
    (card,) = trained.bundle.score(log, end, lead_ids=[lead_id], time_zone=ZONE)
    return float(card["dimensions"][DIMENSION]["probability"])


def test_is_told_only_when_asked_for_and_of_open_questions(trained) -> None:
    as_of = trained.log.as_of - 40 * DAY
    plain = trained.bundle.score(trained.events, as_of)
    assert all("counterfactual" not in card and "reasons" not in card for card in plain)
    cards = [card for card in trained.bundle.score(trained.events, as_of, explain=True) if card.get("status") == "open"]
    assert cards
    for card in cards:
        told = card["counterfactual"]
        scored = {name for name, one in card["dimensions"].items() if "probability" in one}
        assert {one["dimension"] for one in card["reasons"]} <= scored
        if told:
            conversion = card["dimensions"]["conversion"]
            low, high = conversion["interval"]
            assert told["probability"] - conversion["probability"] > (high - low) / 2
