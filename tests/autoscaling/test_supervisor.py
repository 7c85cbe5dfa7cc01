"""The supervisor as it runs: processes, sockets, signals; of workers that do next to nothing."""

import asyncio
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from lintel.environment import child_environment
from lintel.errors import NotFoundError, UnavailableError
from lintel.settings import Settings
from serving.autoscaling.status import Status, read_status, status_path
from serving.autoscaling.supervisor import listen, worker_environment
from serving.autoscaling.targets import PROJECT, SOURCE, working_directory

TOY = Path(__file__).with_name("toy_supervisor.py")
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Running:
    """A supervisor of toy workers, whose load the test decides."""

    settings: Settings
    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def status(self) -> Status | None:
        return read_status(status_path(self.settings, self.port))

    @property
    def ready(self) -> list[int]:
        status = self.status
        return [one.pid for one in status.workers if one.state == "ready"] if status else []

    @property
    def alone(self) -> bool:
        """Whether there is one worker, and no other that is still about to end."""
        status = self.status
        return status is not None and [one.state for one in status.workers] == ["ready"]

    def load(self, utilisation: float) -> None:
        fresh = self.settings.home / "utilisation.new"
        fresh.write_text(str(utilisation))
        fresh.replace(self.settings.home / "utilisation")


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.1)


def start(home: Path, least: int, most: int) -> Running:
    home.mkdir()
    settings = Settings(home=home, inference_workers=least, inference_workers_max=most, scaling_down_seconds=3.0)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = child_environment(settings) | {"PYTHONPATH": str(PROJECT)}
    process = subprocess.Popen([sys.executable, str(TOY), str(port)], env=environment)
    running = Running(settings, port, process)
    running.load(0.5)
    until(lambda: len(running.ready) == least)
    return running


@pytest.fixture
def one_to_three(tmp_path: Path) -> Iterator[Running]:
    running = start(tmp_path / "home", 1, 3)
    yield running
    finish(running)


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Running]:
    running = start(tmp_path / "home", 2, 2)
    yield running
    finish(running)


def finish(running: Running) -> None:
    if running.process.poll() is None:
        running.process.terminate()
    running.process.wait(PATIENCE_SECONDS)


def test_it_grows_and_shrinks_with_the_load_and_no_request_fails(one_to_three: Running) -> None:
    """Clients that keep their connections and do not try again see nothing of it."""

    async def ask(client: httpx.AsyncClient) -> None:
        while not done.is_set():
            answer = await client.get("/", params={"seconds": "0.02"})
            answer.raise_for_status()
            seen[answer.text] += 1

    async def change() -> None:
        one_to_three.load(1.0)
        # the connections move to the new workers, too
        await asyncio.to_thread(until, lambda: len(one_to_three.ready) == 3 and len(seen) == 3)
        one_to_three.load(0.1)
        await asyncio.to_thread(until, lambda: one_to_three.alone)
        done.set()

    async def go() -> None:
        limits = httpx.Limits(max_connections=24, max_keepalive_connections=24)
        async with httpx.AsyncClient(base_url=one_to_three.url, limits=limits, timeout=30, trust_env=False) as client:
            await asyncio.gather(change(), *(ask(client) for _ in range(24)))

    done = asyncio.Event()
    seen: Counter[str] = Counter()
    asyncio.run(go())


def test_what_is_being_answered_when_a_worker_retires_or_all_end_is_answered(one_to_three: Running) -> None:
    one_to_three.load(1.0)
    until(lambda: len(one_to_three.ready) == 3)

    async def go() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=one_to_three.url, timeout=30, trust_env=False) as client:
            asked = [asyncio.create_task(client.get("/", params={"seconds": "4"})) for _ in range(12)]
            await asyncio.sleep(1.0)
            one_to_three.process.terminate()
            return await asyncio.gather(*asked)

    assert [answer.status_code for answer in asyncio.run(go())] == [200] * 12
    assert one_to_three.process.wait(PATIENCE_SECONDS) == 0
    assert one_to_three.status is None


def test_a_worker_that_is_killed_is_replaced_and_the_other_goes_on(two: Running) -> None:
    victim = two.ready[0]
    psutil.Process(victim).kill()
    until(lambda: victim not in two.ready and len(two.ready) == 2)
    for _ in range(10):
        assert httpx.get(two.url, trust_env=False).status_code == 200


def test_a_disk_that_takes_no_status_ends_nobody(two: Running) -> None:
    path, workers = status_path(two.settings, two.port), two.ready
    in_the_way = path.with_suffix(".new")
    until(lambda: made(in_the_way))
    path.unlink()
    time.sleep(2.5)  # of real processes: two decisions
    assert not path.exists()
    assert two.process.poll() is None
    in_the_way.rmdir()
    until(lambda: two.ready == workers)


def made(folder: Path) -> bool:
    with suppress(FileExistsError):  # the supervisor is writing a file of that name just now
        folder.mkdir()
    return folder.is_dir()


def test_a_supervisor_that_is_killed_leaves_nobody(two: Running) -> None:
    workers = [psutil.Process(pid) for pid in two.ready]
    two.process.kill()
    _, left = psutil.wait_procs(workers, timeout=PATIENCE_SECONDS)
    assert left == []
    with pytest.raises(httpx.ConnectError):
        httpx.get(two.url, trust_env=False)


def test_a_port_that_is_taken_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as somebody, pytest.raises(UnavailableError, match="LINTEL_PORT"):
        listen("127.0.0.1", somebody.getsockname()[1])


def test_the_metrics_of_one_port_begin_anew_and_leave_those_of_another_alone(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    folders = [
        Path(worker_environment(settings, tmp_path / "s", port)["PROMETHEUS_MULTIPROC_DIR"]) for port in (3000, 3001)
    ]
    for folder in folders:
        (folder / "counter_1.db").touch()
    worker_environment(settings, tmp_path / "s", 3000)
    assert [len(list(folder.iterdir())) for folder in folders] == [0, 1]


def test_a_worker_has_one_thread_an_operation_unless_the_operator_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path / "home")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert worker_environment(settings, tmp_path / "s", 3000)["OMP_NUM_THREADS"] == "1"
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    environment = worker_environment(settings, tmp_path / "s", 3000)
    assert environment["OMP_NUM_THREADS"] == "4"
    assert environment["LINTEL_SUPERVISOR"] == str(tmp_path / "s")


def test_targets_are_found_without_loading_them(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    assert working_directory(SOURCE, settings) == PROJECT
    bentos = settings.home / "bentoml" / "bentos" / "lead_scoring"
    (bentos / "v1").mkdir(parents=True)
    (bentos / "v1" / "bento.yaml").touch()
    (bentos / "latest").write_text("v1")
    for tag in ("lead_scoring:v1", "lead_scoring", "lead_scoring:latest"):
        assert working_directory(tag, settings) == (bentos / "v1" / "src").resolve()
    for missing in ("lead_scoring:v2", "nothing", "nothing:v1"):
        with pytest.raises(NotFoundError, match=missing):
            working_directory(missing, settings)
