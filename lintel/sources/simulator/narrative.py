"""From happenings to events: one lead's chain told in the kinds of the event schema.

All events of a happening carry its instant, as a tracker does that reports a session when it ends. What is drawn
here (which listing, which words, which of two channels) has no bearing on the chain.
"""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa

from lintel.events.schema import INCOMING_SCHEMA, Channel
from lintel.sources.simulator import messages
from lintel.sources.simulator.causes import Cause
from lintel.sources.simulator.clock import TickClock
from lintel.sources.simulator.states import LATER_DAYS, OPEN, states
from lintel.sources.simulator.world import Band, Brokerage, Stage, World

COLUMNS: Final = tuple(name for name in INCOMING_SCHEMA.names if name != "actor")
"""The usual actor of each kind is filled in at the door."""
SCHEMA: Final = pa.schema([INCOMING_SCHEMA.field(name) for name in COLUMNS])
_MICROSECONDS_PER_HOUR = 3_600_000_000
_ENQUIRING = (Channel.PORTAL, Channel.WEB, Channel.SOCIAL, Channel.ADVERTISEMENT)
_TOUCHES = (("email.sent", "email"), ("sms.sent", "sms"), ("call.attempted", "phone"), ("voicemail.left", "phone"))
_TOUCH_SHARES = {Stage.NEW: (0.2, 0.55, 0.9), Stage.CONTACTED: (0.4, 0.6, 0.85)}
_REPLIES = (
    ("email.inbound", "email"),
    ("sms.inbound", "sms"),
    ("call.inbound", "phone"),
    ("chat.inbound", "chat"),
    ("voicemail.inbound", "phone"),
    ("form.submitted", "web"),
)
_REPLY_SHARES = (0.34, 0.68, 0.82, 0.90, 0.95)
_PAPERS = ("proof of funds", "identity check", "tax return", "bank statement")


@dataclass(frozen=True, slots=True)
class Lead:
    """What is drawn once for a lead."""

    id: str
    channel: Channel
    band: int
    asked: float
    agent: int
    cell: int


@dataclass(slots=True)
class Story:
    """Writes one lead's events, row by row, in the order of COLUMNS."""

    world: World
    tenant: Brokerage
    clock: TickClock
    lead: Lead
    draws: Iterator[float]
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    episode: int = 1
    appointments: int = 0
    offers: int = 0
    amount: float = 0.0
    time: int = 0
    stage: Stage | None = None

    def tell(self, time: int, cause: Cause, state: int) -> None:
        """Write the events of one happening; `state` is the state after it."""
        self.time = time
        if cause is Cause.RETURN:
            self.episode += 1
        _TELLERS[cause](self)
        stage = Stage(int(states().stage[state])) if state < OPEN else None
        if stage is not None and stage is not self.stage:
            self.add("stage.changed", value=float(stage))
        self.stage = stage

    def add(
        self,
        kind: str,
        *,
        channel: str | None = None,
        object_id: str | None = None,
        due_at: int | None = None,
        value: float | None = None,
        numbers: tuple[float | None, float | None, float | None] = (None, None, None),
        text: str | None = None,
        attributes: dict[str, Any] | None = None,
    ) -> None:
        body = None if attributes is None else json.dumps(attributes, sort_keys=True)
        self.rows.append(
            (
                self.tenant.id,
                f"{self.lead.id}:{len(self.rows):05d}",
                self.lead.id,
                f"{self.lead.id}-e{self.episode}",
                object_id,
                agent_id(self.tenant, self.lead.agent),
                channel,
                "simulator",
                self.time,
                self._recorded(),
                due_at,
                kind,
                value,
                *numbers,
                text,
                body,
            )
        )

    def _recorded(self) -> int:
        if next(self.draws) >= self.world.late_share:
            return self.time
        delay = -math.log(1 - next(self.draws)) * self.world.late_mean_hours * _MICROSECONDS_PER_HOUR
        return self.time + int(delay)

    def listing(self) -> tuple[str, tuple[float, float, float]]:
        """A listing of the lead's price band: its id, and its price, bedrooms and area, which belong to the id."""
        number = int(next(self.draws) * 60)
        band, part = self.world.bands[self.lead.band], (number * 37 % 60 + 0.5) / 60
        price = round(log_between(band, part) * self.tenant.price_scale, -2)
        numbers = (price, float(1 + self.lead.band + number % 3), float(60 + 35 * self.lead.band + number % 40))
        return f"{self.tenant.id}-listing-{self.lead.band}-{number:02d}", numbers


