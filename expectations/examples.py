"""What must hold of training examples."""

from datetime import datetime
from pathlib import Path

import great_expectations.expectations as gxe
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from expectations.rule import Consequence, Rule, rule
from lintel.events.schema import TIME
from lintel.features.catalogue import Catalogue
from lintel.labels.definition import DIMENSIONS

NAME = "examples"
SET_ASIDE, WARN = Consequence.SET_ASIDE, Consequence.WARN
STATUSES = [1, 0, -1, -2]
"""Yes, no, censored, not asked."""
INFINITE, AFTER_CLOCK, UNRIPE = "infinite", "after_the_clock", "unripe"
_IDENTITY = ("lead_id", "as_of", "weight", "origin")


def read(path: Path, catalogue: Catalogue, clock: datetime) -> pa.Table:
    """What `Examples.save` wrote, as far as rules are about it, in the form of `frame`."""
    names = pq.read_schema(path).names
    labels = [name for name in names if name.startswith("label.") and name.endswith((".status", ".known_from"))]
    wanted = [*_IDENTITY, *labels, *(name for name in catalogue.names if name in names)]
    return frame(pq.read_table(path, columns=wanted), catalogue, clock)


def frame(examples: pa.Table, catalogue: Catalogue, clock: datetime) -> pa.Table:
    """The rows, moments as times, with three columns more: whether a feature is infinite, `as_of` lies after the clock,
    and whether an answer (yes or no) is given that was not known by the clock."""
    infinite, unripe = np.zeros(len(examples), bool), np.zeros(len(examples), bool)
    for name in set(catalogue.names) & set(examples.column_names):
        infinite |= np.isinf(examples.column(name).to_numpy())
    now = pa.scalar(clock, TIME)
    for dimension in DIMENSIONS:
        known, status = f"label.{dimension}.known_from", f"label.{dimension}.status"
        if known in examples.column_names:
            place = examples.schema.get_field_index(known)
            examples = examples.set_column(place, known, examples.column(known).cast(pa.int64()).cast(TIME))
            answered = examples.column(status).to_numpy() >= 0
            unripe |= answered & pc.fill_null(pc.greater(examples.column(known), now), False).to_numpy()
    late = pc.greater(examples.column("as_of"), now)
    examples = examples.append_column(INFINITE, pa.array(infinite)).append_column(AFTER_CLOCK, late)
    return examples.append_column(UNRIPE, pa.array(unripe))


def rules(catalogue: Catalogue, table: pa.Table) -> list[Rule]:
    """Identity, weights, the features in full, known answers, and answers that come after their question.

    A dimension that the source does not define has no moment from which its label is known.
    """
    return [*_whole(catalogue), *_rows(), *_labels(table)]


def _whole(catalogue: Catalogue) -> list[Rule]:
    columns = gxe.ExpectTableColumnsToMatchSet(
        column_set=["lead_id", "as_of", "weight", *catalogue.names], exact_match=False
    )
    unique = gxe.ExpectCompoundColumnsToBeUnique(column_list=["lead_id", "as_of", "origin"])
    return [
        rule("some_rows", gxe.ExpectTableRowCountToBeBetween(min_value=1), "there are examples"),
        rule("columns", columns, "the catalogue's features are there in full"),
        rule("one_row_a_point", unique, "no decision point occurs twice"),
    ]


def _rows() -> list[Rule]:
    weight = gxe.ExpectColumnValuesToBeBetween(column="weight", min_value=0, strict_min=True)
    return [
        *(
            rule(f"{name}_stated", gxe.ExpectColumnValuesToNotBeNull(column=name), f"every example has its {name}")
            for name in _IDENTITY
        ),
        rule("weight_positive", weight, "every example counts for something", SET_ASIDE),
        rule("no_infinite", _never(INFINITE), "no feature is infinite", SET_ASIDE),
        rule("no_after_the_clock", _never(AFTER_CLOCK), "no example lies after the tenant's clock", SET_ASIDE),
        rule("no_unripe", _never(UNRIPE), "no answer is learnt from that was not known yet", SET_ASIDE),
    ]


def _labels(table: pa.Table) -> list[Rule]:
    known_from = [name for dimension in DIMENSIONS if (name := f"label.{dimension}.known_from") in table.column_names]
    return [
        *(
            rule(
                f"{name}_status_known",
                gxe.ExpectColumnValuesToBeInSet(column=f"label.{name}.status", value_set=STATUSES),
                "the answer is yes, no, censored or not asked",
                SET_ASIDE,
            )
            for name in DIMENSIONS
        ),
        *(
            rule(
                f"{name.split('.')[1]}_known_later",
                gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A=name, column_B="as_of"),
                "an answer is known after its question",
                SET_ASIDE,
            )
            for name in known_from
        ),
    ]


def _never(column: str) -> gxe.ExpectColumnValuesToBeInSet:
    return gxe.ExpectColumnValuesToBeInSet(column=column, value_set=[False])
