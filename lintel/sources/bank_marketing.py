"""Telephone calls of a Portuguese bank that sold term deposits, May 2008 to November 2010: a table, not an event log.

Moro, S., Cortez, P., Rita, P. (2014): A data-driven approach to predict the success of bank telemarketing. Decision
Support Systems 62, 22-31. https://doi.org/10.1016/j.dss.2014.03.001

The calls are in the order of their date, which is not given. A month is a run of calls with the same name of a month.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pyarrow import csv

from lintel.errors import InputError, NotFoundError

CALLS = 41_188
FILE = Path("bank_marketing", "bank_additional_full.parquet")
"""Where the table lies in a mirror of published data."""

MACRO = ("emp.var.rate", "cons.price.idx", "cons.conf.idx", "euribor3m", "nr.employed")
"""Series of the whole country: they tell the month, and with it the rate of success in it."""
PROTECTED = ("age", "marital")
"""Kept for audits: nobody is scored by them."""
_NUMBERS = ("campaign", "previous")
_CATEGORIES = ("job", "education", "default", "housing", "loan", "contact", "day_of_week", "poutcome")
_NEVER = 999  # what `pdays` says if there was no call in an earlier campaign
_NEEDED = (*PROTECTED, *_NUMBERS, *_CATEGORIES, *MACRO, "month", "pdays", "y")


@dataclass(frozen=True, slots=True)
class BankCalls:
    """n calls in the order of their date. `duration` is known only after the call, and is not read."""

    features: NDArray[np.float32]  # (n, F), NaN where missing
    names: tuple[str, ...]  # (F,) categories are a column each, COLUMN=VALUE
    positive: NDArray[np.bool_]  # (n,) the client took the deposit
    month: NDArray[np.int32]  # (n,) 0, 1, ... in order of time; months without a call have no number
    month_names: tuple[str, ...]  # of each number, as published: the year is not
    age: NDArray[np.int64]  # (n,) years
    marital: NDArray[np.str_]  # (n,)

    def __len__(self) -> int:
        return len(self.positive)


def bank_calls(path: Path, *, macro: bool) -> BankCalls:
    """Read the publisher's table: the file as published (`;` between columns) or the same columns in Parquet.

    `macro` is whether the country's series are among the features. Raises NotFoundError if there is no file,
    InputError if columns of the table are missing.
    """
    table = _read(path)
    missing = [name for name in _NEEDED if name not in table.column_names]
    if missing:
        raise InputError(f"{path.name} has no column {missing[0]!r}.", mend="Use the publisher's table as it is.")
    names, columns = _numbers(table, macro=macro)
    for name in _CATEGORIES:
        values = _strings(table, name)
        for one in sorted(set(values.tolist())):
            names.append(f"{name}={one}")
            columns.append((values == one).astype(np.float32))
    month, month_names = months(_strings(table, "month"))
    return BankCalls(
        features=np.stack(columns, axis=1).astype(np.float32),
        names=tuple(names),
        positive=_strings(table, "y") == "yes",
        month=month,
        month_names=month_names,
        age=table.column("age").to_numpy(),
        marital=_strings(table, "marital"),
    )


def months(names: NDArray[np.str_]) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """The number of the run that each of n calls belongs to, (n,), and the name of each run."""
    if not len(names):
        return np.zeros(0, np.int32), ()
    begins = np.concatenate(([True], names[1:] != names[:-1]))
    return (np.cumsum(begins) - 1).astype(np.int32), tuple(names[begins].tolist())


def _read(path: Path) -> pa.Table:
    if not path.is_file():
        raise NotFoundError(f"There is no {path.name} of bank_marketing.", mend=f"A mirror has it as {FILE}.")
    if path.suffix == ".parquet":
        return pq.read_table(path)
    return csv.read_csv(path, parse_options=csv.ParseOptions(delimiter=";"))


def _numbers(table: pa.Table, *, macro: bool) -> tuple[list[str], list[NDArray[np.float64]]]:
    chosen: Sequence[str] = (*_NUMBERS, *MACRO) if macro else _NUMBERS
    columns = [table.column(name).to_numpy().astype(np.float64) for name in chosen]
    days = table.column("pdays").to_numpy().astype(np.float64)
    return [*chosen, "pdays"], [*columns, np.where(days == _NEVER, np.nan, days)]


def _strings(table: pa.Table, name: str) -> NDArray[np.str_]:
    return np.array(table.column(name).cast(pa.string()).to_pylist(), dtype=np.str_)
