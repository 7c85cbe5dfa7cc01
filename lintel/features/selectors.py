"""Named sets of event kinds that features count, time and sum."""

from lintel.events.kinds import Actor, Direction, acted_by, directed, family, kinds

Selector = tuple[str, ...]

OUTCOMES: frozenset[str] = frozenset(
    {
        "offer.accepted",
        "offer.declined",
        "deal.won",
        "deal.lost",
        "deal.abandoned",
        "deal.registered",
        "deal.activated",
    }
)
"""Kinds that are, or follow at once from, what the models predict: no feature may read them."""

BOOKKEEPING: frozenset[str] = frozenset({"event.corrected", "lead.merged", "lead.deleted", "lead.profile"})
"""Kinds about the log itself or about the moment of a fetch: no sign of activity."""

_SILENT = OUTCOMES | BOOKKEEPING


def select(*names: str) -> Selector:
    """Kinds named in full (``web.visit``) or by family (``web.*``), sorted, without outcomes and bookkeeping.

    Raises KeyError for a kind or family that is not registered.
    """
    found: set[str] = set()
    for name in names:
        found.update(family(name.removesuffix(".*")) if name.endswith(".*") else (kinds()[name].name,))
    return tuple(sorted(found - OUTCOMES))


def _active(names: Selector) -> Selector:
    return tuple(sorted(set(names) - _SILENT))


WORK_FAMILIES: Selector = ("intake", "application", "call", "validation", "dossier", "fraud", "contract", "task")

ANY = _active(tuple(kinds()))
BY_LEAD = _active(acted_by(Actor.LEAD))
INBOUND = _active(directed(Direction.INBOUND))
OUTBOUND = _active(directed(Direction.OUTBOUND))
ANSWERS = tuple(sorted({*OUTBOUND, "call.completed"}))
"""What ends the lead's wait for us: a touch, or a call that was held."""

WEB = select("web.*")
MESSAGES_IN = select("email.inbound", "sms.inbound", "chat.inbound", "voicemail.inbound")
MESSAGES_OUT = select("email.sent", "sms.sent", "chat.sent", "voicemail.left")
OFFERS = select("offer.*")
OFFER_AMOUNTS = select("offer.created", "offer.sent", "offer.selected")
SCHEDULED = tuple(f"{name}.scheduled" for name in WORK_FAMILIES)
STARTED = tuple(f"{name}.started" for name in WORK_FAMILIES)
COMPLETED = tuple(f"{name}.completed" for name in WORK_FAMILIES)
WORK = tuple(sorted((*SCHEDULED, *STARTED, *COMPLETED)))
ENTRY = select("lead.created", "form.submitted")
CONSENT = select("consent.granted", "consent.withdrawn")
APPOINTMENTS = select("appointment.booked", "appointment.rescheduled")

WAITS: tuple[tuple[Selector, Selector], ...] = (
    (OUTBOUND, INBOUND),
    (INBOUND, ANSWERS),
    *(((f"{name}.scheduled",), (f"{name}.started",)) for name in WORK_FAMILIES),
)
"""(what is waited on, what ends the wait). The second members have no kind in common, so that an event ends at most
one sort of wait: the measure ``waited`` is the time since the first event of the former after the previous one of
the latter."""
