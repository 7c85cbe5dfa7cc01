"""The worlds: `demo`, and three that are kept for testing. Frozen before any model was fitted to them."""

from collections.abc import Mapping
from dataclasses import replace

from lintel.errors import NotFoundError
from lintel.sources.simulator.causes import Cause
from lintel.sources.simulator.world import Band, Brokerage, Rate, Show, World

_DEMO = World(
    name="demo",
    #                          new  contacted engaged booked viewed offer negotiation
    rates=(
        Rate(Cause.BROWSE, (0.20, 0.15, 0.20, 0.25, 0.20, 0.15, 0.15), heat=0.25, grade=0.38, today=1.3, season=1.0),
        Rate(Cause.OPEN, (0.0, 0.35, 0.45, 0.0, 0.45, 0.5, 0.5), heat=0.10, yesterday=0.6),
        Rate(
            Cause.REPLY, (0.02, 0.015, 0.03, 0.05, 0.04, 0.05, 0.06),
            heat=0.35, grade=0.45, today=7.0, yesterday=3.5, drift=-0.4,
        ),
        Rate(Cause.TOUCH, (0.9, 0.22, 0.20, 0.0, 0.22, 0.15, 0.15), heat=0.12, today=0.15, yesterday=0.5),
        Rate(Cause.PAPERS_ASKED, (0.0, 0.0, 0.01, 0.0, 0.02, 0.10, 0.10)),
        Rate(Cause.PAPERS, (0.0, 0.0, 0.01, 0.0, 0.02, 0.10, 0.10), heat=0.1, preapproved=1.5),
        Rate(Cause.PREAPPROVE, (0.0, 0.002, 0.006, 0.02, 0.010, 0.02, 0.02), heat=0.20, grade=0.42, drift=-0.3),
        Rate(
            Cause.BOOK_SOON, (0.0, 0.002, 0.009, 0.0, 0.008, 0.0, 0.0),
            heat=0.30, grade=0.32, season=1.0, drift=-0.5,
        ),
        Rate(
            Cause.BOOK_LATER, (0.0, 0.003, 0.010, 0.0, 0.009, 0.0, 0.0),
            heat=0.25, grade=0.32, season=1.0, drift=-0.5,
        ),
        Rate(Cause.OFFER_REQUEST, (0.0, 0.0, 0.003, 0.0, 0.012, 0.0, 0.0), heat=0.25, grade=0.05, preapproved=1.6),
        Rate(Cause.OFFER_SENT, (0.0, 0.0, 0.0, 0.0, 0.0, 0.40, 0.0)),
        Rate(Cause.OFFER_RETURN, (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.12), heat=0.1),
        Rate(Cause.DECLINE, (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.045)),
        Rate(Cause.LOSE, (0.0005, 0.0006, 0.0010, 0.001, 0.003, 0.015, 0.032), grade=-0.10, drift=0.3),
        Rate(Cause.OPT_OUT, (0.0006, 0.0010, 0.0006, 0.0004, 0.0005, 0.0002, 0.0002), grade=-0.4, today=1.5),
        Rate(Cause.ABANDON, (0.002, 0.0058, 0.0014, 0.0005, 0.0020, 0.002, 0.002), heat=-0.50, grade=-0.60, drift=0.3),
        Rate(Cause.WIN, (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.045), heat=0.10, grade=0.05, preapproved=1.3),
    ),
    show=Show(intercept=1.0, heat=0.2, grade=0.2, no_show_share=0.5),
    tenants=(
        Brokerage(
            "sim-denver", "Front Range Homes (simulated)", "America/Denver", "USD",
            (0.34, 0.22, 0.12, 0.14, 0.13, 0.05), (0.35, 0.45, 0.20), (0, 0, 1, 1, 1, 2),
        ),
        Brokerage(
            "sim-austin", "Barton Creek Realty (simulated)", "America/Chicago", "USD",
            (0.42, 0.22, 0.08, 0.14, 0.10, 0.04), (0.50, 0.38, 0.12), (0, 1, 1, 2),
            closing=0.9, price_scale=0.85,
        ),
        Brokerage(
            "sim-toronto", "Harbour Lane (simulated)", "America/Toronto", "CAD",
            (0.25, 0.25, 0.22, 0.10, 0.08, 0.10), (0.25, 0.45, 0.30), (0, 1, 1), demand=1.1, price_scale=1.4,
        ),
    ),
    channel_points=(0.0, 1.0, 3.0, -1.0, -1.0, 2.0),
    bands=(
        Band(180_000, 350_000, log_shift=0.02, log_deviation=0.10),
        Band(350_000, 650_000, log_shift=-0.03, log_deviation=0.14),
        Band(650_000, 1_600_000, log_shift=-0.08, log_deviation=0.22),
    ),
    band_points=(0.0, 0.5, -0.5),
    grade_cuts=(-0.4, 0.6, 1.6),
    speed_factors=(1.5, 1.0, 0.6),
    seasons=(0, 0, 1, 2, 2, 2, 1, 1, 1, 1, 0, 0),
    season_factors=(0.85, 1.0, 1.15),
    lead_hours=(0.25, 0.15, 0.5, 1.2, 1.2, 1.2, 1.8, 1.7),
    agent_hours=(0.0, 0.0, 0.5, 2.6, 2.3, 2.0, 0.6, 0.0),
    return_per_day=0.0012,
    late_share=0.03,
    late_mean_hours=20.0,
)  # fmt: skip


