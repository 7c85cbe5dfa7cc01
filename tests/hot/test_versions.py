"""Versions are shared by those who wait, and never older than the question."""

import asyncio
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

import serving.hot.versions
from lintel.errors import NotFoundError, UnavailableError
from lintel.store.tenant_state import TenantState
from serving.hot.versions import TenantVersion, Versions
from tests.hot.logs_in_store import TENANT

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def version(number: int) -> TenantVersion:
    return TenantVersion(TenantState(TENANT, 1, number, None, 0, 0), 1, 0)


class Reader:
    """A store whose reads take as long as the test says. `log` is the newest event that was acknowledged."""

    def __init__(self) -> None:
        self.log = 0
        self.begun = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self.reads: list[str] = []
        self.fault: Exception | None = None

    def __call__(self, tenant: str) -> TenantVersion:
        self.reads.append(tenant)
        self.begun.release()
        seen = self.log  # the state at the beginning: the worst that a read may show
        assert self.go.acquire(timeout=10)
        if self.fault:
            raise self.fault
        return version(seen)


@pytest.fixture
def reader() -> Reader:
    return Reader()


@pytest.fixture
def versions(reader: Reader) -> Iterator[Versions]:
    opened = Versions(reader)
    yield opened
    for _ in range(100):
        reader.go.release()
    opened.close()


async def begun(reader: Reader) -> None:
    assert await asyncio.to_thread(reader.begun.acquire, timeout=10)


async def test_who_waits_shares_the_next_read_and_not_the_one_in_progress(reader: Reader, versions: Versions) -> None:
    first = asyncio.ensure_future(versions.read("acme"))
    await begun(reader)
    reader.log = 1  # acknowledged after the read began, before the others ask
    later = [asyncio.ensure_future(versions.read("acme")) for _ in range(20)]
    await asyncio.sleep(0)
    reader.go.release()
    assert (await first).state.last_seq == 0
    await begun(reader)
    reader.go.release()
    assert {found.state.last_seq for found in await asyncio.gather(*later)} == {1}
    assert reader.reads == ["acme", "acme"]
    assert versions.reads == 2


async def test_tenants_are_read_apart(reader: Reader, versions: Versions) -> None:
    first = asyncio.ensure_future(versions.read("acme"))
    await begun(reader)
    others = [asyncio.ensure_future(versions.read(tenant)) for tenant in ("b", "acme", "b", "c")]
    await asyncio.sleep(0)
    for _ in range(4):
        reader.go.release()
    await asyncio.gather(first, *others)
    assert reader.reads[0] == "acme"
    assert sorted(reader.reads[1:]) == ["acme", "b", "c"]


async def test_a_fault_reaches_all_who_wait_for_that_read_and_nobody_after(reader: Reader, versions: Versions) -> None:
    reader.fault = NotFoundError("The tenant 'acme' is not known here.")
    asked = asyncio.ensure_future(versions.read("acme"))
    await begun(reader)
    reader.go.release()
    with pytest.raises(NotFoundError):
        await asked
    reader.fault = None
    again = asyncio.ensure_future(versions.read("acme"))
    await begun(reader)
    reader.go.release()
    assert await again == version(0)


async def test_who_goes_away_takes_nothing_from_the_others(reader: Reader, versions: Versions) -> None:
    blocking = asyncio.ensure_future(versions.read("acme"))
    await begun(reader)
    gone, staying = (asyncio.ensure_future(versions.read("acme")) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    for _ in range(2):
        reader.go.release()
    assert await staying == version(0)
    assert await blocking == version(0)
    assert gone.cancelled()


def test_after_closing_nobody_is_left_waiting() -> None:
    async def ask() -> None:
        opened = Versions(lambda _: version(3))
        assert await opened.read("acme") == version(3)
        opened.close()
        for _ in range(2):
            with pytest.raises(UnavailableError):
                await opened.read("acme")

    asyncio.run(ask())


async def test_a_read_that_hangs_keeps_no_worker_from_stopping(
    reader: Reader, versions: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving.hot.versions, "CLOSE_SECONDS", 0.05)
    asked = asyncio.ensure_future(versions.read("acme"))
    await begun(reader)
    async with asyncio.timeout(5):
        await asyncio.to_thread(versions.close)
    assert not asked.done()
    reader.go.release()
    assert await asked == version(0)


@given(arrivals=st.lists(st.integers(0, 3), min_size=1, max_size=12))
def test_nobody_gets_what_is_older_than_the_question(arrivals: list[int]) -> None:
    """An event is acknowledged before each question; between two questions the loop turns some times."""
    log = 0

    async def ask(number: int) -> None:
        assert (await opened.read("acme")).state.last_seq >= number

    async def all_of_them() -> None:
        nonlocal log
        asked = []
        for turns in arrivals:
            log += 1
            asked.append(asyncio.ensure_future(ask(log)))
            for _ in range(turns):
                await asyncio.sleep(0)
        await asyncio.gather(*asked)

    opened = Versions(lambda _: version(log))
    try:
        asyncio.run(all_of_them())
        assert opened.reads <= len(arrivals)
    finally:
        opened.close()
