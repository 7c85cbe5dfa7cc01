import asyncio
import gc
import threading
import weakref
from collections.abc import Awaitable, Callable

import numpy as np
import pytest

from lintel.errors import InputError, NotFoundError
from serving.problems import RequestError
from serving.voice.calls import CallLimits, Calls, CallStart
from serving.voice.session import CallSession
from tests.voice_sessions.playing import Clock, ReadingEngine, ToldDetector, pause, said, voice_threads

LIMITS = CallLimits(calls=3, idle_s=30.0, longest_s=100.0, kept_s=60.0)


def run(scene: Callable[[Calls, Clock], Awaitable[None]], engine: ReadingEngine | None = None) -> None:
    async def play() -> None:
        clock = Clock()
        calls = Calls([engine or ReadingEngine()], detectors=ToldDetector, limits=LIMITS, clock=clock)
        try:
            await scene(calls, clock)
        finally:
            await calls.close()

    asyncio.run(play())


def talk(call: CallSession, text: str = "one two three") -> None:
    for speaker in call.speakers:
        call.set_consent(speaker, "granted", 0.0)
    call.push(0, np.concatenate([said(text), pause(1.0)]), 0.0)


def test_a_call_is_heard_by_the_decoders_thread() -> None:
    async def scene(calls: Calls, clock: Clock) -> None:
        call = calls.open(CallStart("acme", speakers=("agent",)))
        talk(call)
        call.end("hung_up")
        await asyncio.wait_for(call.wait_ended(), 10)
        assert [segment.text for segment in call.transcript()] == ["one two three"]

    run(scene)


def test_a_call_is_found_by_its_tenant_only() -> None:
    async def scene(calls: Calls, clock: Clock) -> None:
        call = calls.open(CallStart("acme"))
        assert calls.get("acme", call.call_id) is call
        with pytest.raises(NotFoundError):
            calls.get("other", call.call_id)

    run(scene)


def test_over_the_cap_a_call_is_refused_until_one_has_ended() -> None:
    async def scene(calls: Calls, clock: Clock) -> None:
        first, *_ = [calls.open(CallStart("acme")) for _ in range(3)]
        with pytest.raises(RequestError) as refused:
            calls.open(CallStart("acme"))
        assert (refused.value.status, refused.value.headers["Retry-After"]) == (503, "30")
        first.end("hung_up")
        assert len(calls.live) == 2
        calls.open(CallStart("acme"))

    run(scene)


@pytest.mark.parametrize(
    "start", [CallStart("acme", language="de"), CallStart("acme", speakers=()), CallStart("acme", speakers=("a", "a"))]
)
def test_what_cannot_be_heard_is_refused_at_once(start: CallStart) -> None:
    async def scene(calls: Calls, clock: Clock) -> None:
        with pytest.raises(InputError):
            calls.open(start)
        assert calls.live == []

    run(scene)


def test_a_client_that_vanished_is_ended_and_forgotten_and_others_go_on() -> None:
    async def scene(calls: Calls, clock: Clock) -> None:
        gone, there = calls.open(CallStart("acme")), calls.open(CallStart("acme"))
        talk(gone)
        clock.now = 29.0
        there.push(0, pause(0.1), 29.0)
        clock.now = 31.0
        calls.tick()
        await asyncio.wait_for(gone.wait_ended(), 10)
        assert (gone.ended, there.ended) == ("vanished", None)
        clock.now = 50.0
        there.push(0, pause(0.1), 50.0)
        calls.tick()
        assert calls.get("acme", gone.call_id) is gone
        for now in (75.0, 95.0, 111.0):
            clock.now = now
            there.push(0, pause(0.1), now)
            calls.tick()
        with pytest.raises(NotFoundError):
            calls.get("acme", gone.call_id)

    run(scene)


def test_no_call_is_endless() -> None:
    async def scene(calls: Calls, clock: Clock) -> None:
        call = calls.open(CallStart("acme"))
        for now in range(0, 105, 3):
            clock.now = float(now)
            call.push(0, pause(0.1), clock.now)
            calls.tick()
        await asyncio.wait_for(call.wait_ended(), 10)
        assert call.ended == "too_long"

    run(scene)


def test_closing_ends_every_call_with_its_last_words() -> None:
    ended: list[CallSession] = []

    async def scene(calls: Calls, clock: Clock) -> None:
        for _ in range(3):
            call = calls.open(CallStart("acme", speakers=("agent",)))
            talk(call)
            ended.append(call)

    run(scene)
    assert [call.ended for call in ended] == ["shut_down"] * 3
    assert [segment.text for call in ended for segment in call.transcript()] == ["one two three"] * 3


def test_a_call_whose_tending_fails_leaves_the_others_tended() -> None:
    async def scene(calls: Calls, clock: Clock) -> None:
        broken, well = calls.open(CallStart("acme")), calls.open(CallStart("acme"))
        broken.tick = lambda: 1 / 0  # type: ignore[method-assign, assignment, return-value]
        clock.now = 31.0
        calls.tick()
        await asyncio.wait_for(well.wait_ended(), 10)
        assert well.ended == "vanished"

    run(scene)


def test_a_loop_that_closes_while_the_decoder_works_does_not_end_its_thread() -> None:
    working, closed = threading.Event(), threading.Event()

    def during() -> None:
        working.set()
        closed.wait(10)

    async def scene() -> Calls:
        calls = Calls([ReadingEngine(during=during)], detectors=ToldDetector, clock=Clock())
        talk(calls.open(CallStart("acme", speakers=("agent",))))
        await asyncio.to_thread(working.wait, 10)
        return calls

    before = len(voice_threads())
    calls = asyncio.run(scene())
    closed.set()
    assert len(voice_threads()) == before + 1
    calls.decoder.stop()
    assert len(voice_threads()) == before


def test_fifty_calls_leave_no_thread_no_task_and_no_audio() -> None:
    """Each opened, spoken to, watched and left in one of the ways in which calls end."""
    left: list[weakref.ref[CallSession]] = []
    before = len(voice_threads())

    async def scene(calls: Calls, clock: Clock) -> None:
        for number in range(50):
            call = calls.open(CallStart("acme", speakers=("agent",)))
            watching = asyncio.create_task(_count(call))
            talk(call)
            if number % 3 == 0:
                call.end("hung_up")
            elif number % 3 == 1:
                call.set_consent("agent", "withdrawn", 1.0)
            else:
                clock.now += 31.0
                calls.tick()
            await asyncio.wait_for(call.wait_ended(), 10)
            assert await watching > 3
            left.append(weakref.ref(call))
        clock.now += 61.0
        calls.tick()
        clock.now += 61.0
        calls.tick()
        assert len(asyncio.all_tasks()) == 2, "this one, and the one that tends"
        assert len(voice_threads()) == before + 1

    run(scene, ReadingEngine())
    gc.collect()
    assert [call for call in left if call() is not None] == []
    assert len(voice_threads()) == before


async def _count(call: CallSession) -> int:
    return len([event async for event in call.watch()])
