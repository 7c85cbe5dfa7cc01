"""The real service grows and shrinks under load on one port, and no request fails."""

import asyncio

import httpx
import pytest

from lintel.settings import Settings
from serving.autoscaling.status import Status, read_status, status_path
from serving.process import Endpoint, bento
from tests.bentos.conftest import Brokerage

pytestmark = pytest.mark.slow
PATIENCE_SECONDS = 90.0


def status(settings: Settings, endpoint: Endpoint) -> Status | None:
    return read_status(status_path(settings, httpx.URL(endpoint.url).port or 80))


async def until_ready(settings: Settings, endpoint: Endpoint, workers: int) -> None:
    """Wait until there are so many workers and no other that is about to begin or end."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (now := status(settings, endpoint)) is None or [one.state for one in now.workers] != ["ready"] * workers:
            await asyncio.sleep(0.2)


def test_it_grows_and_shrinks_under_load_without_a_failed_request(brokerage: Brokerage) -> None:
    """Here clients stop to make it shrink, all but one that goes on throughout."""
    settings = brokerage.settings.model_copy(
        update={
            "inference_workers": 1,
            "inference_workers_max": 2,
            "score_cache_entries": 0,
            "scaling_utilisation": 0.05,  # the clients share the cores with what they load
            "scaling_down_seconds": 5.0,
        }
    )

    async def ask(client: httpx.AsyncClient, stop: asyncio.Event, pause: float) -> int:
        answered = 0
        while not stop.is_set():
            answer = await client.post("/v1/score", json={"lead_ids": list(brokerage.lead_ids[:20])})
            answer.raise_for_status()
            answered += 1
            await asyncio.sleep(pause)
        return answered

    async def go(endpoint: Endpoint) -> list[int]:
        quiet, done = asyncio.Event(), asyncio.Event()
        headers = {"Authorization": f"Bearer {brokerage.key}"}
        async with httpx.AsyncClient(base_url=endpoint.url, headers=headers, timeout=60, trust_env=False) as client:
            asking = [asyncio.create_task(ask(client, quiet, 0.0)) for _ in range(16)]
            asking.append(asyncio.create_task(ask(client, done, 0.5)))
            await until_ready(settings, endpoint, 2)
            quiet.set()
            await until_ready(settings, endpoint, 1)
            done.set()
            return await asyncio.gather(*asking)

    with bento(settings, port=0) as endpoint:
        answered = asyncio.run(go(endpoint))
    assert min(answered) > 0
