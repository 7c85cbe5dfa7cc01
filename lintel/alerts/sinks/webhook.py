"""Alerts as signed JSON to a webhook."""

import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from pydantic import SecretStr

from lintel.alerts.message import Message
from lintel.alerts.sinks.posting import Patience, post
from lintel.alerts.sinks.receiver import Receiver


@dataclass(frozen=True)
class WebhookSink:
    """POSTs the message. With a secret each attempt is signed anew, with its time, so that an old one can be told from
    a new one; without one it is not signed. `now` is the wall clock."""

    receiver: Receiver
    secret: SecretStr | None
    now: Callable[[], datetime]
    patience: Patience = field(default_factory=Patience)
    name: str = "webhook"

    def send(self, message: Message) -> None:
        body = json.dumps(message.to_json(), ensure_ascii=False).encode()
        post(self.receiver, self.name, body, lambda: self._headers(message.key, body), self.patience)

    def _headers(self, key: str, body: bytes) -> Mapping[str, str]:
        common = {"Content-Type": "application/json", "Idempotency-Key": key, "User-Agent": "lintel"}
        if self.secret is None:
            return common
        timestamp = str(int(self.now().timestamp()))
        signed = signature(self.secret.get_secret_value(), timestamp, body)
        return common | {"Lintel-Timestamp": timestamp, "Lintel-Signature": signed}


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """`v1=` and the HMAC-SHA256, in hex, of the timestamp (Unix seconds), a full stop and the body."""
    return "v1=" + hmac.new(secret.encode(), f"{timestamp}.".encode() + body, sha256).hexdigest()
