"""Random event logs for property tests: few leads, few kinds and a coarse clock, so that ties and borders happen."""

from hypothesis import settings
from hypothesis import strategies as st

from lintel.events.columns import NEVER, NULL
from tests.labels.oracle import DAY, Event

steady = settings(deadline=None, derandomize=True)
"""The same examples each time, however busy the machine is."""

START = 1_325_376_000_000_000  # 2012-01-01 UTC, so that days of clock change lie inside
SPAN_DAYS = 110
KINDS = (
    "lead.created",
    "form.submitted",
    "email.sent",
    "email.inbound",
    "offer.sent",
    "offer.returned",
    "offer.declined",
    "validation.started",
    "financing.preapproved",
    "appointment.booked",
    "consent.withdrawn",
    "deal.won",
    "deal.lost",
    "deal.abandoned",
    "deal.registered",
)
_STEP = DAY // 4


@st.composite
def events(draw: st.DrawFn) -> Event:
    time = START + draw(st.integers(0, SPAN_DAYS * 4)) * _STEP + draw(st.sampled_from((0, 0, 0, 1, 400_000)))
    late = draw(st.sampled_from((0, 0, 0, 0, 2 * DAY, 30 * DAY)))
    changed = draw(st.sampled_from((None, None, None, 0, 10 * DAY)))
    return Event(
        lead=draw(st.integers(0, 2)),
        time=time,
        kind=draw(st.sampled_from(KINDS)),
        episode=draw(st.sampled_from((0, 11, 11, 11, -22))),
        late=late,
        value=draw(st.sampled_from((NULL, 25_000_000, 30_000_050))),
        superseded=NEVER if changed is None else time + late + changed,
    )


def logs() -> st.SearchStrategy[list[Event]]:
    """Logs of 0..30 events, each corrected one followed by its correction."""
    return st.lists(events(), max_size=30).map(_with_corrections)


def log_ends() -> st.SearchStrategy[int]:
    return st.integers(0, SPAN_DAYS).map(lambda day: START + day * DAY)


def _with_corrections(log: list[Event]) -> list[Event]:
    copies = [
        Event(e.lead, e.time, e.kind, e.episode, e.superseded - e.time, e.actor, 40_000_000)
        for e in log
        if e.superseded != NEVER
    ]
    return log + copies
