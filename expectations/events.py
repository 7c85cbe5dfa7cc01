"""What must hold of the event log in the lake."""

import great_expectations.expectations as gxe
from great_expectations.expectations import Expectation

from lintel.events.kinds import Actor, kinds
from lintel.events.schema import STORED_SCHEMA

NAME = "events"


def expectations() -> list[Expectation]:
    """For a frame in STORED_SCHEMA: identity, order of times, known words, finite values."""
    required = ("tenant", "event_id", "lead_id", "occurred_at", "known_at", "kind", "actor", "seq", "ingested_at")
    at_least = {"known_at": "occurred_at"}
    return [
        gxe.ExpectTableRowCountToBeBetween(min_value=1),
        gxe.ExpectTableColumnsToMatchSet(column_set=STORED_SCHEMA.names, exact_match=True),
        *(gxe.ExpectColumnValuesToNotBeNull(column=name) for name in required),
        gxe.ExpectColumnValuesToBeUnique(column="event_id"),
        gxe.ExpectColumnValuesToBeUnique(column="seq"),
        gxe.ExpectColumnUniqueValueCountToBeBetween(column="tenant", min_value=1, max_value=1),
        gxe.ExpectColumnValuesToBeInSet(column="kind", value_set=list(kinds())),
        gxe.ExpectColumnValuesToBeInSet(column="actor", value_set=[actor.value for actor in Actor]),
        *(
            gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A=later, column_B=earlier, or_equal=True)
            for later, earlier in at_least.items()
        ),
        gxe.ExpectColumnValuesToBeBetween(column="value", min_value=-1e12, max_value=1e12),
    ]
