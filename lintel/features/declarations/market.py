"""The market at the as-of time: rates, homes for sale, prices; of the tenant's area, or of the country."""

from collections.abc import Iterator, Mapping

from lintel.features.feature import Aggregation, Feature, Unit

_YEAR = 365
_VOLUMES: Mapping[str, tuple[str, Unit]] = {
    "inventory": ("homes for sale", Unit.COUNT),
    "new_listings": ("homes newly listed in a month", Unit.COUNT),
    "home_value_index": ("index of home values", Unit.NUMBER),
    "median_price": ("median price of homes sold", Unit.CURRENCY),
}


def market_features() -> Iterator[Feature]:
    """Of the rate its level and its changes in points; of the others their level and their growth in a year."""
    rate = "mortgage rate"
    yield _level("mortgage_rate", rate, Unit.PERCENT)
    for days in (30, 90, _YEAR):
        yield Feature(
            f"market_mortgage_rate_change_{days}d",
            Aggregation.CONTEXT_CHANGE,
            (),
            Unit.POINTS,
            f"newest published {rate} less that of {days} days before it",
            f"change of the {rate} over {days} days",
            measure="mortgage_rate",
            window_days=days,
        )
    for metric, (words, unit) in _VOLUMES.items():
        yield _level(metric, words, unit)
        yield Feature(
            f"market_{metric}_growth_{_YEAR}d",
            Aggregation.CONTEXT_GROWTH,
            (),
            Unit.SHARE,
            f"growth of the newest published {words} over a year, as a share",
            f"growth of the {words} over a year",
            measure=metric,
            window_days=_YEAR,
        )


def _level(metric: str, words: str, unit: Unit) -> Feature:
    return Feature(
        f"market_{metric}",
        Aggregation.CONTEXT_LEVEL,
        (),
        unit,
        f"newest published {words}",
        f"{words} in the market",
        measure=metric,
    )