def table(rows: list[tuple[Any, ...]]) -> pa.Table:
    """Rows of COLUMNS as a table of SCHEMA."""
    columns = list(zip(*rows, strict=True)) or [()] * len(COLUMNS)
    arrays = []
    for values, column in zip(columns, SCHEMA, strict=True):
        timed = pa.types.is_timestamp(column.type)
        array = pa.array(values, pa.int64() if timed else column.type)
        arrays.append(array.cast(column.type) if timed else array)
    return pa.table(arrays, schema=SCHEMA)


def agent_id(tenant: Brokerage, number: int) -> str:
    return f"{tenant.id}-agent-{number}"


def log_between(band: Band, part: float) -> float:
    """An amount within the band, uniform in the logarithm for a uniform `part`."""
    return band.low * (band.high / band.low) ** part


def draw_stream(generator: np.random.Generator) -> Iterator[float]:
    """Uniform numbers, without end."""
    while True:
        yield from generator.random(256).tolist()


def _create(story: Story) -> None:
    lead = story.lead
    story.amount = lead.asked
    story.add("lead.created", channel=lead.channel)
    if lead.channel in _ENQUIRING:
        text = messages.from_lead(story.draws, lead.asked)
        listing, _ = story.listing()
        story.add("form.submitted", channel=lead.channel, object_id=listing, value=lead.asked, text=text)
    else:
        story.add("lead.profile", channel=lead.channel, value=lead.asked, attributes={"contact_type": "buyer"})
    story.add("lead.assigned")
    if next(story.draws) < 0.8:
        story.add("consent.granted", channel="email")


def _return(story: Story) -> None:
    text = messages.from_lead(story.draws, story.lead.asked)
    story.add("form.submitted", channel="web", value=story.lead.asked, text=text)
    story.add("lead.tagged", attributes={"tag": "came back"})


def _browse(story: Story) -> None:
    story.add("web.visit", channel="web")
    if next(story.draws) < 0.35:
        _, numbers = story.listing()
        results = float(int(next(story.draws) * 40))
        story.add("web.search", channel="web", value=results, numbers=(numbers[0], numbers[1], None))
    for _ in range(1 + int(next(story.draws) * 3)):
        listing, numbers = story.listing()
        minutes = round(0.3 + 4 * next(story.draws), 2)
        story.add("web.listing_view", channel="web", object_id=listing, value=minutes, numbers=numbers)
        if next(story.draws) < 0.12:
            story.add("web.listing_saved", channel="web", object_id=listing, numbers=numbers)
    if next(story.draws) < 0.06:
        story.add("web.calculator_used", channel="web", value=round(story.lead.asked * 0.8, -3))


def _open(story: Story) -> None:
    story.add("email.opened", channel="email")
    if next(story.draws) < 0.25:
        story.add("email.clicked", channel="email")


def _reply(story: Story) -> None:
    kind, channel = _REPLIES[int(np.searchsorted(_REPLY_SHARES, next(story.draws), side="right"))]
    spoken = channel == "phone"
    text = messages.from_lead(story.draws, story.lead.asked)
    minutes = round(0.5 + 9 * next(story.draws), 2) if spoken else None
    value = story.lead.asked if kind == "form.submitted" else minutes
    story.add(kind, channel=channel, value=value, text=text)
    if next(story.draws) < 0.10:
        story.add("budget.stated", channel=channel, value=round(story.lead.asked * (0.9 + 0.2 * next(story.draws)), -3))
    if next(story.draws) < 0.10:
        story.add("timeline.stated", channel=channel, value=float(30 * (1 + int(next(story.draws) * 9))))


def _touch(story: Story) -> None:
    shares = _TOUCH_SHARES.get(story.stage or Stage.NEW, (0.45, 0.75, 0.92))
    kind, channel = _TOUCHES[int(np.searchsorted(shares, next(story.draws), side="right"))]
    written = channel != "phone"
    text = messages.from_agent(story.draws, story.lead.asked) if written else None
    length = round(0.2 + next(story.draws), 2) if kind == "voicemail.left" else None
    story.add(kind, channel=channel, value=length, text=text)


