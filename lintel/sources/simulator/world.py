"""The parameters of a simulated world: frozen, hashable, with a digest that a test pins."""

from dataclasses import dataclass, replace
from datetime import date
from enum import IntEnum
from hashlib import blake2b

from lintel.events.columns import digest64
from lintel.events.schema import Channel
from lintel.sources.simulator.causes import Cause

CHANNELS = (Channel.PORTAL, Channel.WEB, Channel.REFERRAL, Channel.SOCIAL, Channel.ADVERTISEMENT, Channel.WALK_IN)
"""Where leads come from; the order of every tuple "by channel"."""
GRADES = 4
SPEEDS = 3


class Stage(IntEnum):
    """Where an open episode stands; the order of every tuple "by stage"."""

    NEW = 0
    CONTACTED = 1
    ENGAGED = 2
    BOOKED = 3
    VIEWED = 4
    OFFER = 5
    NEGOTIATION = 6


@dataclass(frozen=True, slots=True)
class Rate:
    """How often a cause strikes an open episode.

    The hazard per day is `per_day[stage] · exp(heat · (level − 2) + grade · (g − 1.5))`, times `today` or `yesterday`
    while a touch of that day is unanswered, times `preapproved` for a lead with a pre-approval, times the season's
    factor to the power `season`, times exp(`drift` · strength) once a drift has set in.
    """

    cause: Cause
    per_day: tuple[float, ...]  # by stage
    heat: float = 0.0
    grade: float = 0.0
    today: float = 1.0
    yesterday: float = 1.0
    preapproved: float = 1.0
    season: float = 0.0
    drift: float = 0.0


@dataclass(frozen=True, slots=True)
class Drift:
    """From local midnight of `begins` on, base rates move and the effect of the grade shrinks by `strength`.

    At strength 1 the grade says nothing any more, at 2 its effect is reversed.
    """

    begins: date
    strength: float


@dataclass(frozen=True, slots=True)
class Show:
    """What becomes of an appointment on its due day: log-odds of showing up, and the no-shows' share of the rest."""

    intercept: float
    heat: float
    grade: float
    no_show_share: float


@dataclass(frozen=True, slots=True)
class Band:
    """Prices of one price band, in the tenant's currency before its scale, and of the pre-approvals within it.

    The amount asked for is log-normal about the band's middle, cut to the band. The amount pre-approved is
    log-normal: mean ln(asked) + `log_shift`, deviation `log_deviation`.
    """

    low: float
    high: float
    log_shift: float
    log_deviation: float


@dataclass(frozen=True, slots=True)
class Brokerage:
    """One tenant of a world: who it is, whom it attracts, and how it works."""

    id: str
    name: str
    time_zone: str
    currency: str
    channel_mix: tuple[float, float, float, float, float, float]
    band_mix: tuple[float, float, float]
    agent_speeds: tuple[int, ...]  # one an agent: 0 prompt, 1 usual, 2 slow
    demand: float = 1.0  # factor on what leads do
    closing: float = 1.0  # factor on deals won
    price_scale: float = 1.0


@dataclass(frozen=True, slots=True)
class World:
    """Everything that the simulator's probabilities depend on. Times of day are by eighths of the local day."""

    name: str
    rates: tuple[Rate, ...]
    show: Show
    tenants: tuple[Brokerage, ...]
    channel_points: tuple[float, float, float, float, float, float]
    bands: tuple[Band, Band, Band]
    band_points: tuple[float, float, float]
    grade_cuts: tuple[float, float, float]  # points below the first cut: grade 0 ... from the last on: grade 3
    speed_factors: tuple[float, float, float]  # on touches, by the agent's speed
    seasons: tuple[int, int, int, int, int, int, int, int, int, int, int, int]  # season of each month
    season_factors: tuple[float, float, float]  # low, middle, high
    lead_hours: tuple[float, float, float, float, float, float, float, float]  # mean 1
    agent_hours: tuple[float, float, float, float, float, float, float, float]  # mean 1
    return_per_day: float  # of a lead whose episode was lost or abandoned
    late_share: float  # share of events recorded late
    late_mean_hours: float
    drift: Drift | None = None

    def tenant(self, tenant_id: str) -> Brokerage:
        """The brokerage of this id; for any other id one more office like one of those, chosen by the id."""
        for tenant in self.tenants:
            if tenant.id == tenant_id:
                return tenant
        model = self.tenants[digest64(tenant_id) % len(self.tenants)]
        return replace(model, id=tenant_id, name=f"{tenant_id} (simulated)")

    def grade(self, channel: Channel, band: int) -> int:
        """The grade of a lead, 0 (poor) to 3 (good): all that its origin says about its future."""
        points = self.channel_points[CHANNELS.index(channel)] + self.band_points[band]
        return sum(points >= cut for cut in self.grade_cuts)

    def band_of(self, amount: float, price_scale: float) -> int:
        """The price band that an amount asked for lies in."""
        return sum(amount >= band.low * price_scale for band in self.bands[1:])

    @property
    def digest(self) -> str:
        return blake2b(repr(self).encode(), digest_size=8).hexdigest()
