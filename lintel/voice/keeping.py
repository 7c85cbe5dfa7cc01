"""A call that is over, kept: its analysis with the lead's calls, and what the next score is to know, in the log."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from lintel.errors import ErasedLeadError, InputError, NotFoundError
from lintel.events.validation import table_from_rows
from lintel.home import Home
from lintel.store.calls import Call, Source
from lintel.voice.analysis import CallAnalysis
from lintel.voice.call_event import call_events


def keep_call(
    home: Home,
    analysis: CallAnalysis,
    *,
    tenant: str,
    call_id: str,
    lead_id: str | None,
    agent_id: str | None,
    source: Source,
    began_at: datetime,
    now: datetime,
    warnings: Sequence[str] = (),
    told: Mapping[str, Any] | None = None,
) -> int:
    """Keep a call, and return how many events came of it: none without a lead, none the second time.

    `told` holds more members of what is kept, without words of the call, such as how a live one ended. Where the log
    refuses the events, the call is kept with a warning that says why.

    Raises NotFoundError for a tenant that there is not, InputError where the call is kept with another lead already,
    ErasedLeadError for a lead that was erased, also meanwhile: then nothing of it stays.
    """
    home.events.tenant(tenant)
    check_whose(home, tenant, call_id, lead_id)
    ended_at = began_at + timedelta(seconds=analysis.seconds)
    document = {**analysis.to_json(), "warnings": list(warnings), **(told or {})}
    call = Call(tenant, call_id, lead_id, agent_id, source, "done", began_at, ended_at, document)
    home.calls.put(call)
    if lead_id is None:
        return 0
    if home.erase_late(tenant, [lead_id]):
        raise ErasedLeadError
    rows = call_events(analysis, call_id=call_id, lead_id=lead_id, agent_id=agent_id, began_at=began_at)
    checked = table_from_rows(rows)
    report = home.events.append(tenant, checked.events, now=now, source="voice")
    if report.rejected:
        why = sorted({f"{one.column} {one.reason}" for one in report.rejected})
        said = [*warnings, f"The call is not in the event log: {'; '.join(why)}."]
        home.calls.put(replace(call, document={**document, "warnings": said}))
    return report.appended


def check_whose(home: Home, tenant: str, call_id: str, lead_id: str | None) -> None:
    """Raises InputError where a call is kept with another lead: the log would still hold it as theirs."""
    with suppress(NotFoundError):
        if home.calls.get(tenant, call_id).lead_id not in (None, lead_id):
            raise InputError(
                f"This recording is kept already, as the call {call_id}, with another lead.",
                mend=f"See `lintel call show {call_id} --tenant {tenant}`.",
            )
