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
    named = table.column("lead_id").cast(pa.string())
    kept = table.filter(pc.invert(pc.is_in(named, pa.array(sorted(leads), pa.string()))))
    if len(kept) < len(table):
        partial = path.with_name(f".{path.name}.erasing")
        pq.write_table(kept, partial)
        partial.replace(path)
    return len(table) - len(kept)
