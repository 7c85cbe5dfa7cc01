"""Examples that the documentation shows, the published data where there is a mirror, and reading a source whole."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from lintel.events.validation import Rejection
from lintel.sources.source import Source

ROOT = Path(__file__).parents[2]
_EXAMPLE = re.compile(r"\*\*`([\w.]+)`\*\*\n\n```\w+\n(.*?)```", re.DOTALL)

Everything = tuple[list[dict[str, Any]], list[Rejection]]


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    """A folder with the example files of docs/sources.md, as the page shows them."""
    folder = tmp_path / "examples"
    folder.mkdir()
    for name, text in _EXAMPLE.findall((ROOT / "docs/sources.md").read_text(encoding="utf-8")):
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def everything() -> Callable[[Source], Everything]:
    """Reads a source to its end: events as dicts, and rejections."""

    def read(source: Source) -> Everything:
        batches = list(source.batches())
        events = [event for batch in batches for event in batch.events.to_pylist()]
        return events, [rejection for batch in batches for rejection in batch.rejected]

    return read


@pytest.fixture(scope="session")
def published() -> Path:
    """Folder of published data."""
    mirror = Path(os.environ.get("LINTEL_DATA_MIRROR") or ROOT.parent / "shared/data")
    if not (mirror / "bpic2012").is_dir():
        pytest.skip(f"no published data in {mirror} (set LINTEL_DATA_MIRROR)")
    return mirror


@pytest.fixture
def together() -> Callable[[Source], pa.Table]:
    """All events of a source as one table."""
    return lambda source: pa.concat_tables([batch.events for batch in source.batches()])
