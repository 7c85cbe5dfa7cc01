"""A protected group in a simulated world: known to the audit alone, in no event, and given away only where planted.

A plant says what members have more often than others: where they come from, the price band they ask in. Membership is
drawn given these, P(member | origin); by Bayes' rule that is the same joint law as a group that is drawn first and then
arrives by other channels or asks in other bands. So the events of a world are the same bytes with any plant and with
none, and a world without a plant is an exact control.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lintel.errors import InputError, NotFoundError
from lintel.events.columns import digest64
from lintel.sources.simulator.history import history
from lintel.sources.simulator.world import CHANNELS, World


@dataclass(frozen=True, slots=True)
class Plant:
    """How membership of the group depends on a lead's origin: log-odds, added up.

    `family` is the theme of the features that give a member away; None where nothing does.
    """

    log_odds: float = 0.0  # of a lead with nothing below
    channel: tuple[float, float, float, float, float, float] = (0.0,) * 6  # in the order of CHANNELS
    band: tuple[float, float, float] = (0.0,) * 3
    family: str | None = None


PLANTS = {
    "none": Plant(),
    # members come by social media and advertisements, which the world's grades think little of
    "channel": Plant(channel=(0.0, -1.5, -2.0, 2.5, 2.5, -1.5), family="profile"),
    # members ask in the upper price bands
    "price": Plant(log_odds=-1.0, band=(-2.0, 1.0, 3.0), family="money"),
}


def plant(name: str) -> Plant:
    """A plant by name. Raises NotFoundError for an unknown one."""
    if name not in PLANTS:
        raise NotFoundError(f"there is no plant {name!r}.", mend=f"There are: {', '.join(PLANTS)}.")
    return PLANTS[name]


def members(
    world: World, tenant_id: str, events: pa.Table, lead_ids: Sequence[str], planted: Plant, *, seed: int
) -> NDArray[np.bool_]:
    """(L,) whether each lead is of the protected group; the same for a lead whoever else is asked about.

    `events` are those of the simulator for this world and tenant, `seed` is the group's own.
    Raises InputError for a lead without a `lead.created`.
    """
    past = history(world, world.tenant(tenant_id), events, lead_ids)
    channel = _channels(events, lead_ids)
    if (past.cell < 0).any() or (channel < 0).any():
        raise InputError("a lead has no lead.created among the events.", mend="Give the simulator's events whole.")
    log_odds = planted.log_odds + np.array(planted.channel)[channel] + np.array(planted.band)[past.band]
    draws = np.array([digest64(f"{seed}:{lead}") % 2**53 / 2**53 for lead in lead_ids])
    return draws < 1.0 / (1.0 + np.exp(-log_odds))


def _channels(events: pa.Table, lead_ids: Sequence[str]) -> NDArray[np.int64]:
    """(L,) position in CHANNELS of where each lead came from, -1 if it is not told."""
    created = events.filter(pc.equal(events.column("kind").cast(pa.string()), "lead.created"))
    position = {channel.value: code for code, channel in enumerate(CHANNELS)}
    names = (created.column(name).cast(pa.string()).to_pylist() for name in ("lead_id", "channel"))
    origin = dict(zip(*names, strict=True))
    return np.array([position.get(origin.get(lead) or "", -1) for lead in lead_ids], np.int64)
