"""The catalogue as a page: `docs/features.md` is this text."""

from lintel.features.catalogue import Catalogue
from lintel.features.catalogue import catalogue as whole_catalogue
from lintel.features.feature import Feature

_HEAD = (
    "| feature | unit | meaning | window | missing | monotone |",
    "|---|---|---|---|---|---|",
)


def catalogue_markdown(catalogue: Catalogue | None = None) -> str:
    """One row a feature, in the order of the matrix's columns."""
    catalogue = catalogue or whole_catalogue()
    lines = [
        "# Features",
        "",
        "Generated from `lintel/features/declarations` by `lintel docs`; do not edit.",
        "",
        f"{len(catalogue)} features, version `{catalogue.digest}`. A feature as of time T uses only events with",
        "`occurred_at <= T` and `known_at <= T`, and of a corrected event the version that was known at T. A window of",
        "n days holds what occurred after T - n days and up to T. Days, hours and weekdays are local to the tenant.",
        "What describes the market reads the tenant's [market series](market.md) under the same rule.",
        "No feature reads an outcome, another lead, or a protected attribute. Monotone: the direction in which the",
        "score of a dimension may move as the feature grows, where one is known.",
    ]
    return "\n".join([*lines, "", *_HEAD, *map(_row, catalogue.features)]) + "\n"


def _row(feature: Feature) -> str:
    window = {None: "all time", 1: "1 day"}.get(feature.window_days, f"{feature.window_days} days")
    directions = sorted((feature.monotone or {}).items())
    monotone = ", ".join(f"{dimension} {'+' if sign > 0 else '-'}" for dimension, sign in directions)
    cells = (f"`{feature.name}`", feature.unit.value, feature.meaning, window, feature.missing, monotone)
    return f"| {' | '.join(cells)} |"
