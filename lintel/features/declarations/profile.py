"""What the record says: how long we have known the lead, where from, what it plans, and whether we may write."""

from collections.abc import Iterator

from lintel.events.schema import Channel
from lintel.features.declarations.declare import Quantity, statistics, tenure
from lintel.features.declarations.directions import OPTING_OUT
from lintel.features.feature import Aggregation, Feature, Unit
from lintel.features.selectors import ANY, APPOINTMENTS, CONSENT, select

_ENTERED = select("lead.created")
_TIMELINE = select("timeline.stated")
_WAYS = {
    Channel.WEB: "the website",
    Channel.EMAIL: "e-mail",
    Channel.SMS: "text message",
    Channel.SOCIAL: "social media",
    Channel.OTHER: "another way",
}


def profile_features() -> Iterator[Feature]:
    yield tenure("lead", ANY, "event of the lead")
    yield Feature(
        "episode_distinct_all",
        Aggregation.DISTINCT,
        ANY,
        Unit.COUNT,
        "number of different opportunities so far",
        "opportunities so far",
        measure="episode",
    )
    for position, channel in enumerate(Channel):
        yield Feature(
            f"entered_by_{channel.value}",
            Aggregation.EQUALS,
            _ENTERED,
            Unit.FLAG,
            f"1 if the lead came by {channel.value.replace('_', '-')}, else 0",
            f"came by {_WAYS.get(channel, channel.value.replace('_', '-'))}",
            measure="channel",
            level=position,
        )
    yield from statistics(
        Quantity("timeline", _TIMELINE, "value", Unit.DAYS, "stated time to move"), (Aggregation.LAST,)
    )
    yield Feature(
        "appointment_due",
        Aggregation.UNTIL,
        APPOINTMENTS,
        Unit.DAYS,
        "days from the as-of time to the last appointment agreed; negative when it is past",
        "time until the appointment",
        measure="due_at",
    )
    yield Feature(
        "consent_withdrawn",
        Aggregation.IS_LAST,
        select("consent.withdrawn"),
        Unit.FLAG,
        "1 if the lead's last word on consent was to withdraw it, else 0",
        "consent is withdrawn",
        against=CONSENT,
        monotone=OPTING_OUT,
    )
