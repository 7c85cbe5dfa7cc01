"""Feature rows with their names: what the drivers give back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lintel.errors import InputError
from lintel.events.moments import to_microseconds
from lintel.events.schema import TIME
from lintel.features.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class FeatureFrame:
    """n rows of F features, each of one lead as of one time. NaN is absent."""

    lead_ids: tuple[str, ...]  # (n,)
    as_of: NDArray[np.int64]  # (n,) UTC µs
    matrix: NDArray[np.float32]  # (n, F)
    catalogue: Catalogue

    def __len__(self) -> int:
        return len(self.lead_ids)

    @property
    def names(self) -> tuple[str, ...]:
        return self.catalogue.names

    def column(self, name: str) -> NDArray[np.float32]:
        """(n,) one feature. Raises KeyError for an unknown name."""
        return self.matrix[:, self.catalogue.position[name]]

    def is_constant(self, name: str) -> bool:
        """Whether a feature tells nothing here: the same value, or absent, in every row."""
        column = self.column(name)
        return not len(column) or bool(np.all((column == column[0]) | (np.isnan(column) & np.isnan(column[0]))))

    def table(self) -> pa.Table:
        """`lead_id`, `as_of` and one float32 column a feature; the feature version is in the schema's metadata."""
        columns = {"lead_id": pa.array(self.lead_ids, pa.string()), "as_of": pa.array(self.as_of).cast(TIME)}
        columns |= {name: pa.array(self.matrix[:, position]) for position, name in enumerate(self.names)}
        return pa.table(columns).replace_schema_metadata({"feature_version": self.catalogue.digest})


def microseconds(as_of: datetime | Sequence[datetime], count: int) -> NDArray[np.int64]:
    """(count,) UTC µs of one time for all or of one for each. Raises InputError for a wrong number or without zone."""
    moments = [as_of] * count if isinstance(as_of, datetime) else list(as_of)
    if len(moments) != count:
        raise InputError(f"{len(moments)} as-of times were given for {count} leads.", mend="Give one, or one a lead.")
    return np.array([to_microseconds(moment) for moment in moments], np.int64)
