"""Lintel's features, declared by theme."""

from collections.abc import Iterator

from lintel.features.declarations.activity import activity_features
from lintel.features.declarations.clock import clock_features
from lintel.features.declarations.funnel import funnel_features
from lintel.features.declarations.market import market_features
from lintel.features.declarations.money import money_features
from lintel.features.declarations.profile import profile_features
from lintel.features.declarations.response import response_features
from lintel.features.declarations.text import text_features
from lintel.features.declarations.work import work_features
from lintel.features.feature import Feature


def declared_features() -> Iterator[Feature]:
    """All of them, in the order of the matrix's columns."""
    yield from activity_features()
    yield from response_features()
    yield from money_features()
    yield from funnel_features()
    yield from work_features()
    yield from clock_features()
    yield from text_features()
    yield from profile_features()
    yield from market_features()
