import asyncio

from serving.voice.history import History
from serving.voice.live_event import LiveEvent


def test_numbers_count_from_one() -> None:
    history = History()
    assert [history.append(0.0, "turn", {}).number for _ in range(3)] == [1, 2, 3]


def test_of_what_replaces_itself_only_the_newest_of_a_channel_is_kept() -> None:
    history = History()
    for _ in range(100):
        history.append(0.0, "tentative", {"channel": 0})
        history.append(0.0, "tentative", {"channel": 1})
        history.append(0.0, "lag", {})
    assert [event.number for event in history.since(0)] == [298, 299, 300]


def test_it_keeps_so_many_and_no_more() -> None:
    history = History(most=10)
    for _ in range(25):
        history.append(0.0, "committed", {})
    assert [event.number for event in history.since(0)] == list(range(16, 26))
    assert [event.number for event in history.since(22)] == [23, 24, 25]


def test_watchers_get_what_was_and_what_comes_each_at_its_own_pace() -> None:
    async def scene() -> tuple[list[int], list[int]]:
        history = History()
        history.append(0.0, "turn", {})

        async def watch(after: int, rest: float) -> list[int]:
            seen = []
            async for event in history.watch(after):
                seen.append(event.number)
                await asyncio.sleep(rest)
            return seen

        fast, slow = asyncio.create_task(watch(0, 0)), asyncio.create_task(watch(1, 0.001))
        for _ in range(5):
            await asyncio.sleep(0)
            history.append(0.0, "turn", {})
        history.close()
        return await fast, await slow

    fast, slow = asyncio.run(scene())
    assert fast == [1, 2, 3, 4, 5, 6]
    assert slow == [2, 3, 4, 5, 6]


def test_a_watcher_of_a_call_that_has_ended_gets_its_end_and_stops() -> None:
    async def scene() -> list[LiveEvent]:
        history = History()
        history.append(1.0, "ended", {"reason": "hung_up"})
        history.close()
        return [event async for event in history.watch()] + [event async for event in history.watch(1)]

    assert [event.kind for event in asyncio.run(scene())] == ["ended"]
