"""Alerts for a Slack-compatible incoming webhook, as blocks.

Sizes as in Slack's Block Kit reference: a header has at most 150 characters, a section 3,000, a message 50 blocks.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from lintel.alerts.message import Entry, Message, shortened
from lintel.alerts.sinks.posting import Patience, post
from lintel.alerts.sinks.receiver import Receiver

_MOST_HEADER, _MOST_SECTION, _MOST_ENTRIES = 150, 3_000, 20
_HEADERS = {"Content-Type": "application/json", "User-Agent": "lintel"}


@dataclass(frozen=True)
class SlackSink:
    """POSTs to an incoming webhook, whose address is its secret."""

    receiver: Receiver
    patience: Patience = field(default_factory=Patience)
    name: str = "slack"

    def send(self, message: Message) -> None:
        body = json.dumps(blocks(message), ensure_ascii=False).encode()
        post(self.receiver, self.name, body, lambda: _HEADERS, self.patience)


def blocks(message: Message) -> dict[str, Any]:
    """The message in Block Kit. `text` is what a notification shows."""
    title = shortened(message.title, _MOST_HEADER)
    shown = [_section(entry) for entry in message.entries[:_MOST_ENTRIES]]
    left = len(message.entries) - len(shown)
    if left:
        shown.append(_text(f"and {left} more: `lintel alerts list`"))
    about = f"owner {escaped(message.owner)} | runbook {escaped(message.runbook)} | key {message.key}"
    context = {"type": "context", "elements": [{"type": "mrkdwn", "text": shortened(about, _MOST_SECTION)}]}
    header = {"type": "header", "text": {"type": "plain_text", "text": title, "emoji": False}}
    return {"text": escaped(title), "blocks": [header, *shown, context]}


def escaped(text: str) -> str:
    """With the three characters that Slack's markup is made of as entities, so that no text mentions or links."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _section(entry: Entry) -> dict[str, Any]:
    key = f" ({escaped(entry.key)})" if entry.key else ""
    head = f"*{escaped(entry.tenant)}*{key}: "
    foot = f"\nsince {entry.first_at}, {entry.count} times, alert {entry.alert_id}"
    return _text(head + _fitting(entry.summary, _MOST_SECTION - len(head) - len(foot)) + foot)


def _text(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _fitting(text: str, most: int) -> str:
    """Escaped and at most so long; cut before it is escaped, so that no entity is cut in two."""
    kept = text
    while len(escaped(kept)) > most:
        kept = shortened(kept, len(kept) - max(1, len(escaped(kept)) - most) // 5 - 1)
    return escaped(kept)
