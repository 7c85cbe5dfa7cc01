"""From parameters to the probabilities of one tick."""

import numpy as np
from numpy.typing import NDArray

from lintel.events.kinds import Actor
from lintel.sources.simulator.causes import Cause, actor
from lintel.sources.simulator.clock import DUE_TICK, TICKS_PER_DAY
from lintel.sources.simulator.states import OPEN, Pending, states
from lintel.sources.simulator.world import SPEEDS, Brokerage, Rate, Stage, World

Array = NDArray[np.float64]


def cell_of(grade: int, speed: int) -> int:
    """Leads of one cell (grade and agent's speed) share all probabilities."""
    return grade * SPEEDS + speed


def tick_probabilities(world: World, tenant: Brokerage, cell: int, regime: int) -> Array:
    """(8 ticks, OPEN states, causes): the probability that the tick's one happening is this cause.

    Hazards λ compete: something happens with 1 − exp(−Σλ), and it is cause j with λ_j / Σλ. When it happens is
    uniform within the tick. On its due day an appointment is settled in tick DUE_TICK with certainty.
    """
    hazard = np.zeros((TICKS_PER_DAY, OPEN, len(Cause)))
    hours = {Actor.LEAD: np.array(world.lead_hours), Actor.AGENT: np.array(world.agent_hours)}
    for rate in world.rates:
        daily = _daily(world, tenant, rate, cell, regime)
        hazard[:, :, rate.cause] += hours[actor(rate.cause)][:, None] * daily / TICKS_PER_DAY
    total = hazard.sum(axis=2, keepdims=True)
    probability = -np.expm1(-total) * hazard / np.where(total > 0, total, 1.0)
    due = states().days_to_due == 0
    probability[DUE_TICK, due] = _settled(world, cell)[due]
    return probability


def _daily(world: World, tenant: Brokerage, rate: Rate, cell: int, regime: int) -> Array:
    """(OPEN,) hazard per day by state."""
    table = states()
    grade, speed = divmod(cell, SPEEDS)
    drifted, season = divmod(regime, 3)
    strength = world.drift.strength if world.drift is not None and drifted else 0.0
    log_factor = rate.heat * (table.heat - 2) + rate.grade * (1 - strength) * (grade - 1.5) + rate.drift * strength
    factor = np.array(rate.per_day)[table.stage] * np.exp(log_factor)
    factor *= np.array((1.0, rate.today, rate.yesterday))[table.pending]
    factor *= np.where(table.preapproved, rate.preapproved, 1.0) * world.season_factors[season] ** rate.season
    factor *= _tenant_factor(world, tenant, rate.cause, speed)
    return np.where(_possible(rate.cause), factor, 0.0)


def _tenant_factor(world: World, tenant: Brokerage, cause: Cause, speed: int) -> float:
    if cause is Cause.TOUCH:
        return world.speed_factors[speed]
    if cause is Cause.WIN:
        return tenant.closing
    return tenant.demand if cause in {Cause.BROWSE, Cause.REPLY, Cause.BOOK_SOON, Cause.BOOK_LATER} else 1.0


def _possible(cause: Cause) -> NDArray[np.bool_]:
    """(OPEN,) states in which a cause can strike at all, whatever its rate."""
    table = states()
    if cause is Cause.PREAPPROVE:
        return table.preapproved == 0
    if cause is Cause.OPEN:
        return table.pending != Pending.NONE
    if cause in {Cause.TOUCH, Cause.BOOK_SOON, Cause.BOOK_LATER}:
        return table.stage != Stage.BOOKED
    return np.ones(OPEN, bool)


def _settled(world: World, cell: int) -> Array:
    """(OPEN, causes): show, no-show or cancellation on the due day; they add up to 1."""
    table = states()
    odds = world.show.intercept + world.show.heat * (table.heat - 2) + world.show.grade * (cell // SPEEDS - 1.5)
    show = 1 / (1 + np.exp(-odds))
    probability = np.zeros((OPEN, len(Cause)))
    probability[:, Cause.SHOW] = show
    probability[:, Cause.NO_SHOW] = (1 - show) * world.show.no_show_share
    probability[:, Cause.CANCEL] = (1 - show) * (1 - world.show.no_show_share)
    return probability
