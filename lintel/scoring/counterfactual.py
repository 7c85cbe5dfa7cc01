"""What one act of the agent would do to P(win): the score of the same lead, by the same model, with one event more.

It says what usually becomes of leads that have such an event, not what the act brings about: whom agents call, and
who lets a viewing be booked, is no chance. The answer says so.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lintel.events.columns import NEVER, NULL, NULL_SIGNAL, EventColumns, Queries, digest64
from lintel.events.kinds import Actor, kind_codes, kinds
from lintel.events.schema import SIGNALS, Channel
from lintel.events.timezones import MICROSECONDS_PER_DAY, UtcOffsets
from lintel.market.context import NO_CONTEXT, ContextColumns
from lintel.scoring.dimension import DimensionScores
from lintel.scoring.history import latest_amount
from lintel.scoring.scorer import Scorer

DIMENSION = "conversion"
NOTE = "what usually becomes of leads with such an event; no promise that it brings it about"
_OPTED_OUT = "consent_withdrawn"
_DUE_DAYS = 2
_ACTORS, _CHANNELS = list(Actor), list(Channel)


@dataclass(frozen=True, slots=True)
class Action:
    """Something an agent can do: the events that it leaves, and when it makes sense to offer it.

    kinds: in their order, the last of them names the action.
    known_by: a feature that is above zero somewhere in training if the source has such events.
    unless: a feature that, above zero, says that the lead has it already.
    family: kinds of which the lead must have some, so that no new channel is opened.
    worth: a feature whose typical value the last event carries; "amount": the lead's own amount.
    """

    kinds: tuple[str, ...]
    text: str
    known_by: str
    unless: str | None = None
    family: str | None = None
    worth: str | None = None
    channel: Channel | None = None

    def fits(self, families: Collection[str]) -> bool:
        """Whether a lead with events of these families can be reached so."""
        return self.family is None or self.family in families


ACTIONS = (
    Action(("appointment.booked",), "a booked viewing", "appointment_booked_count_all", unless="appointment_due"),
    Action(("call.started", "call.completed"), "a call held", "call_completed_count_all", worth="work_minutes_last"),
    Action(("sms.sent",), "a text message", "message_out_count_7d", family="sms", channel=Channel.SMS),
    Action(("email.sent",), "an e-mail", "message_out_count_7d", family="email", channel=Channel.EMAIL),
    Action(
        ("offer.created", "offer.sent"), "an offer sent", "offer_sent_count_all", unless="offer_open", worth="amount"
    ),
    Action(("document.requested",), "papers asked for", "document_received_count_all"),
    Action(
        ("dossier.started", "dossier.completed"),
        "a call about missing papers",
        "dossier_completed_count_all",
        worth="work_minutes_last",
    ),
    Action(
        ("application.started", "application.completed"),
        "a round of work on the application",
        "application_completed_count_all",
        worth="work_minutes_last",
    ),
)
_TOLD = (_OPTED_OUT, *(one.unless for one in ACTIONS if one.unless))
"""Features that rule an action out."""


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """The action that would raise the score most, and to what."""

    action: Action
    before: float
    probability: float
    low: float
    high: float

    def to_json(self) -> dict[str, Any]:
        return {
            "text": f"{self.action.text} would move {self.before:.2f} to {self.probability:.2f}",
            "dimension": DIMENSION,
            "action": self.action.kinds[-1],
            "probability": round(self.probability, 6),
            "interval": [round(self.low, 6), round(self.high, 6)],
            "causal": False,
            "note": NOTE,
        }


@dataclass(frozen=True, slots=True)
class Present:
    """What the queries are scored on now: features (q, F), and the scores of conversion."""

    features: NDArray[np.float32]
    scores: DimensionScores


def counterfactuals(
    scorer: Scorer,
    columns: EventColumns,
    queries: Queries,
    now: Present,
    *,
    closing: Sequence[str],
    zone: UtcOffsets,
    context: ContextColumns = NO_CONTEXT,
) -> list[Counterfactual | None]:
    """The best action for each query; None if none raises P(win) by more than half the width of its interval.

    All pairs of query and action are scored as one batch, the events of the action some microseconds after the as-of
    time. A lead that opted out is offered nothing. `closing` are the kinds that end the episode or answer the
    question: no action leaves one.
    """
    found: list[Counterfactual | None] = [None] * len(queries)
    pairs = _pairs(scorer, columns, queries, now.features, frozenset(closing))
    if not pairs:
        return found
    imagined, asked = _imagined(scorer, columns, queries, pairs)
    alone = replace(
        scorer, dimensions={DIMENSION: scorer.dimensions[DIMENSION]}
    )  # the other dimensions cost as much each
    then = alone.score(imagined, asked, zone, context).dimensions[DIMENSION]
    doubt = (now.scores.high - now.scores.low) / 2
    for row, (query, action) in enumerate(pairs):
        before, after = float(now.scores.probability[query]), float(then.probability[row])
        best = found[query]
        if after - before > doubt[query] and (best is None or after > best.probability):
            found[query] = Counterfactual(action, before, after, float(then.low[row]), float(then.high[row]))
    return found


Pair = tuple[int, Action]
"""Position of a query, and what to imagine for it."""


def _pairs(
    scorer: Scorer,
    columns: EventColumns,
    queries: Queries,
    features: NDArray[np.float32],
    closing: frozenset[str],
) -> list[Pair]:
    """The actions that make sense for each query, by query."""
    position, largest = scorer.catalogue.position, scorer.profile.quantiles[-1]
    offered = [one for one in ACTIONS if largest[position[one.known_by]] > 0 and not closing & {*one.kinds}]
    names = list(kinds())
    pairs = []
    for query, lead in enumerate(queries.lead.tolist()):
        own = slice(*np.searchsorted(columns.lead, [lead, lead + 1]).tolist())
        families = {names[code].partition(".")[0] for code in np.unique(columns.kind[own]).tolist()}
        above = {name for name in _TOLD if features[query, position[name]] > 0}
        if _OPTED_OUT not in above:
            pairs += [(query, one) for one in offered if one.unless not in above and one.fits(families)]
    return pairs


def _imagined(
    scorer: Scorer, columns: EventColumns, queries: Queries, pairs: Sequence[Pair]
) -> tuple[EventColumns, Queries]:
    """One lead a pair: what was known of it at its as-of time, and the events of the action after that."""
    amounts = latest_amount(columns, queries)
    parts, ends = [], []
    for lead, (query, action) in enumerate(pairs):
        as_of = int(queries.as_of[query])
        own = _known(columns, int(queries.lead[query]), as_of)
        episode = int(own.episode_id[-1]) if len(own) else 0
        extra = _events(action, as_of, episode, _worth(scorer, action, float(amounts[query])))
        parts += [
            own.with_lead(np.full(len(own), lead, np.int32)),
            extra.with_lead(np.full(len(extra), lead, np.int32)),
        ]
        ends.append(as_of + len(action.kinds))
    together = (np.concatenate([getattr(part, one.name) for part in parts], axis=-1) for one in fields(EventColumns))
    return EventColumns(*together), Queries(np.arange(len(pairs), dtype=np.int32), np.array(ends, np.int64))


def _known(columns: EventColumns, lead: int, as_of: int) -> EventColumns:
    own = columns.take(slice(*np.searchsorted(columns.lead, [lead, lead + 1]).tolist()))
    return own.take(np.flatnonzero((own.occurred_at <= as_of) & (own.known_at <= as_of)))


def _worth(scorer: Scorer, action: Action, amount: float) -> float:
    """The value that the action's last event carries, in the kind's own unit; NaN if the source's have none."""
    if action.worth == "amount":
        has_amounts = scorer.profile.present[scorer.catalogue.position["offer_amount_last"]] > 0
        return amount if has_amounts else np.nan
    return np.nan if action.worth is None else float(scorer.profile.median[scorer.catalogue.position[action.worth]])


