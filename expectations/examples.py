"""What must hold of training examples."""

from pathlib import Path

import great_expectations.expectations as gxe
import pandas as pd
from great_expectations.expectations import Expectation

from lintel.features.catalogue import Catalogue
from lintel.labels.definition import DIMENSIONS

NAME = "examples"
STATUSES = [1, 0, -1, -2]
"""Yes, no, censored, not asked."""


def read(path: Path) -> pd.DataFrame:
    """The frame that `Examples.save` wrote, with the moments at which labels become known as times."""
    frame = pd.read_parquet(path)
    moments = [name for name in frame.columns if name.startswith("label.") and name.endswith(".known_from")]
    return frame.assign(**{name: pd.to_datetime(frame[name], unit="us", utc=True) for name in moments})


def expectations(catalogue: Catalogue, frame: pd.DataFrame) -> list[Expectation]:
    """Identity, weights, the features in full, known answers, and answers that come after their question.

    A dimension that the source does not define has no moment from which its label is known.
    """
    known_from = [name for dimension in DIMENSIONS if (name := f"label.{dimension}.known_from") in frame.columns]
    return [
        gxe.ExpectTableRowCountToBeBetween(min_value=1),
        gxe.ExpectTableColumnsToMatchSet(
            column_set=["lead_id", "as_of", "weight", *catalogue.names], exact_match=False
        ),
        *(gxe.ExpectColumnValuesToNotBeNull(column=name) for name in ("lead_id", "as_of", "weight", "origin")),
        gxe.ExpectCompoundColumnsToBeUnique(column_list=["lead_id", "as_of", "origin"]),
        gxe.ExpectColumnValuesToBeBetween(column="weight", min_value=0, strict_min=True),
        *(gxe.ExpectColumnValuesToBeInSet(column=f"label.{name}.status", value_set=STATUSES) for name in DIMENSIONS),
        *(gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A=name, column_B="as_of") for name in known_from),
    ]