def _papers_asked(story: Story) -> None:
    story.add("document.requested", channel="email", attributes={"document": messages.pick(_PAPERS, next(story.draws))})


def _papers(story: Story) -> None:
    story.add("document.received", channel="email", attributes={"document": messages.pick(_PAPERS, next(story.draws))})


def _preapprove(story: Story) -> None:
    band = story.world.bands[story.lead.band]
    radius = math.sqrt(-2 * math.log(1 - next(story.draws)))
    normal = radius * math.cos(2 * math.pi * next(story.draws))  # Box and Muller 1958
    amount = story.lead.asked * math.exp(band.log_shift + band.log_deviation * normal)
    story.amount = amount
    story.add("financing.preapproved", channel="email", value=round(amount, 2))
    if next(story.draws) < 0.5:
        story.add("document.received", channel="email", attributes={"document": "pre-approval letter"})


def _book(days: int) -> Callable[[Story], None]:
    def tell(story: Story) -> None:
        story.appointments += 1
        due_at = story.clock.due_at(story.time, days)
        story.add("appointment.booked", channel="sms", object_id=_appointment(story), due_at=due_at)
        if next(story.draws) < 0.4:
            story.add("sms.inbound", channel="sms", text=messages.viewing(story.draws, story.lead.asked))

    return tell


def _appointment(story: Story) -> str:
    return f"{story.lead.id}-a{story.appointments}"


def _show(story: Story) -> None:
    story.add("appointment.showed", object_id=_appointment(story), value=round(15 + 45 * next(story.draws), 1))


def _no_show(story: Story) -> None:
    story.add("appointment.no_show", object_id=_appointment(story))


def _cancel(story: Story) -> None:
    story.add("appointment.cancelled", object_id=_appointment(story))


def _offer(kind: str) -> Callable[[Story], None]:
    def tell(story: Story) -> None:
        story.add(kind, channel="email", object_id=f"{story.lead.id}-o{story.offers}", value=_price(story))

    return tell


def _offer_request(story: Story) -> None:
    story.offers += 1
    _offer("offer.requested")(story)


def _offer_sent(story: Story) -> None:
    _offer("offer.created")(story)
    _offer("offer.sent")(story)


def _win(story: Story) -> None:
    _offer("offer.accepted")(story)
    story.add("deal.won", value=_price(story))


def _opt_out(story: Story) -> None:
    story.add("consent.withdrawn", channel="sms", text=messages.stop(story.draws, story.lead.asked))
    story.add("deal.lost", attributes={"reason": "opted out"})


def _lose(story: Story) -> None:
    story.add("deal.lost", attributes={"reason": "bought elsewhere"})


def _abandon(story: Story) -> None:
    story.add("deal.abandoned", attributes={"reason": "no interest any more"})


def _price(story: Story) -> float:
    return round(story.amount, -2)


_TELLERS: Final[dict[Cause, Callable[[Story], None]]] = {
    Cause.BROWSE: _browse,
    Cause.OPEN: _open,
    Cause.REPLY: _reply,
    Cause.TOUCH: _touch,
    Cause.PAPERS_ASKED: _papers_asked,
    Cause.PAPERS: _papers,
    Cause.PREAPPROVE: _preapprove,
    Cause.BOOK_SOON: _book(1),
    Cause.BOOK_LATER: _book(LATER_DAYS),
    Cause.SHOW: _show,
    Cause.NO_SHOW: _no_show,
    Cause.CANCEL: _cancel,
    Cause.OFFER_REQUEST: _offer_request,
    Cause.OFFER_SENT: _offer_sent,
    Cause.OFFER_RETURN: _offer("offer.returned"),
    Cause.DECLINE: _offer("offer.declined"),
    Cause.LOSE: _lose,
    Cause.OPT_OUT: _opt_out,
    Cause.ABANDON: _abandon,
    Cause.WIN: _win,
    Cause.RETURN: _return,
    Cause.CREATE: _create,
}
