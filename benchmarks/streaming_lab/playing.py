"""Calls played to live sessions piece by piece: on a simulated clock that computing moves on, or in real time."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lintel.voice.activity.endpointing import detector
from lintel.voice.audio.samples import SAMPLE_RATE, Samples, seconds
from lintel.voice.streaming.pressure import Pressure
from lintel.voice.transcript import Word
from lintel.voice.transcription.engine import Engine, Hypothesis, Window
from serving.voice.calls import Calls, CallStart
from serving.voice.channel import Channel
from serving.voice.commentary import Commentary
from serving.voice.decoder import Decoder
from serving.voice.live_event import LiveEvent
from serving.voice.session import CallSession

PIECE = SAMPLE_RATE // 50
"""20 ms, as telephones and browsers send it."""
SPEAKERS = ("agent", "lead")

Call = Sequence[Samples]
"""The channels of a call, of equal length."""


@dataclass(frozen=True)
class Spoken:
    """A committed word, and when it was known: seconds of the call, on the clock it was played by."""

    word: Word
    known: float


@dataclass
class Played:
    """What came of a call: the words of each channel, its cards and when each was shown, and the lag in ms whenever it
    was told, with its time."""

    words: list[list[Spoken]]
    cards: list[tuple[dict[str, Any], float]] = field(default_factory=list)
    lags: list[tuple[float, float]] = field(default_factory=list)
    rungs: set[tuple[str, float]] = field(default_factory=set)

    @classmethod
    def silent(cls, call: Call) -> "Played":
        return cls([[] for _ in call])

    def take(self, event: LiveEvent, now: float) -> None:
        if event.kind == "committed":
            spoken = (Spoken(Word(**word), now) for word in event.data["words"])
            self.words[event.data["channel"]].extend(spoken)
        elif event.kind == "card":
            self.cards.append((event.data["card"], now))
        elif event.kind == "lag":
            self.lags.append((now, max(event.data["lag_ms"].values())))
            self.rungs.add((event.data["model"], event.data["chunk_seconds"]))


class SimulatedClock:
    """Time that stands still but for what is charged to it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class ChargedEngine:
    """An engine whose processor time moves a simulated clock on, divided by `cores`: what others make this machine do
    meanwhile costs nothing."""

    def __init__(self, engine: Engine, clock: SimulatedClock, cores: float) -> None:
        self.name, self.multilingual, self.window_seconds = engine.name, engine.multilingual, engine.window_seconds
        self.cpu_s = 0.0
        self.batches = 0
        self.windows = 0
        self._engine, self._clock, self._cores = engine, clock, cores

    def decode(self, windows: Sequence[Window], *, language: str, beam_size: int = 1) -> list[Hypothesis]:
        before = time.process_time()
        hypotheses = self._engine.decode(windows, language=language, beam_size=beam_size)
        spent = time.process_time() - before
        self.cpu_s += spent
        self.batches += 1
        self.windows += len(windows)
        self._clock.now += spent / self._cores
        return hypotheses


class Simulation:
    """Calls at once with one decoder. Arrivals happen on time; a batch begins when the decoder is free, and its words
    are known when its processor time is over. `commentary` is made for each call."""

    def __init__(
        self,
        engines: Sequence[Engine],
        cores: float,
        pressure: Pressure | None = None,
        commentary: Callable[[], Commentary] = Commentary,
    ) -> None:
        self.clock = SimulatedClock()
        self.engines = [ChargedEngine(engine, self.clock, cores) for engine in engines]
        self.decoder = Decoder(self.engines, clock=self.clock, pressure=pressure)
        self._commentary = commentary
        self._free_at = 0.0
        self._posted: list[tuple[Callable[..., None], tuple[Any, ...]]] = []

    def play(self, calls: Sequence[Call]) -> list[Played]:
        """Each call from time 0 on, then its last words."""
        sessions = [self._open(call) for call in calls]
        played = [Played.silent(call) for call in calls]
        seen = [0] * len(calls)
        ticked = 0.0
        for first in range(0, max(len(call[0]) for call in calls), PIECE):
            self._advance(first / SAMPLE_RATE + PIECE / SAMPLE_RATE, sessions, played, seen)
            for session, call in zip(sessions, calls, strict=True):
                _push(session, call, first)
            if self.clock.now - ticked >= 0.5:
                ticked = self.clock.now
                for session in sessions:
                    session.tick()
        for session in sessions:
            session.end("hung_up")
        self._advance(self.clock.now + 60.0, sessions, played, seen)
        return played

    def _open(self, call: Call) -> CallSession:
        session = CallSession(
            "simulated",
            CallStart("benchmark", speakers=SPEAKERS[: len(call)]),
            [Channel(detector()) for _ in call],
            self.decoder,
            commentary=self._commentary(),
            clock=self.clock,
            post=lambda function, *arguments: self._posted.append((function, arguments)),
        )
        return _consented(session)

    def _advance(
        self, until: float, sessions: Sequence[CallSession], played: Sequence[Played], seen: list[int]
    ) -> None:
        """Let the decoder work up to a time, and tell the sessions what it heard when it was heard."""
        while True:
            if self._posted and self._free_at <= until:
                self.clock.now = max(self.clock.now, self._free_at)
                posted, self._posted = self._posted, []
                for function, arguments in posted:
                    function(*arguments)
            elif not self._posted and self.decoder.pending:
                began = self.clock.now
                self.decoder.step()
                self._free_at, self.clock.now = self.clock.now, began
            else:
                break
            _look(self.clock.now, sessions, played, seen)
        self.clock.now = max(self.clock.now, until)
        _look(self.clock.now, sessions, played, seen)


