"""A call in the event log, so that the next score knows what was said."""

from datetime import datetime, timedelta
from typing import Any

from lintel.voice.analysis import CallAnalysis
from lintel.voice.transcript import AGENT
from lintel.voice.understanding.insights import Fact

_MOST_TEXT = 20_000
"""Characters that signals read."""
Event = dict[str, Any]


def call_events(
    analysis: CallAnalysis,
    *,
    call_id: str,
    lead_id: str,
    agent_id: str | None,
    began_at: datetime,
) -> list[Event]:
    """Rows for the log: `call.completed`, and `consent.withdrawn` where the lead plainly asked not to be called again.

    The text is what the lead said, for signals are read from it as from a message of the lead's; facts, objections and
    what became of an appointment go to the attributes. The same call gives the same ids, so that it counts once.
    """
    ended_at = began_at + timedelta(seconds=analysis.seconds)
    common: Event = {
        "lead_id": lead_id,
        "agent_id": agent_id,
        "object_id": call_id,
        "channel": "call",
        "source": "voice",
        "occurred_at": ended_at,
    }
    text = " ".join(turn.text for turn in analysis.turns if turn.speaker != AGENT)[:_MOST_TEXT]
    completed = common | {
        "event_id": f"voice.{call_id}.completed",
        "kind": "call.completed",
        "value": analysis.seconds / 60.0,
        "text": text or None,
        "attributes": _attributes(analysis),
    }
    withdrawn = common | {"event_id": f"voice.{call_id}.opted-out", "kind": "consent.withdrawn"}
    return [completed, withdrawn] if _opted_out(analysis) else [completed]


def _attributes(analysis: CallAnalysis) -> Event:
    heard = [
        (turn, one)
        for turn, insights in zip(analysis.turns, analysis.understood, strict=True)
        for one in insights.findings()
    ]
    facts = {one.name: one.value for turn, one in heard if isinstance(one, Fact) and turn.speaker != AGENT}
    objections = {one.category for insights in analysis.understood for one in insights.objections}
    statuses = [claim.status for claim in analysis.summary.next_step if claim.status]
    return {
        "facts": facts,
        "objections": sorted(objections),
        "appointment": statuses[-1] if statuses else None,
        "talk_share": {who: round(share, 3) for who, share in analysis.talk.talk_share.items()},
        "turns": len(analysis.turns),
    }


def _opted_out(analysis: CallAnalysis) -> bool:
    return any(
        insights.opt_out is not None and insights.opt_out.hard and turn.speaker != AGENT
        for turn, insights in zip(analysis.turns, analysis.understood, strict=True)
    )
