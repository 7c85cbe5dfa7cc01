"""What a lead's own log says about reaching it: touches and their answers, and when and how it wrote or called."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lintel.events.columns import NEVER, EventColumns, Queries
from lintel.events.kinds import kind_codes
from lintel.events.schema import Channel
from lintel.events.timezones import UtcOffsets
from lintel.labels.episodes import expand, first_after, mask_of

Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]
Rows = NDArray[np.intp]

CHANNELS = ("call", "email", "sms", "chat")
"""Ways of reaching a lead."""
HOURS = 24
_TOUCHES = {
    "call.attempted": "call",
    "voicemail.left": "call",
    "call.completed": "call",
    "email.sent": "email",
    "sms.sent": "sms",
    "chat.sent": "chat",
}
_ANSWERED = "call.completed"
"""A call that the lead took: a touch that is its own answer."""
_INBOUND = {
    "call.inbound": "call",
    "voicemail.inbound": "call",
    "call.completed": "call",
    "email.inbound": "email",
    "sms.inbound": "sms",
    "chat.inbound": "chat",
}
_CONSENT = {Channel.PHONE: "call", Channel.EMAIL: "email", Channel.SMS: "sms", Channel.CHAT: "chat"}
_MICROSECONDS_PER_HOUR = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Touches:
    """t outbound touches, sorted by (lead, time), and the first answer to each within the horizon."""

    lead: NDArray[np.int32]  # (t,)
    at: Int64  # (t,) UTC µs
    known_at: Int64  # (t,)
    channel: NDArray[np.int8]  # (t,) position in CHANNELS
    hour: NDArray[np.int8]  # (t,) local
    settled_at: Int64  # (t,) the end of its horizon
    answer_known_at: Int64  # (t,) NEVER if unanswered

    def __len__(self) -> int:
        return len(self.lead)

    @property
    def queries(self) -> Queries:
        """The moments just before each."""
        return Queries(self.lead, self.at - 1)

    def take(self, rows: Rows) -> "Touches":
        return Touches(*(getattr(self, name)[rows] for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class OwnHistory:
    """Counts for q queries, of what was known at each."""

    touched: Float64  # (q, channels, 24) touches whose horizon is over, by local hour
    answered: Float64  # (q, channels) those of them that were answered
    active: Float64  # (q, 24) messages and calls from the lead by local hour
    preferred: Float64  # (q, channels) and by channel
    refused: NDArray[np.bool_]  # (q, channels) the lead opted out of it

    def __len__(self) -> int:
        return len(self.touched)


def local_hours(instants: Int64, zone: UtcOffsets) -> NDArray[np.int8]:
    """The hour on the clock of the zone, 0..23, daylight saving included."""
    return (zone.local(instants) // _MICROSECONDS_PER_HOUR % HOURS).astype(np.int8)


def find_touches(columns: EventColumns, replies: tuple[str, ...], horizon: int, zone: UtcOffsets) -> Touches:
    """Every touch of the log. `replies` are the kinds that answer one within `horizon` (µs)."""
    channel = _channel_by_kind(_TOUCHES)[columns.kind]
    rows = np.flatnonzero(channel >= 0)
    at = columns.occurred_at[rows]
    answers = np.flatnonzero(mask_of(replies)[columns.kind])
    begin, end = (np.searchsorted(columns.lead[answers], columns.lead[rows], side) for side in ("left", "right"))
    place = first_after(columns.occurred_at[answers], begin, end, at)
    answer = np.append(answers, 0)[np.minimum(place, len(answers))]
    in_time = (place < end) & (columns.occurred_at[answer] <= at + horizon)
    known = np.where(in_time, np.maximum(columns.known_at[answer], columns.known_at[rows]), NEVER)
    itself = columns.kind[rows] == kind_codes()[_ANSWERED]
    return Touches(
        lead=columns.lead[rows],
        at=at,
        known_at=columns.known_at[rows],
        channel=channel[rows],
        hour=local_hours(at, zone),
        settled_at=at + horizon,
        answer_known_at=np.where(itself, columns.known_at[rows], known),
    )


def own_history(columns: EventColumns, touches: Touches, queries: Queries, zone: UtcOffsets) -> OwnHistory:
    """The history of each query's lead as it was known at its as-of time; other leads do not matter."""
    touched, answered = _touch_counts(touches, queries)
    active, preferred = _inbound_counts(columns, queries, zone)
    return OwnHistory(touched, answered, active, preferred, _refused(columns, queries))


