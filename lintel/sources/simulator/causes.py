"""What can happen to a lead in one tick, and the kinds of events that give each happening away."""

from enum import IntEnum
from typing import Final

from lintel.events.kinds import Actor


class Cause(IntEnum):
    """One happening. All its events carry the same instant, and its marker kind names it beyond doubt.

    Where the events of one instant hold several markers, the highest code is the cause.
    """

    BROWSE = 0
    OPEN = 1
    REPLY = 2
    TOUCH = 3
    PAPERS_ASKED = 4
    PAPERS = 5
    PREAPPROVE = 6
    BOOK_SOON = 7
    BOOK_LATER = 8
    SHOW = 9
    NO_SHOW = 10
    CANCEL = 11
    OFFER_REQUEST = 12
    OFFER_SENT = 13
    OFFER_RETURN = 14
    DECLINE = 15
    LOSE = 16
    OPT_OUT = 17
    ABANDON = 18
    WIN = 19
    RETURN = 20
    CREATE = 21


REPLY_KINDS: Final = ("email.inbound", "sms.inbound", "chat.inbound", "call.inbound", "voicemail.inbound")
TOUCH_KINDS: Final = ("email.sent", "sms.sent", "call.attempted", "voicemail.left")

MARKERS: Final[dict[str, Cause]] = {
    "web.visit": Cause.BROWSE,
    "email.opened": Cause.OPEN,
    **dict.fromkeys((*REPLY_KINDS, "form.submitted"), Cause.REPLY),
    **dict.fromkeys(TOUCH_KINDS, Cause.TOUCH),
    "document.requested": Cause.PAPERS_ASKED,
    "document.received": Cause.PAPERS,
    "financing.preapproved": Cause.PREAPPROVE,
    "appointment.booked": Cause.BOOK_SOON,  # or BOOK_LATER, by `due_at`
    "appointment.showed": Cause.SHOW,
    "appointment.no_show": Cause.NO_SHOW,
    "appointment.cancelled": Cause.CANCEL,
    "offer.requested": Cause.OFFER_REQUEST,
    "offer.sent": Cause.OFFER_SENT,
    "offer.returned": Cause.OFFER_RETURN,
    "offer.declined": Cause.DECLINE,
    "deal.lost": Cause.LOSE,
    "consent.withdrawn": Cause.OPT_OUT,
    "deal.abandoned": Cause.ABANDON,
    "deal.won": Cause.WIN,
    "lead.created": Cause.CREATE,
}
"""Kind -> cause. A reply of a lead without an open episode is its RETURN."""

BOOKINGS: Final = frozenset({Cause.BOOK_SOON, Cause.BOOK_LATER})
HIGH_INTENT: Final = BOOKINGS | {Cause.OFFER_REQUEST}
REPLIES: Final = BOOKINGS | {Cause.REPLY}
"""What counts as an answer to a touch."""
ACTS: Final = REPLIES | {
    Cause.BROWSE,
    Cause.PAPERS,
    Cause.PREAPPROVE,
    Cause.SHOW,
    Cause.OFFER_REQUEST,
    Cause.OFFER_RETURN,
}
"""Causes with an inbound or web event: what breaks a silence."""
CLOSINGS: Final = frozenset({Cause.WIN, Cause.LOSE, Cause.ABANDON, Cause.OPT_OUT})

_OFFICE: Final = frozenset({Cause.TOUCH, Cause.PAPERS_ASKED, Cause.OFFER_SENT, Cause.LOSE, Cause.ABANDON})


def actor(cause: Cause) -> Actor:
    """Who sets the hour of the day at which it happens: the lead or the office."""
    return Actor.AGENT if cause in _OFFICE else Actor.LEAD
