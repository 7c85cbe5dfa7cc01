"""Every source, for the battery in this folder. A new source is one more line in SOURCES."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from lintel.sources.bpic2012 import bpic2012
from lintel.sources.csv import CsvSource
from lintel.sources.csv_mapping import read_csv_mapping
from lintel.sources.simulator import Simulator, preset
from lintel.sources.source import Source
from lintel.sources.xes import XesSource
from lintel.sources.xes_mapping import read_xes_mapping

BATCH_ROWS = 250

Make = Callable[[int], Source]
"""Gives a source of at least 25 times `size` events, in batches of about BATCH_ROWS."""

SAMPLE = Path(__file__).parents[1] / "data/funnel.xes"


def _csv(folder: Path, size: int) -> Source:
    heading, *rows = (folder / "viewings.csv").read_text().splitlines(keepends=True)
    larger = folder / f"viewings-{size}.csv"
    copies = ("".join(rows).replace("C-", f"C{copy}-") for copy in range(3 * size))
    larger.write_text(heading + "".join(copies))
    return CsvSource(larger, read_csv_mapping(folder / "viewings.toml"), batch_rows=BATCH_ROWS)


def _larger_log(log: Path, larger: Path, size: int, name: str) -> Path:
    """The log with its traces repeated under new names."""
    text = log.read_text()
    begin, end = text.index("<trace>"), text.index("</log>")
    traces = text[begin:end]
    copies = (traces.replace(f'value="{name}', f'value="{copy}.{name}') for copy in range(size))
    larger.write_text(text[:begin] + "".join(copies) + text[end:])
    return larger


def _xes(folder: Path, size: int) -> Source:
    larger = _larger_log(folder / "loans.xes", folder / f"loans-{size}.xes", 5 * size, "A-")
    return XesSource(larger, read_xes_mapping(folder / "loans.toml"), batch_rows=BATCH_ROWS)


def _bpic2012(folder: Path, size: int) -> Source:
    return bpic2012(_larger_log(SAMPLE, folder / f"funnel-{size}.xes", size, "9000"), batch_rows=BATCH_ROWS)


def _simulator(folder: Path, size: int) -> Source:
    return Simulator(preset("demo"), "t", seed=1, leads=size, days=60, batch_leads=10)


# (folder with the documentation's examples, size) -> the source
SOURCES: dict[str, Callable[[Path, int], Source]] = {
    "csv": _csv,
    "xes": _xes,
    "bpic2012": _bpic2012,
    "simulator": _simulator,
}


@pytest.fixture(params=SOURCES)
def make(request: pytest.FixtureRequest, examples: Path) -> Make:
    return partial(SOURCES[request.param], examples)
