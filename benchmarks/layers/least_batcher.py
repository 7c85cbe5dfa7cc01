"""The least that a batcher can be: whoever waits when the thread is free goes together. No bounds, no order, no fault
stays with who made it. It stands for micro-batching as such where layers of serving are compared."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class LeastBatcher(Generic[Question, Answer]):
    """Batches of at most `most` questions, computed one batch at a time in a thread of its own."""

    def __init__(self, compute: Callable[[Sequence[Question]], Sequence[Answer]], *, most: int = 64) -> None:
        self._compute, self._most = compute, most
        self._waiting: list[tuple[Question, asyncio.Future[Answer]]] = []
        self._thread = ThreadPoolExecutor(1)
        self._running: asyncio.Task[None] | None = None

    async def ask(self, question: Question) -> Answer:
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        return await answer

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            found = await loop.run_in_executor(self._thread, self._compute, [question for question, _ in batch])
            for (_, answer), one in zip(batch, found, strict=True):
                answer.set_result(one)
