"""The requests that each system under test understands, as bytes, prepared before anything is measured."""

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from benchmarks.load_lab.laboratory import Laboratory
from benchmarks.load_lab.plan import Question
from lintel.events.schema import INCOMING_SCHEMA
from lintel.home import Home

INTERACTIVE, EVENT, BULK = "interactive", "event", "bulk"
_URGENCY = "Lintel-Urgency"


def scores(lab: Laboratory, leads: Sequence[str], *, urgency: str = INTERACTIVE, explain: bool = False) -> Question:
    """One request to our endpoint; each lead is to be answered by the champion, in this order."""
    body = {"lead_ids": list(leads), "as_of": lab.as_of.isoformat(), "explain": explain}
    headers = {"Authorization": f"Bearer {lab.key}", _URGENCY: urgency}
    whole = b'"reasons":' if explain else b'"served_by":"champion"'
    return Question(post("/v1/score", body, headers), _named(leads), whole, len(leads))


def plain(lab: Laboratory, leads: Sequence[str], *, explain: bool = False) -> Question:
    """The same question to the plain FastAPI endpoint."""
    body = {"tenant": lab.tenant, "lead_ids": list(leads), "as_of": lab.as_of.isoformat(), "explain": explain}
    return Question(post("/score", body), _named(leads), rows=len(leads))


def mlflow_scores(lab: Laboratory, leads: Sequence[str]) -> list[Question]:
    """A request a lead to `mlflow models serve`, whose model is asked with the lead's events."""
    with Home(lab.settings) as home:
        zone = home.events.tenant(lab.tenant).time_zone
        params = {"as_of": lab.as_of.isoformat(), "time_zone": zone}
        records = {lead: _records(home.events.lead_events(lab.tenant, [lead])) for lead in leads}
    return [
        Question(post("/invocations", {"dataframe_records": events, "params": params}), [f'\\"{lead}\\"'.encode()])
        for lead, events in records.items()
    ]


def singles(lab: Laboratory, *, urgency: str = INTERACTIVE, explain: bool = False) -> list[Question]:
    """A request for each open lead."""
    return [scores(lab, [lead], urgency=urgency, explain=explain) for lead in lab.leads]


def batches(lab: Laboratory, sizes: range, count: int, *, seed: int = 11) -> list[Question]:
    """Bulk requests of leads at random, none twice in one, with sizes drawn evenly from `sizes`."""
    randomness, most = random.Random(seed), len(lab.leads)
    drawn = [randomness.sample(lab.leads, min(most, randomness.choice(sizes))) for _ in range(count)]
    return [scores(lab, leads, urgency=BULK) for leads in drawn]


def appended(lab: Laboratory, count: int) -> list[Question]:
    """Requests that append an event each, of leads at random: what is known of them changes while they are scored."""
    randomness, now = random.Random(13), datetime.now(UTC).isoformat()
    events = [
        {"event_id": f"soak-{at}", "lead_id": randomness.choice(lab.leads), "occurred_at": now, "kind": "web.visit"}
        for at in range(count)
    ]
    headers = {"Authorization": f"Bearer {lab.key}"}
    return [Question(post("/v1/events", {"events": [event]}, headers), [b'"rejected":[]'], rows=0) for event in events]


def post(path: str, body: Any, headers: dict[str, str] | None = None) -> bytes:
    content = json.dumps(body, separators=(",", ":")).encode()
    standard = {"Host": "lintel", "Content-Type": "application/json", "Content-Length": str(len(content))}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in (standard | (headers or {})).items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def get(path: str) -> Question:
    return Question(f"GET {path} HTTP/1.1\r\nHost: lintel\r\n\r\n".encode())


def _named(leads: Sequence[str]) -> list[bytes]:
    return [f'"lead_id":{json.dumps(lead, ensure_ascii=False)}'.encode() for lead in leads]


def _records(events: pa.Table) -> list[dict[str, Any]]:
    names = [name for name in events.column_names if name in INCOMING_SCHEMA.names]
    return [
        {name: _text(value) for name, value in row.items() if value is not None}
        for row in events.select(names).to_pylist()
    ]


def _text(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
