"""The live calls of this process with what their doors know of them, and what is kept of each when it has ended."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from anyio import to_thread

from lintel.errors import LintelError, NotFoundError
from lintel.home import Home
from lintel.store.calls import ShownCard, Source
from lintel.voice.keeping import keep_call
from lintel.voice.recorded import Heard, Tools, analysed, usefulness
from serving.problems import not_ready
from serving.voice.calls import CallStart
from serving.voice.listening import Listening
from serving.voice.live_event import LiveEvent
from serving.voice.metrics import VoiceMetrics
from serving.voice.session import CallSession

logger = logging.getLogger("lintel.serving.voice")
_TOLD_LAST = ("consent", "ended")
"""What a call told last of these is kept with it."""
KEPT_SECONDS = 120.0
"""How long a call that has ended can still be watched: those who lost the connection come back for its end."""


@dataclass(frozen=True, eq=False)
class Line:
    """A live call. `external_id` is what the other side calls it (Twilio's CallSid); `opened` is of the monotonic
    clock, `began_at` of the wall's."""

    session: CallSession
    start: CallStart
    door: Source
    external_id: str | None
    opened: float
    began_at: datetime
    clock: Callable[[], float]
    tools: Tools
    seen: dict[str, LiveEvent] = field(default_factory=dict)
    """The newest event of each kind that a state is read from."""
    streams: set[object] = field(default_factory=set)
    """The connections that carry its audio now."""

    @property
    def is_live(self) -> bool:
        return self.session.ended is None

    @property
    def now(self) -> float:
        """Seconds on the call's clock."""
        return self.clock() - self.opened

    def moment(self, at: float) -> datetime:
        return self.began_at + timedelta(seconds=at)


class Lines:
    """Opens calls, finds them for their own tenant, and keeps what they came to.

    Parameters
    ----------
    listening, fault: the sessions and what they are read with, or why there are none.
    now, clock: the wall's and the monotonic clock.
    """

    def __init__(
        self,
        listening: Listening | None,
        fault: str | None,
        home: Home,
        metrics: VoiceMetrics,
        *,
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.fault = fault
        self._listening = listening
        self._home, self._metrics, self._now, self._clock = home, metrics, now, clock
        self._lines: dict[str, Line] = {}
        self._keeping: set[asyncio.Task[None]] = set()

    def open(self, start: CallStart, door: Source, external_id: str | None = None) -> Line:
        """Begin a call. Raises RequestError (503) at the cap, and where nothing can listen."""
        if self._listening is None:
            raise not_ready("Nothing can listen to calls here.", mend=self.fault)
        session = self._listening.calls.open(start)
        line = Line(session, start, door, external_id, self._clock(), self._now(), self._clock, self._listening.tools)
        self._lines[session.call_id] = line
        task = asyncio.create_task(self._keep(line))
        self._keeping.add(task)
        task.add_done_callback(self._keeping.discard)
        return line

    def get(self, tenant: str, call_id: str) -> Line:
        """A live call, or one that ended a moment ago. Raises NotFoundError, also for another tenant's."""
        line = self.find(tenant, call_id)
        if line is None:
            raise NotFoundError(f"There is no live call {call_id!r}.", mend="`GET /v1/calls` lists them.")
        return line

    def find(self, tenant: str, call_id: str) -> Line | None:
        """The same, or None."""
        line = self._lines.get(call_id)
        return line if line is not None and line.session.tenant == tenant else None

    def known(self, tenant: str, door: Source, external_id: str) -> Line | None:
        """The newest call that the other side calls so: live, or ended a moment ago."""
        named = (tenant, door, external_id)
        found = [one for one in self._lines.values() if (one.start.tenant, one.door, one.external_id) == named]
        return found[-1] if found else None

    def of(self, tenant: str) -> Iterator[Line]:
        """The tenant's live calls, the oldest first."""
        return (line for line in self._lines.values() if line.session.tenant == tenant and line.is_live)

    @property
    def live(self) -> int:
        """How many calls are live, of all tenants."""
        return sum(line.is_live for line in self._lines.values())

    async def close(self) -> None:
        """End all calls and wait until what is to be kept of them is kept."""
        if self._listening is not None:
            await self._listening.calls.close()
        await asyncio.gather(*self._keeping)

    async def _keep(self, line: Line) -> None:
        with self._metrics.live.labels(line.door).track_inprogress():
            async for event in line.session.watch():
                await self._take(line, event)
        ended = line.seen.get("ended")
        self._metrics.calls.labels(line.door, ended.data["reason"] if ended else "broken").inc()
        if was_heard(line):
            try:
                await to_thread.run_sync(self._put, line)
            except LintelError as error:
                logger.error("a call could not be kept: %s", error.slug)
        asyncio.get_running_loop().call_later(KEPT_SECONDS, self._lines.pop, line.session.call_id, None)

    async def _take(self, line: Line, event: LiveEvent) -> None:
        line.seen[event.kind] = event
        if event.kind == "consent" and event.data["state"] == "granted":
            line.seen["granted"] = event
        card = event.data.get("card") if event.kind == "card" else None
        if card is not None:
            shown = ShownCard(card["card_id"], card["rule"], card["severity"], line.moment(event.at))
            start = line.start
            await to_thread.run_sync(self._home.calls.show, start.tenant, line.session.call_id, [shown])

    def _put(self, line: Line) -> None:
        """Read the call once more as a whole and keep it, redacted, with its lead."""
        session, start = line.session, line.start
        told = Heard(tuple(session.transcript()), session.speakers, session.now, ())
        records = usefulness(self._home.calls.card_records(start.tenant))
        keep_call(
            self._home,
            analysed(told, line.tools, records),
            tenant=start.tenant,
            call_id=session.call_id,
            lead_id=start.lead_id,
            agent_id=start.agent_id,
            source=line.door,
            began_at=line.began_at,
            now=self._now(),
            told={name: line.seen[name].data for name in _TOLD_LAST if name in line.seen},
        )


def was_heard(line: Line) -> bool:
    """Whether the call was heard at all: of one that was not, nothing is kept."""
    return "granted" in line.seen and line.session.now > 0


def seen_data(line: Line, kind: str) -> dict[str, Any] | None:
    """What the newest event of a kind said."""
    event = line.seen.get(kind)
    return None if event is None else event.data
