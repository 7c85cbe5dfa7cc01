"""What the monitors found, one JSON file a finding, by tenant, area and moment: plain files that outlive any format."""

import json
import os
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lintel.errors import IncompatibleError, InputError

AREAS = ("data", "drift", "performance", "consistency", "rollout", "automation")
_MOMENT = "%Y-%m-%dT%H-%M-%S.%fZ"  # no colons: a file name everywhere


class MonitoringRecord:
    """The findings of all tenants under one folder."""

    def __init__(self, root: Path) -> None:
        self._root = Path(root)

    def write(self, tenant: str, area: str, at: datetime, finding: Mapping[str, Any]) -> Path:
        """Keep a finding, whole or not at all; one of the same moment is replaced.

        Raises InputError for an area that does not exist, or a number that JSON cannot hold.
        """
        folder = self._folder(tenant, area)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{at.astimezone(UTC).strftime(_MOMENT)}.json"
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            text = json.dumps({"at": at.astimezone(UTC).isoformat(), **finding}, allow_nan=False, indent=1)
        except ValueError as error:
            raise InputError(f"A finding of {area!r} holds a number that is none ({error}).") from None
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
        return path

    def read(
        self, tenant: str, area: str, since: datetime | None = None, until: datetime | None = None
    ) -> list[dict[str, Any]]:
        """Findings from `since` on and before `until`, the oldest first, each with its moment `at` (ISO 8601)."""
        return [_content(path) for path in self._files(tenant, area) if _lies_in(_moment(path), since, until)]

    def newest(self, tenant: str, area: str) -> dict[str, Any] | None:
        """The last finding of an area; None if there is none."""
        files = self._files(tenant, area)
        return _content(files[-1]) if files else None

    def forget(self, tenant: str, area: str, *, kept: int, by: str) -> int:
        """Remove all but the newest `kept` findings of an area for each value of the field `by`; how many went."""
        seen: Counter[Any] = Counter()
        old = []
        for path in reversed(self._files(tenant, area)):
            value = _content(path).get(by)
            seen[value] += 1
            old += [path] if seen[value] > kept else []
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    def _folder(self, tenant: str, area: str) -> Path:
        if area not in AREAS:
            raise InputError(f"{area!r} is not an area of monitoring.", mend=f"Use one of {', '.join(AREAS)}.")
        return self._root / tenant / area

    def _files(self, tenant: str, area: str) -> list[Path]:
        return sorted(path for path in self._folder(tenant, area).glob("*.json") if not path.name.startswith("."))


def _moment(path: Path) -> datetime:
    return datetime.strptime(path.stem, _MOMENT).replace(tzinfo=UTC)


def _lies_in(moment: datetime, since: datetime | None, until: datetime | None) -> bool:
    return (since is None or moment >= since) and (until is None or moment < until)


def _content(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise IncompatibleError(
            f"The finding {path.name} is corrupt.", mend="Remove it; the next run adds one."
        ) from None
    return found
