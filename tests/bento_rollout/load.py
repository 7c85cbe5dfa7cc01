"""Callers who ask one lead after another, all the time, and keep what they were told."""

import itertools
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import httpx

PAUSE_SECONDS = 0.01


@dataclass(frozen=True)
class Told:
    """One interactive answer, or why there was none."""

    lead_id: str
    asked_at: datetime
    told_at: datetime
    status: int | str
    served_by: str = ""
    digest: str = ""


@dataclass
class Load:
    """So many callers, each on a connection of its own that ends now and then, so that both workers are asked."""

    url: str
    key: str
    lead_ids: Sequence[str]
    callers: int = 3
    told: list[Told] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)
    _done: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        for number in range(self.callers):
            self._threads.append(threading.Thread(target=self._ask, args=(number,)))
            self._threads[-1].start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join(30)

    def since(self, moment: datetime, until: datetime | None = None) -> list[Told]:
        """What was asked and told between two moments."""
        told = list(self.told)
        return [one for one in told if one.asked_at >= moment and (until is None or one.told_at < until)]

    def _ask(self, number: int) -> None:
        leads = itertools.cycle(self.lead_ids[number:] + self.lead_ids[:number])
        while not self._done.is_set():
            with self._client() as client:
                for lead in itertools.islice(leads, 20):
                    if self._done.is_set():
                        return
                    self.told.append(self._one(client, lead))
                    time.sleep(PAUSE_SECONDS)

    def _client(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.key}", "Lintel-Urgency": "interactive"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, trust_env=False)

    def _one(self, client: httpx.Client, lead: str) -> Told:
        asked = datetime.now(UTC)
        try:
            response = client.post("/v1/score", json={"lead_ids": [lead]})
        except httpx.HTTPError as error:
            return Told(lead, asked, datetime.now(UTC), type(error).__name__)
        if response.status_code != httpx.codes.OK:
            return Told(lead, asked, datetime.now(UTC), response.status_code)
        answer: dict[str, Any] = response.json()["scores"][0]
        return Told(lead, asked, datetime.now(UTC), 200, answer["served_by"], answer["model"]["digest"])
