"""The simulator as a source: the same seed gives the same events, and they are valid ones."""

import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from lintel.errors import InputError, NotFoundError
from lintel.events.kinds import Actor, kinds
from lintel.events.schema import INCOMING_SCHEMA
from lintel.events.validation import check
from lintel.sources.simulator import Simulator, preset
from lintel.sources.simulator.causes import ACTS, BOOKINGS, MARKERS, Cause
from lintel.sources.simulator.clock import TICKS_PER_DAY, season_of
from lintel.sources.simulator.presets import WORLDS
from lintel.sources.simulator.world import Drift
from lintel.store.tenants import Clock

TENANT = "sim-denver"


def simulated(leads: int = 40, *, world=None, tenant: str = TENANT, seed: int = 3, **options) -> pa.Table:
    source = Simulator(world or preset("demo"), tenant, seed=seed, leads=leads, **options)
    return pa.concat_tables([batch.events for batch in source.batches()])


@pytest.fixture(scope="module")
def events() -> pa.Table:
    return simulated(150)


def test_same_seed_gives_the_same_events(events):
    assert simulated(150).equals(events)


def test_another_seed_and_another_tenant_give_others():
    one, other_seed, other_tenant = simulated(5), simulated(5, seed=4), simulated(5, tenant="sim-austin")
    assert not one.equals(other_seed)
    assert one.column("occurred_at").to_pylist() != other_tenant.column("occurred_at").to_pylist()


@pytest.mark.parametrize("batch_leads", [1, 7, 1000])
def test_fewer_leads_are_a_prefix_however_they_are_batched(events, batch_leads):
    fewer = simulated(20, batch_leads=batch_leads)
    assert events.slice(0, len(fewer)).equals(fewer)
    assert len(fewer) < len(events)


def test_a_source_can_be_read_twice():
    source = Simulator(preset("demo"), TENANT, seed=3, leads=10, batch_leads=4)
    first, second = ([batch.events for batch in source.batches()] for _ in range(2))
    assert [len(set(batch.column("lead_id").to_pylist())) for batch in first] == [4, 4, 2]
    assert all(one.equals(two) for one, two in zip(first, second, strict=True))


def test_every_event_passes_the_door(events):
    checked = check(events, tenant=TENANT, now=datetime.now(UTC))
    assert checked.rejected == ()
    assert len(checked.events) == len(events)
    assert events.schema.names == [name for name in INCOMING_SCHEMA.names if name != "actor"]
    assert pc.count_distinct(events.column("event_id")).as_py() == len(events)


def test_events_lie_within_the_days_asked_for():
    start = datetime(2021, 3, 1, 5, 30, tzinfo=UTC)
    events = simulated(30, start=start, days=40)
    assert pc.min(events.column("occurred_at")).as_py() >= start
    assert pc.max(events.column("occurred_at")).as_py() <= datetime(2021, 4, 10, 9, tzinfo=UTC)


def test_everything_that_a_brokerage_sees_happens(events):
    seen = Counter(events.column("kind").to_pylist())
    assert set(MARKERS) <= set(seen)
    assert {"web.listing_view", "web.search", "offer.created", "deal.won", "budget.stated", "stage.changed"} <= set(
        seen
    )
    # a little of everything, but leads do more than they decide
    assert seen["web.listing_view"] > seen["email.sent"] > seen["appointment.booked"] > seen["deal.won"] > 0


def test_a_share_of_the_events_is_recorded_late(events):
    late = pc.mean(pc.greater(events.column("known_at"), events.column("occurred_at")).cast(pa.float64())).as_py()
    assert late == pytest.approx(preset("demo").late_share, abs=0.01)
    prompt = simulated(10, world=replace(preset("demo"), late_share=0.0))
    assert prompt.column("known_at").equals(prompt.column("occurred_at"))


def test_appointments_are_due_later_and_settled_on_that_day(events):
    booked = {}
    for row in events.select(["object_id", "kind", "due_at", "occurred_at"]).to_pylist():
        if row["kind"] == "appointment.booked":
            assert row["due_at"] > row["occurred_at"]
            booked[row["object_id"]] = row["due_at"]
        elif row["kind"] in {"appointment.showed", "appointment.no_show", "appointment.cancelled"}:
            assert 0 <= (row["occurred_at"] - booked[row["object_id"]]).total_seconds() < 3 * 3600
    assert len(booked) > 20


def test_listings_keep_their_price(events):
    views = events.filter(pc.equal(events.column("kind"), "web.listing_view"))
    prices = views.group_by("object_id").aggregate([("attribute_1", "count_distinct"), ("attribute_1", "min")])
    assert pc.max(prices.column("attribute_1_count_distinct")).as_py() == 1
    assert pc.min(prices.column("attribute_1_min")).as_py() > 100_000


def test_each_episode_ends_once_and_leads_come_back(events):
    closing = events.filter(pc.is_in(events.column("kind"), pa.array(["deal.won", "deal.lost", "deal.abandoned"])))
    episodes = closing.column("episode_id").to_pylist()
    assert len(episodes) == len(set(episodes))
    assert any(episode.endswith("-e2") for episode in events.column("episode_id").to_pylist())


