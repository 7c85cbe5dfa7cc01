"""What must hold of the event log in the lake: each event by itself, among the others, and in time."""

from datetime import datetime

import great_expectations.expectations as gxe
import pyarrow as pa

from expectations.rule import Consequence, Rule, rule
from lintel.events.kinds import Actor, kinds
from lintel.events.schema import STORED_SCHEMA
from lintel.monitoring.log_faults import faults

NAME = "events"
SET_ASIDE, WARN = Consequence.SET_ASIDE, Consequence.WARN
MOSTLY = 0.99
"""Share of outcomes that must have their beginning in the log: a log that begins in mid-funnel lacks some."""

_REQUIRED = {
    **dict.fromkeys(("tenant", "event_id", "lead_id", "occurred_at", "known_at", "kind", "actor"), SET_ASIDE),
    "seq": Consequence.BLOCK,  # by which events are set aside
    "ingested_at": SET_ASIDE,
}
_NUMBERS = ("value", "attribute_1", "attribute_2", "attribute_3")
_BOUND = 1e12

_FAULTS: dict[str, tuple[str, Consequence, float]] = {
    "before_1990": ("no event occurred, and no plan is due, before CRMs existed", SET_ASIDE, 1.0),
    "known_long_before_it_came": ("nothing was known a day before it came in", SET_ASIDE, 1.0),
    "known_in_the_future": ("nothing is known that lies more than a day after now", SET_ASIDE, 1.0),
    "known_before_it_came": ("clocks of sources differ from ours by 15 minutes at most", WARN, 1.0),
    "came_in_the_future": ("nothing came in after now", WARN, 1.0),
    "came_out_of_order": ("events came in by the order of their numbers", WARN, 1.0),
    "plan_without_due": ("a booked or moved appointment says for when", WARN, 1.0),
    "due_before_it_was_planned": ("a plan is not due a day before it was made", WARN, 1.0),
    "due_too_far_ahead": ("a plan is due within five years", WARN, 1.0),
    "offer_unresolved": ("an offer was returned, decided or withdrawn after it was made", WARN, MOSTLY),
    "appointment_unresolved": ("an appointment was kept, missed or moved after it was booked", WARN, MOSTLY),
    "deal_unresolved": ("a deal was registered or activated after it was won", WARN, MOSTLY),
    "correction_unresolved": ("a correction names an event of its own lead", WARN, 1.0),
    "correction_before_its_event": ("a correction is not known before what it corrects", WARN, 1.0),
    "merge_into_itself": ("no contact was merged into itself", WARN, 1.0),
    "merge_unresolved": ("a merged contact has events", WARN, MOSTLY),
    "episode_of_several_leads": ("an opportunity belongs to one lead", WARN, 1.0),
}
"""Fault of `lintel.monitoring.log_faults` -> what must hold, what follows where it does not, and the share that must
be free of it."""


def frame(events: pa.Table, now: datetime) -> pa.Table:
    """The events as recorded, in STORED_SCHEMA, with a column a fault: true where the event has it, null where it could
    not.

    Of `signals`, which no rule is about, nothing but the name is kept.
    """
    found = faults(events, now)
    place = events.schema.get_field_index("signals")
    judged = events.set_column(place, "signals", pa.nulls(len(events))) if place >= 0 else events
    for name in _FAULTS:
        judged = judged.append_column(name, found[name].column())
    return judged


def rules() -> list[Rule]:
    """For a table made by `frame`."""
    return [*_whole(), *_identity(), *_words(), *_moments(), *_references()]


def _whole() -> list[Rule]:
    columns = [*STORED_SCHEMA.names, *_FAULTS]
    return [
        rule("some_rows", gxe.ExpectTableRowCountToBeBetween(min_value=1), "there are events"),
        rule(
            "columns",
            gxe.ExpectTableColumnsToMatchSet(column_set=columns, exact_match=True),
            "the columns are those of the event schema",
        ),
        rule(
            "one_tenant",
            gxe.ExpectColumnUniqueValueCountToBeBetween(column="tenant", min_value=1, max_value=1),
            "all events are one tenant's",
        ),
    ]


def _identity() -> list[Rule]:
    present = [
        rule(f"{name}_stated", gxe.ExpectColumnValuesToNotBeNull(column=name), f"every event has its {name}", follows)
        for name, follows in _REQUIRED.items()
    ]
    unique = [
        rule(f"{name}_unique", gxe.ExpectColumnValuesToBeUnique(column=name), f"no {name} occurs twice")
        for name in ("event_id", "seq")
    ]
    return present + unique


def _words() -> list[Rule]:
    actors = [actor.value for actor in Actor]
    return [
        rule(
            "kind_registered",
            gxe.ExpectColumnValuesToBeInSet(column="kind", value_set=list(kinds())),
            "the kind is registered (docs/kinds.md)",
            SET_ASIDE,
        ),
        rule(
            "actor_known",
            gxe.ExpectColumnValuesToBeInSet(column="actor", value_set=actors),
            "the actor is lead, agent or system",
            SET_ASIDE,
        ),
        *(
            rule(
                f"{name}_in_range",
                gxe.ExpectColumnValuesToBeBetween(column=name, min_value=-_BOUND, max_value=_BOUND),
                f"the {name} lies within ±1e12",
                SET_ASIDE,
            )
            for name in _NUMBERS
        ),
    ]


def _moments() -> list[Rule]:
    later = gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A="known_at", column_B="occurred_at", or_equal=True)
    return [rule("known_after_it_occurred", later, "nothing is known before it occurred", SET_ASIDE)]


def _references() -> list[Rule]:
    return [
        rule(
            f"no_{name}",
            gxe.ExpectColumnValuesToBeInSet(column=name, value_set=[False], mostly=mostly),
            meaning,
            consequence,
        )
        for name, (meaning, consequence, mostly) in _FAULTS.items()
    ]
