"""One thread that computes one batch at a time."""

import asyncio
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from queue import SimpleQueue
from typing import Any

Compute = Callable[[Any, list[Any]], Sequence[Any]]
Finished = Callable[[Sequence[Any] | Exception, float], None]


class ComputeThread:
    """Runs `compute` for one batch after another and tells the event loop what came of it.

    A daemon thread rather than an executor's: the interpreter waits at its exit for the threads of executors, so a
    computation that never returns would keep the process from ending; and handing over a batch through a
    `SimpleQueue` costs a tenth of `submit`.

    Parameters
    ----------
    finished: called on the loop with the results or the exception, and the seconds that it took.
    """

    def __init__(self, compute: Compute, finished: Finished, loop: asyncio.AbstractEventLoop, name: str) -> None:
        self._compute = compute
        self._finished = finished
        self._loop = loop
        self._work: SimpleQueue[tuple[Hashable, list[Any]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, key: Hashable, payloads: list[Any]) -> None:
        self._work.put((key, payloads))

    def stop(self, *, wait: bool) -> None:
        """End the thread after what it computes now. `wait` only if it computes nothing."""
        self._work.put(None)
        if wait:
            self._thread.join()

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            began = time.perf_counter()
            outcome = self._outcome(*work)
            try:
                self._loop.call_soon_threadsafe(self._finished, outcome, time.perf_counter() - began)
            except RuntimeError:  # the loop was closed while a computation outlived the grace time: nobody listens
                return
            del work, outcome  # while it waits for the next batch, nothing of this one is kept alive

    def _outcome(self, key: Hashable, payloads: list[Any]) -> Sequence[Any] | Exception:
        """Results, or whatever was raised: a thread that died of it would leave every later row without an answer."""
        try:
            results = self._compute(key, payloads)
        except Exception as error:
            return error
        except BaseException as error:
            return RuntimeError(f"The computation ended with {type(error).__name__}.")
        if len(results) != len(payloads):
            return RuntimeError(f"The computation gave {len(results)} results for {len(payloads)} rows.")
        return results