def test_nothing_follows_an_opt_out(events):
    rows = events.select(["lead_id", "occurred_at", "kind"]).to_pylist()
    stopped = {row["lead_id"]: row["occurred_at"] for row in rows if row["kind"] == "consent.withdrawn"}
    assert stopped
    assert all(row["occurred_at"] <= stopped.get(row["lead_id"], row["occurred_at"]) for row in rows)


def test_messages_hold_what_redaction_must_find(events):
    texts = " ".join(filter(None, events.column("text").to_pylist()))
    assert re.search(r"\(303\) 555-01\d\d", texts)
    assert "@example.com" in texts
    assert re.search(r"budget is around \$\d{3},000", texts)


def test_agents_differ_in_their_response_times():
    source = Simulator(preset("demo"), TENANT, seed=3, leads=400)
    happenings, leads = source.happenings(400)
    touch, created = happenings.cause == Cause.TOUCH, happenings.cause == Cause.CREATE
    hours: dict[int, list[float]] = {0: [], 1: [], 2: []}
    time = 3 * (happenings.tick + happenings.fraction)
    for number, lead in enumerate(leads):
        mine = happenings.lead == number
        if (mine & touch).any():
            speed = source.tenant.agent_speeds[lead.agent]
            hours[speed].append(time[mine & touch][0] - time[mine & created][0])
    assert np.median(hours[0]) < np.median(hours[1]) < np.median(hours[2])


def test_more_leads_arrive_in_high_season():
    happenings, _ = Simulator(preset("demo"), TENANT, seed=3, leads=1500).happenings(1500)
    day = happenings.tick[happenings.cause == Cause.CREATE] // TICKS_PER_DAY
    season = season_of(preset("demo"), day)
    days_of = np.bincount(season_of(preset("demo"), np.arange(day.min(), day.max() + 1)))
    assert (np.diff(np.bincount(season) / days_of) > 0).all()


def test_drift_changes_what_it_says_and_nothing_before():
    begins = date(2023, 6, 1)
    plain = simulated(60)
    drifted = simulated(60, world=replace(preset("demo"), drift=Drift(begins, 1.0)))
    border = pa.scalar(datetime(2023, 6, 1, 7, tzinfo=UTC), plain.column("occurred_at").type)  # midnight in Denver

    def split(table: pa.Table) -> tuple[pa.Table, pa.Table]:
        before = pc.less(table.column("occurred_at"), border)
        return table.filter(before), table.filter(pc.invert(before))

    (plain_before, plain_after), (drifted_before, drifted_after) = split(plain), split(drifted)
    assert drifted_before.equals(plain_before)
    assert not drifted_after.equals(plain_after)
    booked = [Counter(table.column("kind").to_pylist())["appointment.booked"] for table in (drifted_after, plain_after)]
    assert booked[0] < 0.8 * booked[1]


def test_any_other_tenant_is_one_more_office_of_the_world():
    one, other = (Simulator(preset("demo"), name, seed=1, leads=2) for name in ("branch-1", "branch-2"))
    assert one.tenant.id == "branch-1"
    assert replace(one.tenant, id="", name="") in {replace(known, id="", name="") for known in preset("demo").tenants}
    assert set(next(one.batches()).events.column("tenant").to_pylist()) == {"branch-1"}
    assert not next(one.batches()).events.equals(next(other.batches()).events)


def test_settings_say_that_the_tenant_is_simulated():
    settings = Simulator(preset("demo"), "sim-toronto", seed=1, leads=1).tenant_settings()
    assert settings.simulated
    assert settings.clock is Clock.LOG_END
    assert (settings.labels, settings.time_zone, settings.currency) == ("simulator", "America/Toronto", "CAD")


@pytest.mark.parametrize("wrong", [{"leads": 0}, {"days": 0}, {"start": datetime(2023, 1, 1)}, {"batch_leads": 0}])
def test_parameters_that_make_no_sense_are_refused(wrong):
    with pytest.raises(InputError):
        Simulator(preset("demo"), TENANT, **{"seed": 1, "leads": 1, **wrong})


def test_an_unknown_world_is_refused_with_the_known_ones():
    with pytest.raises(NotFoundError, match="heldout_2"):
        preset("atlantis")


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("demo", "25d03611a7d64cdc"),
        ("heldout_1", "e3fc5b818fd23331"),
        ("heldout_2", "976493addc8c8d54"),
        ("heldout_3", "95cda05c04f9b1e5"),
    ],
)
def test_parameters_are_frozen(name, digest):
    """Fixed before any model was fitted. A change here is a change of what every simulated figure means."""
    assert WORLDS[name].digest == digest


def test_acts_are_the_causes_with_an_inbound_or_web_event():
    found = {
        cause
        for kind, cause in MARKERS.items()
        if kind.startswith("web.") or (kinds()[kind].direction == "inbound" and kinds()[kind].actor is Actor.LEAD)
    }
    assert found | BOOKINGS == ACTS


def test_the_page_states_the_parameters_as_they_are():
    page = (Path(__file__).parents[2] / "docs/simulator.md").read_text(encoding="utf-8")
    for world in WORLDS.values():
        assert f"| `{world.name}` | `{world.digest}` |" in page
    for rate in preset("demo").rates:
        numbers = " | ".join(f"{value:g}" for value in (*rate.per_day, rate.heat, rate.grade))
        assert f"| {rate.cause.name} | {numbers} | " in page