def _rates(factors: Mapping[Cause, float], *, heat: float, grade: float) -> tuple[Rate, ...]:
    """The demo's rates times `factors`, with all effects of heat and grade scaled."""
    return tuple(
        replace(
            rate,
            per_day=tuple(value * factors.get(rate.cause, 1.0) for value in rate.per_day),
            heat=rate.heat * heat,
            grade=rate.grade * grade,
        )
        for rate in _DEMO.rates
    )


# a hot market: leads decide sooner, the portal brings good ones, summer counts for more
_HELDOUT_1 = replace(
    _DEMO,
    name="heldout_1",
    rates=_rates(
        {Cause.BOOK_SOON: 1.3, Cause.BOOK_LATER: 0.8, Cause.WIN: 1.3, Cause.LOSE: 1.4, Cause.REPLY: 0.85},
        heat=0.95,
        grade=1.25,
    ),
    show=Show(intercept=1.4, heat=0.1, grade=0.1, no_show_share=0.35),
    tenants=(
        Brokerage(
            "sim-phoenix", "Saguaro Estates (simulated)", "America/Phoenix", "USD",
            (0.40, 0.20, 0.08, 0.16, 0.12, 0.04), (0.45, 0.40, 0.15), (0, 0, 1, 2), price_scale=0.95,
        ),
        Brokerage(
            "sim-tampa", "Gulf Key Realty (simulated)", "America/New_York", "USD",
            (0.30, 0.26, 0.14, 0.12, 0.10, 0.08), (0.40, 0.40, 0.20), (1, 1, 2), demand=1.1, price_scale=0.9,
        ),
    ),
    channel_points=(1.5, 0.5, 2.5, -0.5, -1.0, 1.0),
    band_points=(0.5, 0.0, -0.5),
    grade_cuts=(-0.2, 0.8, 1.8),
    season_factors=(0.75, 1.0, 1.25),
)  # fmt: skip

# a slow market of patient buyers: fewer visits, offices that call less, later pre-approvals
_HELDOUT_2 = replace(
    _DEMO,
    name="heldout_2",
    rates=_rates(
        {
            Cause.BROWSE: 0.9, Cause.TOUCH: 0.75, Cause.REPLY: 1.2, Cause.PREAPPROVE: 0.8, Cause.ABANDON: 0.85,
            Cause.OFFER_REQUEST: 1.2,
        },
        heat=1.1,
        grade=1.1,
    ),
    tenants=(
        Brokerage(
            "sim-boise", "Sawtooth Homes (simulated)", "America/Boise", "USD",
            (0.28, 0.24, 0.20, 0.10, 0.08, 0.10), (0.50, 0.38, 0.12), (0, 1, 2, 2), price_scale=0.8,
        ),
        Brokerage(
            "sim-halifax", "Citadel Hill (simulated)", "America/Halifax", "CAD",
            (0.30, 0.20, 0.22, 0.12, 0.06, 0.10), (0.45, 0.40, 0.15), (1, 1, 1, 2), closing=1.15,
        ),
    ),
    channel_points=(-0.5, 1.0, 2.5, 0.0, -1.5, 2.0),
    band_points=(0.0, 0.0, 0.5),
    seasons=(0, 0, 0, 1, 2, 2, 2, 2, 1, 1, 0, 0),
    lead_hours=(0.3, 0.1, 0.4, 1.0, 1.1, 1.1, 2.1, 1.9),
    late_share=0.08,
    late_mean_hours=36.0,
)  # fmt: skip

# a busy city: much traffic from advertisements, quick offices, many who leave
_HELDOUT_3 = replace(
    _DEMO,
    name="heldout_3",
    rates=_rates(
        {
            Cause.BROWSE: 1.25, Cause.OPEN: 1.4, Cause.TOUCH: 1.3, Cause.REPLY: 0.8, Cause.ABANDON: 1.1,
            Cause.BOOK_LATER: 1.3, Cause.PREAPPROVE: 1.2,
        },
        heat=0.95,
        grade=1.25,
    ),
    show=Show(intercept=0.6, heat=0.3, grade=0.2, no_show_share=0.7),
    tenants=(
        Brokerage(
            "sim-seattle", "Sound View (simulated)", "America/Los_Angeles", "USD",
            (0.26, 0.26, 0.14, 0.10, 0.20, 0.04), (0.20, 0.45, 0.35), (0, 0, 0, 1, 1), price_scale=1.5,
        ),
        Brokerage(
            "sim-chicago", "Lakeside Brokers (simulated)", "America/Chicago", "USD",
            (0.30, 0.22, 0.14, 0.14, 0.14, 0.06), (0.35, 0.45, 0.20), (0, 1, 1, 2), demand=0.95,
        ),
    ),
    channel_points=(0.5, 1.5, 2.0, -1.0, -0.5, 1.5),
    band_points=(-0.5, 0.5, 0.5),
    season_factors=(0.9, 1.0, 1.1),
    agent_hours=(0.0, 0.0, 0.8, 2.2, 2.2, 2.0, 0.8, 0.0),
    late_share=0.01,
)  # fmt: skip

WORLDS = {world.name: world for world in (_DEMO, _HELDOUT_1, _HELDOUT_2, _HELDOUT_3)}


def preset(name: str) -> World:
    """A world by name. Raises NotFoundError for an unknown one."""
    if name not in WORLDS:
        raise NotFoundError(f"there is no simulated world {name!r}.", mend=f"There are: {', '.join(WORLDS)}.")
    return WORLDS[name]
