"""Who answers whom, how fast, and who is waiting now."""

from collections.abc import Iterator

from lintel.features.declarations.declare import Quantity, statistics
from lintel.features.declarations.directions import SILENT, SLOW
from lintel.features.feature import Aggregation, Feature, Unit
from lintel.features.selectors import ANSWERS, INBOUND, OUTBOUND


def response_features() -> Iterator[Feature]:
    mean, high, last = Aggregation.MEAN, Aggregation.MAX, Aggregation.LAST
    reply = Quantity("lead_reply", INBOUND, "waited", Unit.DAYS, "time the lead took to answer a touch")
    yield from statistics(reply, (mean, high, last), monotone=SLOW)
    yield from statistics(reply, (mean,), windows=(30,), monotone=SLOW)
    words = "time we took to answer the lead"
    yield from statistics(
        Quantity("agent_reply", ANSWERS, "waited", Unit.MINUTES, words), (Aggregation.FIRST, mean, last)
    )
    yield Feature(
        "unanswered_streak",
        Aggregation.COUNT_SINCE,
        OUTBOUND,
        Unit.COUNT,
        "number of touches from us since the lead last did anything towards us",
        "touches without an answer",
        against=INBOUND,
        monotone=SILENT,
    )
    yield Feature(
        "unanswered_pending",
        Aggregation.PENDING,
        OUTBOUND,
        Unit.DAYS,
        "days since the first touch that the lead has not answered",
        "time the lead has been silent after a touch",
        against=INBOUND,
        monotone=SILENT,
    )
    yield Feature(
        "lead_waiting",
        Aggregation.PENDING,
        INBOUND,
        Unit.DAYS,
        "days since the first message or step of the lead that we have not answered",
        "time the lead has been waiting for us",
        against=ANSWERS,
    )
