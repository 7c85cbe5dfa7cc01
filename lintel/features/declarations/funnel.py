"""How far the opportunity has come: stages, offers, milestones, and what happened last."""

from collections.abc import Iterator

from lintel.features.declarations.declare import (
    Quantity,
    counts,
    elapsed,
    excess,
    is_last,
    per,
    recency,
    statistics,
    tenure,
)
from lintel.features.feature import Aggregation, Feature, Unit
from lintel.features.selectors import ANY, ENTRY, OFFERS, Selector, select

_STAGE = select("stage.changed")
_CREATED, _SENT = select("offer.created"), select("offer.sent")
_RETURNED, _CANCELLED = select("offer.returned"), select("offer.cancelled")


def funnel_features() -> Iterator[Feature]:
    yield from _stages()
    yield from _offers()
    yield from _milestones()
    yield from _last_event()


def _stages() -> Iterator[Feature]:
    yield from statistics(Quantity("stage", _STAGE, "value", Unit.STAGE, "stage"), (Aggregation.LAST, Aggregation.MAX))
    yield from counts("stage_change", _STAGE, "changes of stage", (7, None))
    yield recency("stage_change", _STAGE, "change of stage")
    yield from statistics(
        Quantity("stage_dwell", _STAGE, "gap", Unit.DAYS, "time in a stage"),
        (Aggregation.MEAN, Aggregation.LAST),
    )
    yield _since("event_since_stage", ANY, _STAGE, "events since the last change of stage")


def _offers() -> Iterator[Feature]:
    yield from counts("offer_selected", select("offer.selected"), "choices of terms", (None,))
    yield from counts("offer_created", _CREATED, "offers drawn up", (None,))
    yield from counts("offer_sent", _SENT, "offers sent", (7, None))
    yield from counts("offer_returned", _RETURNED, "offers sent back", (None,))
    yield from counts("offer_cancelled", _CANCELLED, "offers withdrawn", (None,))
    yield from counts("offer_requested", select("offer.requested"), "offers asked for", (None,))
    yield recency("offer_created", _CREATED, "offer drawn up")
    yield recency("offer_sent", _SENT, "offer sent")
    yield recency("offer_returned", _RETURNED, "offer sent back")
    yield recency("offer_cancelled", _CANCELLED, "offer withdrawn")
    yield tenure("offer_sent", _SENT, "offer sent")
    yield tenure("offer_returned", _RETURNED, "offer sent back")
    yield per("offer_returned_per_sent", _RETURNED, _SENT, "offers sent back per offer sent")
    yield per("offer_cancelled_per_created", _CANCELLED, _CREATED, "offers withdrawn per offer drawn up")
    yield excess("offer_open", _SENT, (*_CANCELLED, *_RETURNED), "offers still open, neither sent back nor withdrawn")
    yield _since("event_since_offer", ANY, _SENT, "events since the last offer sent")
    yield Feature(
        "offer_distinct_all",
        Aggregation.DISTINCT,
        OFFERS,
        Unit.COUNT,
        "number of different offers so far",
        "different offers so far",
        measure="object",
    )


def _milestones() -> Iterator[Feature]:
    yield elapsed("entry_to_offer", ENTRY, _SENT, "from entry to the first offer sent")
    yield elapsed("entry_to_return", ENTRY, _RETURNED, "from entry to the first offer sent back")
    yield elapsed("offer_to_return", _SENT, _RETURNED, "from the first offer sent to the first sent back")
    yield elapsed("entry_to_validation", ENTRY, select("validation.started"), "from entry to the first validation")
    yield elapsed(
        "entry_to_appointment", ENTRY, select("appointment.booked"), "from entry to the first appointment booked"
    )
    yield elapsed(
        "entry_to_touch",
        ENTRY,
        select("email.sent", "sms.sent", "call.attempted", "call.completed"),
        "from entry to our first message or call",
    )


def _last_event() -> Iterator[Feature]:
    """Which sort of event came last, as flags: a tree reads where in the process the lead stands."""
    for stem, events, words in (
        ("stage_change", _STAGE, "a change of stage"),
        ("offer_sent", _SENT, "an offer sent"),
        ("offer_returned", _RETURNED, "an offer sent back"),
        ("offer_cancelled", _CANCELLED, "the withdrawal of an offer"),
        ("call_started", select("call.started"), "the start of a call"),
        ("call_completed", select("call.completed", "call.inbound"), "a call"),
        ("call_scheduled", select("call.scheduled"), "a call put on the list"),
        ("application_started", select("application.started"), "taking up the application"),
        ("application_completed", select("application.completed"), "work done on the application"),
        ("validation_scheduled", select("validation.scheduled"), "a validation put on the list"),
        ("validation_started", select("validation.started"), "the start of a validation"),
        ("validation_completed", select("validation.completed"), "work done on the validation"),
        ("dossier", select("dossier.*"), "work on missing papers"),
        ("intake", select("intake.*"), "handling of the fresh lead"),
        ("web", select("web.*"), "an action on the website"),
        ("message_in", select("email.inbound", "sms.inbound", "chat.inbound"), "a message from the lead"),
        ("message_out", select("email.sent", "sms.sent", "chat.sent"), "a message to the lead"),
        ("appointment", select("appointment.*"), "about an appointment"),
    ):
        yield is_last(stem, events, ANY, words)


def _since(name: str, events: Selector, since: Selector, words: str) -> Feature:
    return Feature(name, Aggregation.COUNT_SINCE, events, Unit.COUNT, f"number of {words}", words, against=since)
