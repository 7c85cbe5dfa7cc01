"""Whether what is to happen each night, or each hour, did. Pure: times are arguments."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

NIGHT_AT_MOST = timedelta(hours=26)
"""Between two nights' runs: a day, the hour that a change of clocks adds, and one for the run itself."""
COMPACTION_AT_MOST = timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class Missed:
    """What did not happen in time: a tenant's night, or the compaction of the prediction log (`tenant` is empty)."""

    tenant: str
    explanation: str


def missed(
    nights: Mapping[str, datetime | None],
    known_since: Mapping[str, datetime],
    compacted_at: datetime | None,
    waiting_segments: int,
    now: datetime,
) -> list[Missed]:
    """Tenants whose last successful run (None: there was none) is too long ago, and a compaction that is overdue.

    A tenant without a run is given a night from when it became known. The compaction is only missed while there is
    something to compact.
    """
    found = []
    for tenant, succeeded in sorted(nights.items()):
        since = now - (succeeded or known_since.get(tenant, now))
        if since > NIGHT_AT_MOST:
            ago = f"{since / timedelta(hours=1):.0f} hours"
            words = f"Its last run succeeded {ago} ago." if succeeded else f"No run has succeeded in its {ago} here."
            found.append(Missed(tenant, words))
    if waiting_segments and (compacted_at is None or now - compacted_at > COMPACTION_AT_MOST):
        told = "never" if compacted_at is None else f"{(now - compacted_at) / timedelta(hours=1):.0f} hours ago"
        found.append(Missed("", f"{waiting_segments} segments of the prediction log wait; it was compacted {told}."))
    return found
