"""Sends what is pending: grouped, no more than a sink's messages an hour, and so that no kill loses any.

A message's key is committed before the message is sent, and that it was sent after. Who is killed between the two
sends it again with the same key and the same alerts in it.
"""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from lintel.alerts.alert import Alert
from lintel.alerts.delivery import Delivery, message_key
from lintel.alerts.message import message_of
from lintel.alerts.signal import Severity
from lintel.alerts.sinks.sink import DeliveryError, Sink
from lintel.alerts.store import AlertStore

MOST_ENTRIES = 50
"""Alerts in one message."""
_WINDOW = timedelta(hours=1)
_log = logging.getLogger(__name__)

Pair = tuple[Alert, Delivery]


@dataclass(frozen=True, slots=True)
class Batch:
    """Deliveries that go out in one message."""

    key: str
    sink: str
    pairs: tuple[Pair, ...]

    @property
    def severity(self) -> Severity:
        return max((alert.severity for alert, _ in self.pairs), key=lambda one: one.rank)

    @property
    def places(self) -> dict[str, list[tuple[int, str]]]:
        """Alert id -> its deliveries."""
        found: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for alert, delivery in self.pairs:
            found[alert.alert_id].append((delivery.sequence, delivery.sink))
        return dict(found)


@dataclass
class Dispatched:
    """What became of a dispatch: messages sent and not taken, and deliveries that wait for their turn."""

    sent: int = 0
    failed: int = 0
    waiting: int = 0
    at: dict[str, list[datetime]] = field(default_factory=dict)
    """When each sink was sent a message in the last hour."""


@dataclass(frozen=True)
class Dispatcher:
    """Sends what is pending.

    `per_hour`: most messages to a sink in an hour; the rest waits, and is grouped when its turn comes. `runbooks`:
    what the addresses of the pages begin with.
    """

    store: AlertStore
    sinks: Mapping[str, Sink]
    per_hour: int
    runbooks: str

    def dispatch(self, now: datetime, before: Mapping[str, Sequence[datetime]]) -> Dispatched:
        """Send what is due, the worst first; a sink that fails is left alone until the next time.

        `before` says when each sink was sent a message.
        """
        done = Dispatched(at={sink: [at for at in times if now - at < _WINDOW] for sink, times in before.items()})
        broken: set[str] = set()
        for batch in batches(self.store.undelivered(), now):
            used = done.at.setdefault(batch.sink, [])
            if batch.sink in broken or len(used) >= self.per_hour:
                done.waiting += len(batch.pairs)
                continue
            fault = self._send(batch, now)
            if fault is None:
                done.sent += 1
            else:
                done.failed += 1
                broken |= set() if fault.permanent else {batch.sink}
            used.append(now)
        return done

    def _send(self, batch: Batch, now: datetime) -> DeliveryError | None:
        self.store.settle(batch.places, lambda one: replace(one, message=batch.key), now)
        alerts = [alert for alert, _ in batch.pairs]
        message = message_of(batch.key, batch.pairs[0][1].kind, batch.severity, alerts, self.runbooks)
        try:
            if batch.sink not in self.sinks:
                raise DeliveryError(batch.sink, "is not configured", permanent=True)
            self.sinks[batch.sink].send(message)
        except DeliveryError as error:
            reason, permanent = error.reason, error.permanent
            _log.warning("the sink %s did not take the message %s: %s", batch.sink, batch.key, reason)
            self.store.settle(batch.places, lambda one: one.failed(reason, now, permanent=permanent), now)
            return error
        self.store.settle(batch.places, lambda one: one.sent(now), now)
        return None


def batches(alerts: Sequence[Alert], now: datetime) -> list[Batch]:
    """Deliveries that are due, by message: those that have a key already as they were, the others by sink, rule, kind
    of notice and severity. The worst first, then the oldest."""
    groups: dict[tuple[object, ...], list[Pair]] = defaultdict(list)
    for alert in alerts:
        for one in alert.deliveries:
            if one.due(now):
                fresh = (alert.rule, one.kind, one.level, alert.severity)
                groups[(one.sink, one.message, *(() if one.message else fresh))].append((alert, one))
    found = [
        Batch(pairs[0][1].message or _key(part), pairs[0][1].sink, tuple(part))
        for pairs in groups.values()
        for part in ([pairs] if pairs[0][1].message else _parts(pairs))
    ]
    return sorted(found, key=lambda batch: (-batch.severity.rank, batch.pairs[0][1].at, batch.pairs[0][1].sequence))


def _parts(pairs: list[Pair]) -> list[list[Pair]]:
    return [pairs[start : start + MOST_ENTRIES] for start in range(0, len(pairs), MOST_ENTRIES)]


def _key(pairs: Sequence[Pair]) -> str:
    return message_key(f"{alert.alert_id}/{one.sequence}/{one.sink}" for alert, one in pairs)
