"""What a command prints: results on standard output, everything else on standard error.

With `--json` standard output ends with one JSON object and nothing follows it.
"""

import errno
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from lintel.errors import InputError

errors = Console(stderr=True)
results = Console(width=None if sys.stdout.isatty() else 120)


@dataclass(frozen=True, slots=True)
class Bar:
    """A progress bar; calling it says how many more are done."""

    description: str
    bars: Progress
    task: TaskID

    def __call__(self, count: int) -> None:
        self.bars.advance(self.task, count)

    def begin(self, step: str) -> None:
        """Name what is at work now: in the bar, or in a line if standard error is no terminal."""
        if errors.is_terminal:
            self.bars.update(self.task, description=f"{self.description}: {step}")
        else:
            note(f"  {step} ...")


def note(message: str) -> None:
    """A line about what is going on, on standard error."""
    errors.print(message, highlight=False, soft_wrap=True)


def emit(value: dict[str, Any], *, as_json: bool, table: RenderableType | None = None) -> None:
    """The command's result: one JSON object, or `table` for people."""
    if as_json:
        sys.stdout.write(json.dumps(value, default=str, ensure_ascii=False) + "\n")
        sys.stdout.flush()
    elif table is not None:
        results.print(escape(table) if isinstance(table, str) else table, highlight=False)


def write_page(path: Path, text: str) -> None:
    """Write a file where the user wants it. Raises InputError where nothing can be written."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise InputError(
            f"{path} cannot be written ({error.strerror}).", mend="Name another file by --output."
        ) from None


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """A table in which long cells are folded and never cut. What stands in a cell is text, not Rich's markup."""
    made = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*("" if cell is None else escape(str(cell)) for cell in row))
    return made


@contextmanager
def progress(description: str, total: int | None) -> Iterator[Bar]:
    """A bar on standard error, or a line at the end if it is no terminal."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=errors, disable=not errors.is_terminal) as bars:
        yield Bar(description, bars, bars.add_task(description, total=total))
    if not errors.is_terminal:
        note(f"{description}: done")