def _look(now: float, sessions: Sequence[CallSession], played: Sequence[Played], seen: list[int]) -> None:
    for place, (session, one) in enumerate(zip(sessions, played, strict=True)):
        for event in session.history.since(seen[place]):
            one.take(event, now)
            seen[place] = event.number


async def play_live(engines: Sequence[Engine], calls: Sequence[Call], speed: float) -> list[Played]:
    """Each call through a registry of its own, as it comes: audio `speed` times as fast as it was said, on the wall
    clock, times in seconds of audio."""
    registry = Calls(engines, clock=lambda: time.monotonic() * speed)
    played = await asyncio.gather(*(_one_live(registry, call, speed) for call in calls))
    await registry.close()
    return list(played)


async def _one_live(registry: Calls, call: Call, speed: float) -> Played:
    session = _consented(registry.open(CallStart("benchmark", speakers=SPEAKERS[: len(call)])))
    played, began = Played.silent(call), time.monotonic()

    async def watch() -> None:
        async for event in session.watch():
            played.take(event, (time.monotonic() - began) * speed)

    watching = asyncio.create_task(watch())
    for first in range(0, len(call[0]), PIECE):
        arrives = began + (first + PIECE) / SAMPLE_RATE / speed
        await asyncio.sleep(max(0.0, arrives - time.monotonic()))
        _push(session, call, first)
    session.end("hung_up")
    await watching
    return played


def _consented(session: CallSession) -> CallSession:
    for speaker in session.speakers:
        session.set_consent(speaker, "granted", 0.0)
    return session


def _push(session: CallSession, call: Call, first: int) -> None:
    for channel, samples in enumerate(call):
        if first < len(samples):
            session.push(channel, samples[first : first + PIECE], first / SAMPLE_RATE)


def followed_by_silence(samples: Samples, pause_s: float = 2.0) -> Samples:
    return np.concatenate([samples, np.zeros(round(pause_s * SAMPLE_RATE), np.float32)])


def conversations(clips: Sequence[Samples], pause_s: float = 0.4) -> list[Call]:
    """Two calls of two channels: the clips are dealt to four voices; within a call one answers the other, and every
    third clip begins before the one before it has ended."""
    return [_conversation(clips[first::2], pause_s) for first in (0, 1)]


def _conversation(clips: Sequence[Samples], pause_s: float) -> Call:
    placed = list(_placed(clips, pause_s))
    length = max(at + len(clip) for _, at, clip in placed) + 2 * SAMPLE_RATE
    channels = [np.zeros(length, np.float32), np.zeros(length, np.float32)]
    for channel, at, clip in placed:
        channels[channel][at : at + len(clip)] += clip
    return channels


def _placed(clips: Sequence[Samples], pause_s: float) -> Iterator[tuple[int, int, Samples]]:
    at = 0
    for number, clip in enumerate(clips):
        yield number % 2, at, clip
        overlap = min(1.0, seconds(clip) / 4) if number % 3 == 2 else 0.0
        at += len(clip) + round((pause_s - overlap) * SAMPLE_RATE)
