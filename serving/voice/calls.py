"""The live calls of a process: how many there may be, and that none stays when nobody is there any more."""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from lintel.errors import InputError, NotFoundError
from lintel.voice.activity.detector import Detector
from lintel.voice.activity.endpointing import detector
from lintel.voice.transcription.engine import Engine
from serving.problems import RequestError
from serving.voice.channel import Channel
from serving.voice.commentary import Coach, Commentary, Understanding
from serving.voice.decoder import Decoder
from serving.voice.session import CallSession, CallStart

__all__ = ["CallLimits", "CallStart", "Calls"]

TICK_S = 0.5
RETRY_AFTER_S = 30
logger = logging.getLogger("lintel.serving.voice")


@dataclass(frozen=True, slots=True)
class CallLimits:
    """`calls` at once; a call without audio for `idle_s` has vanished; none lasts longer than `longest_s`. A call that
    has ended can be asked for during `kept_s`."""

    calls: int = 20
    idle_s: float = 30.0
    longest_s: float = 4 * 3600.0
    kept_s: float = 300.0


class Calls:
    """The registry. Lives on the event loop on which the first call is opened.

    Parameters
    ----------
    engines: for the decoder, the preferred one first.
    coach, understanding: made for each call; None where none is wanted.
    clock: seconds, monotonic.
    """

    def __init__(
        self,
        engines: Sequence[Engine],
        *,
        coach: Callable[[CallStart], Coach | None] | None = None,
        understanding: Understanding | None = None,
        detectors: Callable[[], Detector] = detector,
        limits: CallLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._coach = coach
        self._understanding = understanding
        self._detectors = detectors
        self._limits = limits or CallLimits()
        self._clock = clock
        self._decoder = Decoder(engines, clock=clock)
        self._calls: dict[tuple[str, str], CallSession] = {}
        self._ended_at: dict[tuple[str, str], float] = {}
        self._tending: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def live(self) -> list[CallSession]:
        """The calls that have not ended."""
        return [call for call in self._calls.values() if not call.ended]

    @property
    def decoder(self) -> Decoder:
        return self._decoder

    def open(self, start: CallStart) -> CallSession:
        """A new call. Raises InputError for a language that the engines lack, or speakers that are none or double;
        RequestError 503 where there are too many calls already."""
        self._check(start)
        loop = asyncio.get_running_loop()
        if self._tending is None:
            self._decoder.start()
            self._tending = loop.create_task(self._tend())
        call = CallSession(
            uuid.uuid4().hex,
            start,
            [Channel(self._detectors()) for _ in start.speakers],
            self._decoder,
            commentary=Commentary(self._understanding, self._coach(start) if self._coach else None),
            clock=self._clock,
            post=partial(_post, loop),
        )
        self._calls[start.tenant, call.call_id] = call
        return call

    def get(self, tenant: str, call_id: str) -> CallSession:
        """A call that is live, or ended a short time ago. Raises NotFoundError."""
        try:
            return self._calls[tenant, call_id]
        except KeyError:
            raise NotFoundError(
                "There is no such call.", mend="Calls that ended are kept for some minutes only."
            ) from None

    def tick(self) -> None:
        """Tend every call: end those that nobody sends to any more, forget those that ended long ago."""
        for key, call in list(self._calls.items()):
            if call.ended:
                self._forget(key)
            else:
                self._tend_one(call)

    async def close(self) -> None:
        """End all calls, each with its last words, and the decoder."""
        self._closed = True
        for call in self.live:
            call.end("shut_down")
        await asyncio.gather(*(call.wait_ended() for call in self._calls.values()))
        if self._tending is not None:
            self._tending.cancel()
            await asyncio.gather(self._tending, return_exceptions=True)
            await asyncio.to_thread(self._decoder.stop)
        self._calls.clear()

    def _check(self, start: CallStart) -> None:
        if not start.speakers or len(set(start.speakers)) < len(start.speakers):
            raise InputError("Each channel of a call needs a speaker of its own.", mend="Name them agent and lead.")
        if not self._decoder.knows(start.language):
            raise InputError(
                f"The speech models here do not all know the language {start.language!r}.",
                mend='Open the call with language "en", or serve multilingual models, such as "base".',
            )
        if self._closed or len(self.live) >= self._limits.calls:
            raise RequestError(
                503,
                "too-many-calls",
                "This process listens to as many calls as it can.",
                mend="Try again when one has ended, or serve more processes.",
                headers={"Retry-After": str(RETRY_AFTER_S)},
            )

    async def _tend(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self.tick()

    def _tend_one(self, call: CallSession) -> None:
        reason: str | None = None
        if call.idle_s > self._limits.idle_s:
            reason = "vanished"
        elif call.age_s > self._limits.longest_s:
            reason = "too_long"
        try:
            if reason:
                call.end(reason)
            call.tick()
        except Exception as error:  # one call's fault must not leave the others untended
            logger.error("A call could not be tended: %s", type(error).__name__)

    def _forget(self, key: tuple[str, str]) -> None:
        ended_at = self._ended_at.setdefault(key, self._clock())
        if self._clock() - ended_at >= self._limits.kept_s:
            del self._calls[key], self._ended_at[key]


def _post(loop: asyncio.AbstractEventLoop, function: Callable[..., None], *arguments: object) -> None:
    """Have the loop call a function; a loop that was closed while the decoder was at work listens no more."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(function, *arguments)