def _events(action: Action, as_of: int, episode: int, worth: float) -> EventColumns:
    """The events of an action, 1 µs apart after `as_of`."""
    count = len(action.kinds)
    entries = [kinds()[name] for name in action.kinds]
    times = as_of + 1 + np.arange(count, dtype=np.int64)
    value = np.full(count, NULL)
    if not np.isnan(worth):
        measure = entries[-1].value
        value[-1] = round(worth * (measure.scale if measure else 1))
    booked = action.kinds[-1] == "appointment.booked"
    return EventColumns(
        lead=np.zeros(count, np.int32),
        occurred_at=times,
        known_at=times,
        superseded_at=np.full(count, NEVER),
        due_at=np.full(count, as_of + _DUE_DAYS * MICROSECONDS_PER_DAY if booked else NULL),
        kind=np.array([kind_codes()[name] for name in action.kinds], np.int16),
        actor=np.array([_ACTORS.index(one.actor) for one in entries], np.int8),
        channel=np.full(count, -1 if action.channel is None else _CHANNELS.index(action.channel), np.int8),
        object_id=np.full(count, digest64("imagined")),
        episode_id=np.full(count, episode),
        value=value,
        attributes=np.full((3, count), NULL),
        signals=np.full((len(SIGNALS), count), NULL_SIGNAL, np.int8),
    )
