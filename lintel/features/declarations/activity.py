"""How much, how lately and how regularly: visits, messages, calls, appointments, papers."""

from collections.abc import Iterator

from lintel.features.declarations.declare import (
    Quantity,
    counts,
    distinct_days,
    per,
    recency,
    statistics,
    suffix,
    trend,
    within,
)
from lintel.features.declarations.directions import ANSWERING, MEETING, SILENT
from lintel.features.feature import Aggregation, Feature, Unit
from lintel.features.selectors import (
    ANY,
    BY_LEAD,
    INBOUND,
    MESSAGES_IN,
    MESSAGES_OUT,
    OUTBOUND,
    WEB,
    select,
)

_VIEWS = select("web.listing_view")
_SAVED = select("web.listing_saved")


def activity_features() -> Iterator[Feature]:
    yield from _counts()
    yield from _recencies()
    yield from _regularity()
    yield from _proportions()


def _counts() -> Iterator[Feature]:
    yield from counts("event", ANY, "events", (1, 3, 7, 30, 90, None))
    yield from counts("lead_act", BY_LEAD, "actions of the lead", (7, 30, 90, 365, None))
    yield from counts("inbound", INBOUND, "messages and steps from the lead", (1, 7, 30, None), ANSWERING)
    yield from counts("outbound", OUTBOUND, "touches from us", (7, 14, 30, None))
    yield from counts("web", WEB, "actions on the website", (30, None))
    yield from counts("listing_view", _VIEWS, "listings seen", (7, 30, None))
    yield from counts("listing_saved", _SAVED, "listings saved", (30, None), {"intent": 1})
    yield from counts("search", select("web.search"), "searches", (30,))
    yield from counts("calculator", select("web.calculator_used"), "uses of the mortgage calculator", (None,))
    yield from counts("email_opened", select("email.opened"), "e-mails opened", (30,))
    yield from counts("email_clicked", select("email.clicked"), "links followed in e-mails", (30,))
    yield from counts("message_in", MESSAGES_IN, "messages from the lead", (7, None), ANSWERING)
    yield from counts("message_out", MESSAGES_OUT, "messages to the lead", (7,))
    yield from counts("call_attempted", select("call.attempted"), "unanswered calls", (30,))
    yield from counts("call_inbound", select("call.inbound"), "calls from the lead", (None,), ANSWERING)
    yield from counts("appointment_booked", select("appointment.booked"), "appointments booked", (None,), MEETING)
    yield from counts("appointment_showed", select("appointment.showed"), "appointments kept", (None,), MEETING)
    yield from counts("no_show", select("appointment.no_show"), "appointments missed", (None,))
    yield from counts("document_received", select("document.received"), "papers received", (None,))
    yield from counts("bounced", select("email.bounced"), "e-mails that bounced", (None,))
    yield from counts("complaint", select("complaint.received"), "complaints", (None,), {"churn": 1})


def _recencies() -> Iterator[Feature]:
    yield recency("event", ANY, "event")
    yield recency("lead_act", BY_LEAD, "action of the lead", SILENT)
    yield recency("inbound", INBOUND, "message or step from the lead", SILENT)
    yield recency("outbound", OUTBOUND, "touch from us")
    yield recency("listing_view", _VIEWS, "listing seen")
    yield recency("listing_saved", _SAVED, "listing saved")
    yield recency("email_clicked", select("email.clicked"), "link followed in an e-mail")
    yield recency("call_attempted", select("call.attempted"), "unanswered call")
    yield recency("appointment_booked", select("appointment.booked"), "appointment booked")
    yield recency("appointment_showed", select("appointment.showed"), "appointment kept")
    yield recency("document_received", select("document.received"), "paper received")


def _regularity() -> Iterator[Feature]:
    yield from distinct_days("event", ANY, "events", (7, None))
    yield from distinct_days("lead_act", BY_LEAD, "actions of the lead", (30, None))
    yield from distinct_days("outbound", OUTBOUND, "touches from us", (None,))
    for days in (30, None):
        yield Feature(
            f"listing_distinct_{suffix(days)}",
            Aggregation.DISTINCT,
            _VIEWS,
            Unit.COUNT,
            f"number of different listings seen {within(days)}",
            f"different listings seen {within(days)}",
            measure="object",
            window_days=days,
        )
    mean, deviation, largest, last = Aggregation.MEAN, Aggregation.DEVIATION, Aggregation.MAX, Aggregation.LAST
    yield from statistics(
        Quantity("event_gap", ANY, "gap", Unit.DAYS, "gap between events"), (mean, deviation, largest, last)
    )
    yield from statistics(
        Quantity("lead_act_gap", BY_LEAD, "gap", Unit.DAYS, "gap between actions of the lead"), (mean, deviation)
    )
    yield from statistics(
        Quantity("inbound_gap", INBOUND, "gap", Unit.DAYS, "gap between messages from the lead"), (mean,)
    )
    yield from statistics(Quantity("outbound_gap", OUTBOUND, "gap", Unit.DAYS, "gap between touches from us"), (mean,))
    yield trend("event", ANY, "events", 7, 30)
    yield trend("lead_act", BY_LEAD, "actions of the lead", 7, 30)
    yield trend("inbound", INBOUND, "messages and steps from the lead", 7, 30)


def _proportions() -> Iterator[Feature]:
    yield Feature(
        "lead_act_share",
        Aggregation.SHARE,
        BY_LEAD,
        Unit.SHARE,
        "share of events that are actions of the lead, so far",
        "share of events that are actions of the lead",
        against=ANY,
    )
    yield per("inbound_per_outbound", INBOUND, OUTBOUND, "messages and steps from the lead per touch from us")
    yield per("email_click_per_sent", select("email.clicked"), select("email.sent"), "links followed per e-mail sent")
    yield per("listing_saved_per_view", _SAVED, _VIEWS, "listings saved per listing seen")
    no_show, booked = select("appointment.no_show"), select("appointment.booked")
    yield per("no_show_per_booked", no_show, booked, "appointments missed per appointment booked")
