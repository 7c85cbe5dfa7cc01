"""Columns of a Parquet file, a few at a time: a file that is larger than memory can be compared column by column."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from lintel.monitoring.drift.bins import Float32

COLUMNS_AT_A_TIME = 8


def parquet_columns(path: Path, names: Sequence[str], rows: NDArray[np.bool_] | None = None) -> Iterator[Float32]:
    """The columns `names` of a file, one after another, NaN where missing; only `rows` (n,) of them if given."""
    with pq.ParquetFile(path, memory_map=True) as file:
        for first in range(0, len(names), COLUMNS_AT_A_TIME):
            block = list(names[first : first + COLUMNS_AT_A_TIME])
            table = file.read(columns=block)
            for name in block:
                values = table.column(name).to_numpy()
                yield (values if rows is None else values[rows]).astype(np.float32, copy=False)
