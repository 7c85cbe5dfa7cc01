"""What must hold of training examples."""

import great_expectations.expectations as gxe
from great_expectations.expectations import Expectation

from lintel.features.catalogue import Catalogue
from lintel.labels.definition import DIMENSIONS

NAME = "examples"
STATUSES = [1, 0, -1, -2]
"""Yes, no, censored, not asked."""


def expectations(catalogue: Catalogue) -> list[Expectation]:
    """For the frame that `Examples.save` writes: identity, weights, the features in full, known answers."""
    labels = [f"label.{name}.status" for name in DIMENSIONS]
    return [
        gxe.ExpectTableRowCountToBeBetween(min_value=1),
        gxe.ExpectTableColumnsToMatchSet(
            column_set=["lead_id", "as_of", "weight", *catalogue.names], exact_match=False
        ),
        *(gxe.ExpectColumnValuesToNotBeNull(column=name) for name in ("lead_id", "as_of", "weight", "origin")),
        gxe.ExpectCompoundColumnsToBeUnique(column_list=["lead_id", "as_of", "origin"]),
        gxe.ExpectColumnValuesToBeBetween(column="weight", min_value=0, strict_min=True),
        *(gxe.ExpectColumnValuesToBeInSet(column=name, value_set=STATUSES) for name in labels),
    ]
