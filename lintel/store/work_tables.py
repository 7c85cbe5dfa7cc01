"""Intermediate tables of a tenant (features, examples): made anew each night from the log, and until then without whom
was erased."""

from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq


def erase_rows(folder: Path, leads: Collection[str]) -> int:
    """Remove the rows of leads from every Parquet file in a folder that has a column `lead_id`; how many there were."""
    return sum(_erase(path, leads) for path in sorted(folder.glob("*.parquet")))


def _erase(path: Path, leads: Collection[str]) -> int:
    if "lead_id" not in pq.read_schema(path).names:
        return 0
    table = pq.read_table(path)
    column, erased = table.column("lead_id"), pa.array(sorted(leads), pa.string())
    gone = pc.is_in(column.cast(pa.string()), erased)
    if not pc.any(gone).as_py() and not pc.any(pc.is_in(_names(column), erased)).as_py():
        return 0
    partial = path.with_name(f".{path.name}.erasing")
    pq.write_table(_only_names_of_rows(table.filter(pc.invert(gone))), partial)
    partial.replace(path)
    return int(pc.sum(gone).as_py() or 0)


def _names(column: pa.ChunkedArray) -> pa.Array:
    """Every value that is written with a column: a dictionary holds those of rows that are not there, too."""
    plain = column.combine_chunks()
    return plain.dictionary if pa.types.is_dictionary(column.type) else plain


def _only_names_of_rows(table: pa.Table) -> pa.Table:
    position = table.schema.get_field_index("lead_id")
    field, column = table.schema.field(position), table.column(position)
    if not pa.types.is_dictionary(field.type):
        return table
    encoded = column.cast(pa.string()).combine_chunks().dictionary_encode()
    return table.set_column(position, field, encoded.cast(field.type))
