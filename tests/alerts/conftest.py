"""Real receivers on loopback: HTTP that answers as it is told, and a small SMTP server."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest

from lintel.alerts.message import Entry, Message
from lintel.alerts.signal import Severity
from tests.alerts.receivers import HttpReceiver, MailReceiver

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def http_receiver() -> Iterator[Callable[..., HttpReceiver]]:
    with ExitStack() as stack:
        yield lambda *answers, **options: stack.enter_context(HttpReceiver(list(answers), **options))


@pytest.fixture
def mail_receiver() -> Iterator[Callable[..., MailReceiver]]:
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(MailReceiver(**options))


@pytest.fixture
def message() -> Callable[..., Message]:
    def make(*entries: Entry, key: str = "k1", kind: str = "firing", rule: str = "drift") -> Message:
        told = entries or (Entry("a1", "acme", "", "3 of 150 columns drifted.", 2, NOW.isoformat()),)
        return Message(key, kind, Severity.WARNING, rule, "models", "docs/runbooks/drift.md", told)

    return make
