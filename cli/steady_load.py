"""Callers who ask for one lead at a time, steadily, while something else goes on; and what they were answered."""

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import httpx

_TIMEOUT_SECONDS = 10.0
_STEP_SECONDS = 0.005


@dataclass(slots=True)
class Answers:
    """Counts of single-lead requests. `versions` are of the models that answered; `lesser` those of a lower rung."""

    requests: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    versions: Counter[int] = field(default_factory=Counter)
    lesser: int = 0
    slowest_seconds: float = 0.0

    @property
    def errors(self) -> int:
        """Requests that were not answered with 200, whatever the reason."""
        return sum(count for status, count in self.statuses.items() if status != "200")


class SteadyLoad:
    """Asks from a thread of its own until the block ends, at a rate that does not wait for answers.

    Parameters
    ----------
    leads: whom to ask for, drawn at random.
    """

    def __init__(self, url: str, token: str, leads: Sequence[str], *, per_second: float, seed: int) -> None:
        self._url, self._headers = url, {"Authorization": f"Bearer {token}", "Lintel-Urgency": "interactive"}
        self._leads, self._gap = list(leads), 1.0 / per_second
        self._random = random.Random(seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._ask()), name="steady-load", daemon=True)
        self.answers = Answers()

    def begin_count(self) -> Answers:
        """Count anew from here; what was counted until now."""
        before, self.answers = self.answers, Answers()
        return before

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    async def _ask(self) -> None:
        limits = httpx.Limits(max_connections=64)
        async with (
            httpx.AsyncClient(base_url=self._url, timeout=_TIMEOUT_SECONDS, limits=limits, trust_env=False) as client,
            asyncio.TaskGroup() as group,
        ):
            due = time.monotonic()
            while not self._stop.is_set():
                if time.monotonic() < due:
                    await asyncio.sleep(_STEP_SECONDS)
                    continue
                due += self._gap
                group.create_task(self._one(client))

    async def _one(self, client: httpx.AsyncClient) -> None:
        began, counted = time.monotonic(), self.answers
        counted.requests += 1
        try:
            response = await client.post(
                "/v1/score", json={"lead_ids": [self._random.choice(self._leads)]}, headers=self._headers
            )
        except httpx.TransportError as error:
            counted.statuses[type(error).__name__] += 1
            return
        counted.statuses[str(response.status_code)] += 1
        counted.slowest_seconds = max(counted.slowest_seconds, time.monotonic() - began)
        if response.is_success:
            (score,) = response.json()["scores"]
            counted.versions[score.get("model", {}).get("version", 0)] += 1
            counted.lesser += score.get("served_by") not in {"champion", "canary", "previous-champion"}
