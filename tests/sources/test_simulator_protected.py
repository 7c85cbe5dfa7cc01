"""The protected group of a simulated world: in no event, and given away by what was planted and nothing else."""

from functools import cache

import numpy as np
import pyarrow as pa
import pytest

from lintel.errors import InputError, NotFoundError
from lintel.sources.simulator import Simulator, preset
from lintel.sources.simulator.protected import PLANTS, members, plant
from lintel.sources.simulator.world import CHANNELS

TENANT, LEADS = "sim-denver", 400
WORLD = preset("demo")


@cache
def simulated() -> tuple[pa.Table, tuple[str, ...], tuple[int, ...], tuple[int, ...]]:
    """Events, lead ids, and the channel (position in CHANNELS) and price band of each lead as they were drawn."""
    source = Simulator(WORLD, TENANT, seed=3, leads=LEADS)
    events = pa.concat_tables([batch.events for batch in source.batches()])
    _, leads = source.happenings(LEADS)
    channels = tuple(CHANNELS.index(lead.channel) for lead in leads)
    return events, tuple(lead.id for lead in leads), channels, tuple(lead.band for lead in leads)


def drawn(name: str, seeds: int = 60) -> np.ndarray:
    """(L,) how often each lead is a member."""
    events, ids, _, _ = simulated()
    return np.mean([members(WORLD, TENANT, events, ids, PLANTS[name], seed=seed) for seed in range(seeds)], axis=0)


@pytest.mark.parametrize("name", PLANTS)
def test_membership_follows_the_plant_and_nothing_else(name: str) -> None:
    _, _, channel, band = simulated()
    planted = PLANTS[name]
    log_odds = planted.log_odds + np.array(planted.channel)[list(channel)] + np.array(planted.band)[list(band)]
    expected, often = 1 / (1 + np.exp(-log_odds)), drawn(name)
    for one in np.unique(np.round(expected, 9)):
        same = np.isclose(expected, one)
        error = np.sqrt(one * (1 - one) / (60 * same.sum()))
        assert abs(often[same].mean() - one) < 4 * error


def test_a_lead_is_a_member_whoever_else_is_asked_about() -> None:
    events, ids, _, _ = simulated()
    whole = members(WORLD, TENANT, events, ids, plant("channel"), seed=1)
    some = members(WORLD, TENANT, events, ids[7:30:2], plant("channel"), seed=1)
    assert np.array_equal(some, whole[7:30:2])
    assert not np.array_equal(whole, members(WORLD, TENANT, events, ids, plant("channel"), seed=2))


def test_unknown_leads_and_plants_are_refused() -> None:
    events, ids, _, _ = simulated()
    with pytest.raises(InputError, match=r"no lead\.created"):
        members(WORLD, TENANT, events, [*ids, "nobody"], plant("none"), seed=1)
    with pytest.raises(NotFoundError, match="channel, price"):
        plant("weather")