def _touch_counts(touches: Touches, queries: Queries) -> tuple[Float64, Float64]:
    query, row = _earlier(touches.lead, touches.at, queries)
    as_of = queries.as_of[query]
    seen = (touches.known_at[row] <= as_of) & (touches.settled_at[row] <= as_of)
    query, row, as_of = query[seen], row[seen], as_of[seen]
    channel, hour = touches.channel[row], touches.hour[row]
    yes = touches.answer_known_at[row] <= as_of
    shape = len(queries), len(CHANNELS)
    return _counted((query, channel, hour), (*shape, HOURS)), _counted((query[yes], channel[yes]), shape)


def _inbound_counts(columns: EventColumns, queries: Queries, zone: UtcOffsets) -> tuple[Float64, Float64]:
    channel = _channel_by_kind(_INBOUND)[columns.kind]
    rows = np.flatnonzero(channel >= 0)
    query, row = _visible(columns, rows, queries)
    hour = local_hours(columns.occurred_at[row], zone)
    return (
        _counted((query, hour), (len(queries), HOURS)),
        _counted((query, channel[row]), (len(queries), len(CHANNELS))),
    )


def _refused(columns: EventColumns, queries: Queries) -> NDArray[np.bool_]:
    """Whether the last word on each channel is an opt-out; one without a channel that we know is about them all."""
    codes = kind_codes()
    withdrawn, granted = codes["consent.withdrawn"], codes["consent.granted"]
    rows = np.flatnonzero((columns.kind == withdrawn) | (columns.kind == granted))
    query, row = _visible(columns, rows, queries)
    refused = np.zeros((len(queries), len(CHANNELS)), np.bool_)
    meant = _consent_channels()
    # few events, and the last word counts
    for one, event in zip(query.tolist(), row.tolist(), strict=True):
        refused[one, meant[columns.channel[event]]] = columns.kind[event] == withdrawn
    return refused


def _consent_channels() -> NDArray[np.bool_]:
    """(channels of events + 1, CHANNELS) which of ours each channel of an event means; its last row is "none"."""
    meant = np.ones((len(Channel) + 1, len(CHANNELS)), np.bool_)
    for channel, ours in _CONSENT.items():
        meant[list(Channel).index(channel)] = np.array(CHANNELS) == ours
    return meant


def _channel_by_kind(names: dict[str, str]) -> NDArray[np.int8]:
    channel = np.full(len(kind_codes()), -1, np.int8)
    for kind, name in names.items():
        channel[kind_codes()[kind]] = CHANNELS.index(name)
    return channel


def _visible(columns: EventColumns, rows: Rows, queries: Queries) -> tuple[Rows, Rows]:
    """Pairs of query and those of `rows` (ascending) that its lead had and that were known, in order of time."""
    query, place = _earlier(columns.lead[rows], columns.occurred_at[rows], queries)
    row, as_of = rows[place], queries.as_of[query]
    seen = (columns.known_at[row] <= as_of) & (columns.superseded_at[row] > as_of)
    return query[seen], row[seen]


def _earlier(lead: NDArray[np.int32], at: Int64, queries: Queries) -> tuple[Rows, Rows]:
    """Pairs of query and position of everything that its lead had up to its as-of time."""
    begin, end = np.searchsorted(lead, queries.lead, "left"), np.searchsorted(lead, queries.lead, "right")
    end = first_after(at, begin, end, queries.as_of)
    return np.repeat(np.arange(len(queries)), end - begin), expand(begin, end)


def _counted(keys: tuple[NDArray[np.generic], ...], shape: tuple[int, ...]) -> Float64:
    position = np.ravel_multi_index(tuple(key.astype(np.intp) for key in keys), shape)
    return np.bincount(position, minlength=int(np.prod(shape))).reshape(shape).astype(np.float64)
