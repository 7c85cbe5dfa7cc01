"""Signals from the text of messages and calls, as `lintel.language` computed them at writing."""

from collections.abc import Iterator, Mapping

from lintel.features.declarations.declare import Quantity, statistics
from lintel.features.declarations.directions import OPTING_OUT
from lintel.features.feature import Aggregation, Feature, Unit
from lintel.features.selectors import ANY

_WORDS = {
    "asks_viewing": "wish for a viewing",
    "states_budget": "naming of a budget",
    "states_timeline": "naming of a time to move",
    "objection": "objection",
    "opts_out": "wish to hear no more",
    "question": "question",
    "sentiment": "sentiment (-1 to 1)",
}
_MONOTONE: Mapping[str, Mapping[str, int]] = {
    "asks_viewing": {"intent": 1},
    "states_budget": {"intent": 1},
    "opts_out": OPTING_OUT,
}


def text_features() -> Iterator[Feature]:
    """Of each signal the last strength; of common ones the mean of 30 days, of telling ones the strongest so far."""
    for signal, words in _WORDS.items():
        monotone = _MONOTONE.get(signal)
        spoken = f"strength of {words} in a message" if signal != "sentiment" else f"{words} of a message"
        yield from statistics(
            Quantity(signal, ANY, signal, Unit.NUMBER, spoken), (Aggregation.LAST,), monotone=monotone
        )
        if signal in {"asks_viewing", "objection", "question", "sentiment"}:
            yield from statistics(
                Quantity(signal, ANY, signal, Unit.NUMBER, spoken),
                (Aggregation.MEAN,),
                windows=(30,),
                monotone=monotone,
            )
        if signal in {"asks_viewing", "objection", "opts_out"}:
            yield from statistics(
                Quantity(signal, ANY, signal, Unit.NUMBER, spoken), (Aggregation.MAX,), monotone=monotone
            )
