"""The worlds: `demo`, and three that are kept for testing. Frozen before any model was fitted to them."""

from lintel.errors import NotFoundError
from lintel.sources.simulator.causes import Cause
from lintel.sources.simulator.world import Band, Brokerage, Rate, Show, World

_BASE = World(
    name="demo",
    #                          new  contacted engaged booked viewed offer negotiation
    rates=(
        Rate(Cause.BROWSE, (0.20, 0.15, 0.20, 0.25, 0.20, 0.15, 0.15), heat=0.25, grade=0.35, today=1.3, season=1.0),
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
        Rate(Cause.LOSE, (0.0005, 0.0006, 0.0010, 0.001, 0.003, 0.015, 0.030), grade=-0.10, drift=0.3),
        Rate(Cause.OPT_OUT, (0.0006, 0.0010, 0.0006, 0.0004, 0.0005, 0.0002, 0.0002), grade=-0.4, today=1.5),
        Rate(Cause.ABANDON, (0.002, 0.0062, 0.0016, 0.0005, 0.0020, 0.002, 0.002), heat=-0.50, grade=-0.45, drift=0.3),
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
            demand=0.95, closing=0.9, price_scale=0.85,
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


def _worlds() -> dict[str, World]:
    return {world.name: world for world in (_BASE,)}


WORLDS = _worlds()


def world(name: str) -> World:
    """A world by name. Raises NotFoundError for an unknown one."""
    if name not in WORLDS:
        raise NotFoundError(f"there is no simulated world {name!r}.", mend=f"There are: {', '.join(WORLDS)}.")
    return WORLDS[name]
