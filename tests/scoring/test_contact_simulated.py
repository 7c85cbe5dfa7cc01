"""Best hour and channel on a simulated brokerage, whose true chances of an answer are known for every hour."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from lintel.events.columns import EventColumns, Queries, columns_from_table
from lintel.events.timezones import MICROSECONDS_PER_DAY, UtcOffsets, utc_offsets
from lintel.events.validation import check
from lintel.labels.definition import Question, load_label_set
from lintel.scoring.contact import BestContact, ContactProfile, QuietHours, best_contact
from lintel.scoring.contact_fit import fit_contact
from lintel.scoring.contact_history import CHANNELS, HOURS, find_touches, own_history
from lintel.sources.simulator import Simulator, preset, truth

WORLD = preset("heldout_1")
BROKERAGE = WORLD.tenants[0]
QUIET = QuietHours(21, 8)
HOUR = MICROSECONDS_PER_DAY // HOURS


@dataclass(frozen=True)
class Case:
    events: pa.Table
    leads: tuple[str, ...]
    columns: EventColumns
    zone: UtcOffsets
    midnight: int  # local, UTC µs: what is known then is learnt from
    profile: ContactProfile


@pytest.fixture(scope="module")
def case() -> Case:
    source = Simulator(WORLD, BROKERAGE.id, seed=3, leads=700, days=400)
    now = datetime(2030, 1, 1, tzinfo=UTC)
    events = pa.concat_tables([check(batch.events, tenant=BROKERAGE.id, now=now).events for batch in source.batches()])
    leads = tuple(sorted(events.column("lead_id").unique().to_pylist()))
    columns, zone = columns_from_table(events, pa.array(leads)), utc_offsets(BROKERAGE.time_zone)
    local = zone.local(np.array([columns.occurred_at.max() - 90 * MICROSECONDS_PER_DAY]))
    midnight = int(local[0] // MICROSECONDS_PER_DAY * MICROSECONDS_PER_DAY + 7 * HOUR)  # Phoenix: seven behind UTC
    question = load_label_set("simulator").dimensions["engagement"]
    assert isinstance(question, Question)
    profile = fit_contact(columns, question, log_end=midnight, zone=zone)
    assert profile is not None
    return Case(events, leads, columns, zone, midnight, profile)


def best(case: Case) -> BestContact:
    every = Queries(np.arange(len(case.leads), dtype=np.int32), np.full(len(case.leads), case.midnight))
    return best_contact(case.profile, case.columns, every, case.zone, QUIET)


def test_the_best_hour_is_among_the_true_best(case: Case) -> None:
    """The chance falls over the day: a touch late in it leaves less of it for an answer."""
    past = case.events.filter(pc.less_equal(case.events["occurred_at"].cast(pa.int64()), case.midnight))
    asked = sorted(past.column("lead_id").unique().to_pylist())[-250:]
    past = past.filter(pc.is_in(past["lead_id"], pa.array(asked)))
    there = np.searchsorted(np.array(case.leads), asked)
    ticks = (8, 10, 13, 16, 19)  # the simulator's chances hold for three hours
    moments = [np.full(len(asked), case.midnight + hour * HOUR) for hour in ticks]
    true = np.array([truth(WORLD, BROKERAGE.id, past, asked, at)["engagement"] for at in moments])
    touchable = ~np.isnan(true).any(axis=0)
    chosen = np.searchsorted((9, 12, 15, 18), best(case).hour[there[touchable]], side="right")
    rank = (true[:, touchable] > true[:, touchable][chosen, np.arange(len(chosen))]).sum(axis=0)
    assert len(rank) > 30
    assert np.mean(rank <= 1) > 0.9


def test_only_channels_in_use_are_suggested(case: Case) -> None:
    found = {CHANNELS[channel] for channel in best(case).channel.tolist()}
    assert found <= {"call", "email", "sms"}


def test_chances_are_calibrated_on_later_touches(case: Case) -> None:
    profile = case.profile
    touches = find_touches(case.columns, profile.replies, profile.horizon, case.zone)
    end = int(case.columns.occurred_at.max())
    later = touches.take(np.flatnonzero((touches.at > case.midnight) & (touches.settled_at <= end)))
    own = own_history(case.columns, touches, later.queries, case.zone)
    log_odds = profile.log_odds(own)[np.arange(len(later)), later.channel, later.hour]
    chance, answered = 1 / (1 + np.exp(-log_odds)), later.answer_known_at <= end
    assert chance.mean() == pytest.approx(answered.mean(), abs=0.03)
    upper = chance > np.median(chance)
    for half in (upper, ~upper):
        assert chance[half].mean() == pytest.approx(answered[half].mean(), abs=0.04)
    assert answered[upper].mean() > answered[~upper].mean() + 0.05
