"""Which protected group each lead belongs to: held beside the event log for audits, and read by nothing else.

The file is the tenant's own: a CSV with the columns `lead_id` and `group`. Groups may be those of an attribute that
leads stated themselves, or of the area they live in. Nothing of it is stored: reports hold counts and rates a group.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lintel.errors import InputError, NotFoundError

FILE = "audit_groups.csv"
"""Its name among a tenant's intermediate results."""
COLUMNS = ("lead_id", "group")
MOST_GROUPS = 20
_PLAIN = re.compile(r"[\w .,:;/+&()<>=-]{0,60}")
"""What may stand in a table."""
UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class Groups:
    """The group of each of n rows: a position in `names`, or UNKNOWN."""

    code: NDArray[np.int64]  # (n,)
    names: tuple[str, ...]

    def take(self, rows: NDArray[np.integer]) -> "Groups":
        return Groups(self.code[rows], self.names)


def groups_of(lead_ids: Sequence[str], stated: Mapping[str, str]) -> Groups:
    """The group of each of L leads; UNKNOWN for those of whom none is stated. Names are sorted."""
    names = tuple(sorted({stated[lead] for lead in lead_ids if lead in stated}))
    position = {name: code for code, name in enumerate(names)}
    codes = [position[stated[lead]] if lead in stated else UNKNOWN for lead in lead_ids]
    return Groups(np.array(codes, np.int64), names)


def read_groups(path: Path) -> dict[str, str]:
    """Lead id -> group from the CSV at `path`; leads with an empty group are left out.

    Raises NotFoundError if there is no file, InputError if it cannot be read as such, if a lead has two groups, or if
    there are so many groups that the column cannot be one. No message says whom or what group a row names.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _stated(csv.DictReader(file), path.name)
    except FileNotFoundError:
        raise NotFoundError(f"{path} does not exist.", mend=f"Write a CSV with {' and '.join(COLUMNS)}.") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as CSV in UTF-8: {type(error).__name__}.") from None


def _stated(rows: "csv.DictReader[str]", name: str) -> dict[str, str]:
    for column in COLUMNS:
        if column not in (rows.fieldnames or ()):
            raise InputError(f"{name} has no column {column!r}.", mend=f"Its first line is {','.join(COLUMNS)}.")
    stated: dict[str, str] = {}
    for row in rows:
        lead, group = ((row[column] or "").strip() for column in COLUMNS)
        if not lead:
            raise InputError(f"{name}, line {rows.line_num}: lead_id is empty.", mend="Name a lead in every row.")
        if not _PLAIN.fullmatch(group):
            raise InputError(f"{name}, line {rows.line_num}: the group is no plain word.", mend="At most 60 letters.")
        if group and stated.setdefault(lead, group) != group:
            raise InputError(f"{name}, line {rows.line_num}: the lead has another group above.", mend="Keep one.")
    count = len(set(stated.values()))
    if count > MOST_GROUPS:
        raise InputError(f"{name} has {count} groups, more than {MOST_GROUPS}.", mend="Band them: ages, ZIP areas.")
    return stated
