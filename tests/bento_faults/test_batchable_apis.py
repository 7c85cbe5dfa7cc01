"""Five faults of BentoML's batchable APIs, as they are in the version that is installed.

They are why Lintel batches itself (`serving.batching`). A test fails when BentoML has mended its fault: then look
which part of ours has become needless, correct `docs/decisions/0011`, and delete the test.
"""

import asyncio
import warnings
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

with warnings.catch_warnings():
    # bentoml 1.4.39 names a kind of pattern that pathspec 1.0 deprecates
    warnings.simplefilter("ignore", DeprecationWarning)
    import bentoml

    from tests.bento_faults.services import POISON, Frames, Hasty, Patient, Poisoned, Slow, Tenants

# and reads pydantic's fields in a deprecated way
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

MENDED = "BentoML {version} has mended this: {then}"
WARM_UP = 12
"""Requests that BentoML's dispatcher answers one by one, to learn how long they take."""


@asynccontextmanager
async def asking(service: Any) -> AsyncIterator[httpx.AsyncClient]:
    """The service in this process, without sockets."""
    app = service.to_asgi()
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        yield client


async def together(client: httpx.AsyncClient, rows: Iterable[int], **kwargs: Any) -> list[httpx.Response]:
    """The answers to concurrent requests of one row each."""
    return list(await asyncio.gather(*(client.post("/score", json={"rows": [row]}, **kwargs) for row in rows)))


async def warmed_up(client: httpx.AsyncClient, *, row: int = 0, headers: dict[str, str] | None = None) -> None:
    for _ in range(WARM_UP):
        await client.post("/score", json={"rows": [row]}, headers=headers)


def mended(then: str) -> str:
    return MENDED.format(version=bentoml.__version__, then=then)


def test_one_bad_item_fails_the_whole_batch() -> None:
    async def asked() -> Counter[int]:
        async with asking(Poisoned) as client:
            await warmed_up(client)
            return Counter(one.status_code for one in await together(client, [POISON, *range(39)]))

    found = asyncio.run(asked())
    assert found[500] > 1, mended("innocent requests survive; our isolation by bisection may be needless.")
    assert found[200] >= 24


def test_every_request_sees_the_context_of_the_very_first() -> None:
    async def asked() -> set[str]:
        async with asking(Tenants) as client:
            await warmed_up(client, headers={"tenant": "first"})
            own = (client.post("/score", json={"rows": [one]}, headers={"tenant": f"t{one}"}) for one in range(40))
            return {one.json()[0] for one in await asyncio.gather(*own)}

    assert asyncio.run(asked()) == {"first"}, mended("tenant and trace need no longer travel with each item.")


def test_what_has_timed_out_is_still_computed() -> None:
    async def asked() -> Counter[int]:
        async with asking(Slow) as client:
            await warmed_up(client, row=-1)
            found = Counter(one.status_code for one in await together(client, range(24)))
            await asyncio.sleep(2.5)  # as long as all batches take
            return found

    Slow.inner.computed.clear()
    found, computed = asyncio.run(asked()), [row for row in Slow.inner.computed if row >= 0]
    assert found[504] > 0
    assert len(computed) > found[200] + 4, mended("expired work is dropped; so need our batcher no longer drop it.")


def test_a_data_frame_is_waited_for_in_vain() -> None:
    async def asked() -> None:
        async with asking(Frames) as client:
            answer = await client.post("/array", json={"rows": [[1.0]]})
            assert answer.json() == [[1.0]]
            await asyncio.wait_for(client.post("/frame", json={"rows": [{"a": 1.0}]}), 1.5)

    try:
        asyncio.run(asked())
    except TimeoutError:
        return
    pytest.fail(mended("DataFrames may be batched."))


def test_nobody_may_go_first_and_nobody_is_refused() -> None:
    """Hundreds wait in a queue without a bound, and the last to come is the last to be answered."""

    async def asked() -> Counter[int]:
        async with asking(Patient) as client:
            await warmed_up(client)
            Patient.inner.answered.clear()
            return Counter(one.status_code for one in await together(client, range(200), headers={"priority": "high"}))

    assert asyncio.run(asked()) == {200: 200}, mended("its queue has a bound, as ours have.")
    assert Patient.inner.answered == sorted(Patient.inner.answered), mended("it knows priorities, as ours do.")


def test_the_latency_that_is_hoped_for_is_a_refusal() -> None:
    """`max_latency_ms` reads like a wait for company, and refuses whoever would wait longer, without Retry-After."""

    async def asked() -> list[httpx.Response]:
        async with asking(Hasty) as client:
            await warmed_up(client)
            return await together(client, range(128))

    refused = [one for one in asyncio.run(asked()) if one.status_code == 503]
    assert refused, mended("max_latency_ms refuses nobody.")
    assert not any("retry-after" in one.headers for one in refused), mended("refusals say when to come back.")
