"""What a command prints: results on standard output, everything else on standard error.

With `--json` standard output ends with one JSON object and nothing follows it.
"""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

errors = Console(stderr=True)
results = Console(width=None if sys.stdout.isatty() else 120)

Advance = Callable[[int], None]


def note(message: str) -> None:
    """A line about what is going on, on standard error."""
    errors.print(message, highlight=False)


def emit(value: dict[str, Any], *, as_json: bool, table: Table | str | None = None) -> None:
    """The command's result: one JSON object, or `table` for people."""
    if as_json:
        sys.stdout.write(json.dumps(value, default=str, ensure_ascii=False) + "\n")
        sys.stdout.flush()
    elif table is not None:
        results.print(table, highlight=False)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    made = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        made.add_column(column)
    for row in rows:
        made.add_row(*("" if cell is None else str(cell) for cell in row))
    return made


@contextmanager
def progress(description: str, total: int | None) -> Iterator[Advance]:
    """A bar on standard error, or a line if it is no terminal; the yielded function is told how many more are done."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=errors, disable=not errors.is_terminal) as bars:
        task = bars.add_task(description, total=total)
        yield lambda count: bars.advance(task, count)
    if not errors.is_terminal:
        note(f"{description}: done")
