"""The registry of event kinds: what each means, who usually acts, and what `value` measures.

One entry a kind. A source maps its own vocabulary onto these names; features and labels select by name or by
family; `docs/kinds.md` is generated from here. Codes (positions in the sorted registry) are private to a process
and never stored.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache


class Actor(StrEnum):
    """Who did it."""

    LEAD = "lead"
    AGENT = "agent"
    SYSTEM = "system"


class Direction(StrEnum):
    """Whether the event is a touch from us to the lead, or a reply or act from the lead to us."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


@dataclass(frozen=True, slots=True)
class Measure:
    """A number that an event carries.

    `scale` turns it into the integer that sums use, exactly: currency has scale 100 (cents), minutes 60,000 (ms).
    """

    meaning: str
    unit: str
    scale: int = 1


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of event. `attributes` are at most three numbers promoted to the columns attribute_1..3."""

    name: str
    actor: Actor
    meaning: str
    value: Measure | None = None
    direction: Direction | None = None
    attributes: tuple[Measure, ...] = ()

    @property
    def family(self) -> str:
        return self.name.partition(".")[0]


def _money(meaning: str) -> Measure:
    return Measure(meaning, "currency", 100)


def _minutes(meaning: str) -> Measure:
    return Measure(meaning, "minutes", 60_000)


_COUNT = "count"
_IN, _OUT = Direction.INBOUND, Direction.OUTBOUND
_LEAD, _AGENT, _SYSTEM = Actor.LEAD, Actor.AGENT, Actor.SYSTEM


def _work_item(family: str, what: str) -> tuple[Kind, ...]:
    """A piece of human work: planned, taken up, finished; the finish carries the minutes since it was taken up."""
    return (
        Kind(f"{family}.scheduled", _SYSTEM, f"{what} was put on the agents' list"),
        Kind(f"{family}.started", _AGENT, f"an agent took up: {what}"),
        Kind(f"{family}.completed", _AGENT, f"an agent finished: {what}", _minutes("time since it was taken up")),
    )


_LISTING = (_money("price of the listing"), Measure("bedrooms", _COUNT), Measure("living area", "m2"))

_KINDS: tuple[Kind, ...] = (
    # the lead itself
    Kind("lead.created", _SYSTEM, "the contact entered the CRM; `channel` says from where"),
    Kind("lead.profile", _SYSTEM, "a snapshot of contact fields as of its fetch", _money("stated budget, if any")),
    Kind("lead.merged", _SYSTEM, "the contact named in `object_id` was merged into this lead"),
    Kind("lead.deleted", _SYSTEM, "the contact was deleted in the CRM"),
    Kind("lead.assigned", _SYSTEM, "the lead was given to the agent in `agent_id`"),
    Kind("lead.tagged", _AGENT, "a tag was put on the contact"),
    # web
    Kind("web.visit", _LEAD, "a session on the website began", None, None),
    Kind("web.page_view", _LEAD, "a page other than a listing was seen", _minutes("time on the page")),
    Kind(
        "web.listing_view",
        _LEAD,
        "a listing was seen; `object_id` is the listing",
        _minutes("time on it"),
        None,
        _LISTING,
    ),
    Kind("web.listing_saved", _LEAD, "a listing was saved or shared", None, None, _LISTING),
    Kind("web.search", _LEAD, "a search with filters", Measure("results", _COUNT), None, _LISTING[:2]),
    Kind("web.calculator_used", _LEAD, "the mortgage calculator was used", _money("loan amount entered")),
    # forms and facts stated by the lead
    Kind("form.submitted", _LEAD, "an enquiry, application or valuation form", _money("amount asked for"), _IN),
    Kind("budget.stated", _LEAD, "the lead named a budget", _money("budget"), _IN),
    Kind("timeline.stated", _LEAD, "the lead named a time to move", Measure("time to move", "days"), _IN),
    Kind("financing.preapproved", _LEAD, "a lender's pre-approval was shown", _money("pre-approved amount"), _IN),
    # messages
    Kind("email.sent", _AGENT, "an e-mail to the lead", None, _OUT),
    Kind("email.opened", _LEAD, "an e-mail was opened (unreliable: privacy proxies open too)"),
    Kind("email.clicked", _LEAD, "a link in an e-mail was followed"),
    Kind("email.inbound", _LEAD, "an e-mail from the lead", None, _IN),
    Kind("email.bounced", _SYSTEM, "an e-mail could not be delivered"),
    Kind("sms.sent", _AGENT, "a text message to the lead", None, _OUT),
    Kind("sms.inbound", _LEAD, "a text message from the lead", None, _IN),
    Kind("chat.sent", _AGENT, "a chat message to the lead", None, _OUT),
    Kind("chat.inbound", _LEAD, "a chat message from the lead", None, _IN),
    # calls
    Kind("call.attempted", _AGENT, "a call to the lead that was not answered", None, _OUT),
    Kind("call.inbound", _LEAD, "the lead called", _minutes("length"), _IN),
    *_work_item("call", "a call to the lead"),
    Kind("voicemail.left", _AGENT, "a message on the lead's voicemail", _minutes("length"), _OUT),
    Kind("voicemail.inbound", _LEAD, "a voicemail from the lead", _minutes("length"), _IN),
    # work items of the back office
    *_work_item("intake", "handling of a fresh lead"),
    *_work_item("application", "completing the application with the lead"),
    *_work_item("validation", "validation of the application"),
    *_work_item("dossier", "a call about missing papers"),
    *_work_item("fraud", "a fraud assessment"),
    *_work_item("contract", "a change of contract data"),
    *_work_item("task", "any other task about the lead"),
    # appointments: they occur when booked and are due later
    Kind("appointment.booked", _LEAD, "a viewing or meeting was agreed; `due_at` says for when", None, _IN),
    Kind("appointment.rescheduled", _LEAD, "an appointment was moved", None, _IN),
    Kind("appointment.confirmed", _LEAD, "the lead confirmed an appointment", None, _IN),
    Kind("appointment.showed", _LEAD, "the lead came", _minutes("length"), _IN),
    Kind("appointment.no_show", _LEAD, "the lead did not come"),
    Kind("appointment.cancelled", _LEAD, "an appointment was cancelled"),
    # offers
    Kind("offer.requested", _LEAD, "the lead asked for an offer or a valuation", _money("amount"), _IN),
    Kind("offer.selected", _SYSTEM, "the terms of an offer were chosen", _money("amount")),
    Kind("offer.created", _AGENT, "an offer was drawn up", _money("amount")),
    Kind("offer.sent", _AGENT, "an offer went to the lead", _money("amount"), _OUT),
    Kind("offer.returned", _LEAD, "the lead sent the offer back, signed or answered", _money("amount"), _IN),
    Kind("offer.accepted", _SYSTEM, "the offer was accepted: an outcome", _money("amount")),
    Kind("offer.declined", _SYSTEM, "the offer was declined: an outcome", _money("amount")),
    Kind("offer.cancelled", _SYSTEM, "the offer was withdrawn or replaced", _money("amount")),
    # papers
    Kind("document.requested", _AGENT, "papers were asked for", None, _OUT),
    Kind("document.received", _LEAD, "papers came in", None, _IN),
    # stages and outcomes
    Kind("stage.changed", _SYSTEM, "the opportunity moved", Measure("position of the new stage", "stage")),
    Kind("deal.won", _SYSTEM, "the deal was won: an outcome", _money("amount")),
    Kind("deal.lost", _SYSTEM, "the deal was lost or refused: an outcome", _money("amount")),
    Kind("deal.abandoned", _SYSTEM, "the lead withdrew or went silent for good: an outcome", _money("amount")),
    Kind("deal.registered", _SYSTEM, "a won deal was put on the books", _money("amount")),
    Kind("deal.activated", _SYSTEM, "a won deal took effect", _money("amount")),
    Kind("deal.value_changed", _AGENT, "the expected value of the opportunity was changed", _money("amount")),
    # consent
    Kind("consent.granted", _LEAD, "the lead agreed to be contacted by `channel`"),
    Kind("consent.withdrawn", _LEAD, "the lead opted out of `channel`"),
    Kind("complaint.received", _LEAD, "a complaint or a spam report"),
    # the log about itself
    Kind("event.corrected", _SYSTEM, "the event in `object_id` has this `value` instead", Measure("as the event", "")),
)


@cache
def kinds() -> dict[str, Kind]:
    """All kinds by name, sorted by name."""
    return {kind.name: kind for kind in sorted(_KINDS, key=lambda kind: kind.name)}


@cache
def kind_codes() -> dict[str, int]:
    """Position of each kind in the sorted registry; what `EventColumns.kind` holds."""
    return {name: code for code, name in enumerate(kinds())}


def family(name: str) -> tuple[str, ...]:
    """Names of all kinds of a family, as in ``family("email")``. Raises KeyError for an unknown family."""
    found = tuple(kind.name for kind in kinds().values() if kind.family == name)
    if not found:
        raise KeyError(f"no event kind belongs to the family {name!r}")
    return found


def directed(direction: Direction) -> tuple[str, ...]:
    """Names of all kinds that are touches (OUTBOUND) or replies and acts of the lead (INBOUND)."""
    return tuple(kind.name for kind in kinds().values() if kind.direction is direction)


def acted_by(actor: Actor) -> tuple[str, ...]:
    """Names of all kinds whose usual actor is `actor`."""
    return tuple(kind.name for kind in kinds().values() if kind.actor is actor)
