"""A Redis of the tests' own, on a Unix socket in their own folder."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

BINARY = shutil.which("redis-server")
_STARTS_WITHIN_SECONDS = 30


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """The address of a server that runs until the block is left. Skips the test where there is no binary."""
    if BINARY is None:
        pytest.skip("redis-server is not installed here")
    socket = folder / "redis.sock"
    command = [BINARY, "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + _STARTS_WITHIN_SECONDS
        while not socket.exists():
            assert process.poll() is None, "redis-server stopped at once"
            assert time.monotonic() < until, "redis-server did not start"
            time.sleep(0.01)
        yield f"unix://{socket}"
    finally:
        process.kill()
        process.wait()
