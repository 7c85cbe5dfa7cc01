"""The true probability of every dimension at any as-of time: what a perfect model would answer.

Exact for the lead's open episode given its events with `occurred_at <= as_of`, the world's drift included: the state
that the events spell out is carried forward over the chain (`chain`), nothing is sampled.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lintel.sources.simulator.causes import ACTS, HIGH_INTENT, REPLIES, Cause
from lintel.sources.simulator.chain import Absorbed, Situation, absorbed
from lintel.sources.simulator.history import History, history
from lintel.sources.simulator.states import OPEN, states
from lintel.sources.simulator.world import Brokerage, Stage, World

INTENT_DAYS = 14
TIMING_DAYS = (7, 14, 30)
BUDGET_DAYS = 30
CONVERSION_DAYS = 90
CHURN_DAYS = 30
ENGAGEMENT_DAYS = 2

Array = NDArray[np.float64]


def truth(
    world: World, tenant_id: str, events: pa.Table, lead_ids: Sequence[str], as_of: NDArray[np.int64]
) -> dict[str, Array]:
    """True probabilities for n pairs of lead and as-of time (UTC µs).

    Returns (n,) arrays: `intent`, `timing` (decided within 14 days; also `timing_7`, `timing_14`, `timing_30`),
    `budget`, `conversion`, `churn`, `engagement` (if a touch were made at `as_of`). NaN where the question is not
    asked: no open episode; `budget` of a lead that is pre-approved; `engagement` while an appointment is booked.
    Raises InputError if a column is missing from the events.
    """
    tenant = world.tenant(tenant_id)
    past, lead = _past(world, tenant, events, lead_ids)
    return probabilities(world, tenant, past.at(lead, as_of))


def probabilities(world: World, tenant: Brokerage, situation: Situation) -> dict[str, Array]:
    """`truth` for episodes whose situation is known."""
    asked = np.flatnonzero(situation.state >= 0)
    now = situation.take(asked)
    plain = absorbed(world, tenant, now, frozenset(), (*TIMING_DAYS, CONVERSION_DAYS))
    decided = 1 - plain.still_open
    found = {f"timing_{days}": decided[i] for i, days in enumerate(TIMING_DAYS)}
    found["timing"] = found["timing_14"]
    found["conversion"] = plain.won[-1]
    found["intent"] = absorbed(world, tenant, now, HIGH_INTENT, (INTENT_DAYS,)).hit[0]
    found["churn"] = _churn(world, tenant, now, plain)
    answers = {name: _spread(values, asked, len(situation)) for name, values in found.items()}
    return answers | {
        "budget": _budget(world, tenant, situation),
        "engagement": _engagement(world, tenant, situation),
    }


def decided_within(
    world: World,
    tenant_id: str,
    events: pa.Table,
    lead_ids: Sequence[str],
    as_of: NDArray[np.int64],
    *,
    days: Sequence[int],
) -> Array:
    """(n, len(days), 3) probabilities of won, lost, abandoned within each of `days` (ascending, from 1); NaN rows
    where no episode is open: the cumulative incidence of the three competing risks."""
    tenant = world.tenant(tenant_id)
    past, lead = _past(world, tenant, events, lead_ids)
    situation = past.at(lead, as_of)
    asked = np.flatnonzero(situation.state >= 0)
    found = absorbed(world, tenant, situation.take(asked), frozenset(), days)
    answers = np.full((len(lead), len(days), 3), np.nan)
    answers[asked] = np.stack((found.won, found.lost, found.abandoned), axis=2).swapaxes(0, 1)
    return answers


def budget_amount(world: World, tenant_id: str, events: pa.Table, lead_ids: Sequence[str]) -> tuple[Array, Array]:
    """Mean and deviation of the logarithm of the amount that each lead would be pre-approved for, in currency units;
    NaN for leads without a `lead.created`."""
    past, lead = _past(world, world.tenant(tenant_id), events, lead_ids)
    shift = np.array([*(band.log_shift for band in world.bands), np.nan])  # band −1 is unknown
    deviation = np.array([*(band.log_deviation for band in world.bands), np.nan])
    band = past.band[lead]
    return np.log(past.asked[lead]) + shift[band], deviation[band]


def _past(
    world: World, tenant: Brokerage, events: pa.Table, lead_ids: Sequence[str]
) -> tuple[History, NDArray[np.int64]]:
    leads, lead = np.unique(np.asarray(lead_ids, dtype=np.str_), return_inverse=True)
    return history(world, tenant, events, leads.tolist()), lead


def _churn(world: World, tenant: Brokerage, now: Situation, plain: Absorbed) -> Array:
    """Lost, abandoned or opted out, or still open without one act of the lead."""
    at = TIMING_DAYS.index(CHURN_DAYS)
    silent = absorbed(world, tenant, now, ACTS, (CHURN_DAYS,)).still_open[0]
    return plain.lost[at] + plain.abandoned[at] + silent


def _budget(world: World, tenant: Brokerage, situation: Situation) -> Array:
    table = states()
    unqualified = np.append(table.preapproved == 0, np.zeros(len(table.following) - OPEN, bool))
    asked = np.flatnonzero((situation.state >= 0) & unqualified[situation.state])
    found = absorbed(world, tenant, situation.take(asked), frozenset({Cause.PREAPPROVE}), (BUDGET_DAYS,))
    return _spread(found.hit[0], asked, len(situation))


def _engagement(world: World, tenant: Brokerage, situation: Situation) -> Array:
    """The touch is the happening of the as-of time's tick; asked just before or just after it, the answer is one."""
    touchable = states().stage[np.clip(situation.state, 0, OPEN - 1)] != Stage.BOOKED
    asked = np.flatnonzero((situation.state >= 0) & touchable)
    now = situation.take(asked)
    touched = Situation(
        now.cell, states().following[now.state, Cause.TOUCH], now.tick, now.fraction, np.ones(len(asked), bool)
    )
    return _spread(absorbed(world, tenant, touched, REPLIES, (ENGAGEMENT_DAYS,)).hit[0], asked, len(situation))


def _spread(values: Array, rows: NDArray[np.intp], count: int) -> Array:
    answers = np.full(count, np.nan)
    answers[rows] = values
    return answers
