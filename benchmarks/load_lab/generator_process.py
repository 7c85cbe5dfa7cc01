"""The generator as a process of its own: nothing of the program that measures takes time from it."""

import subprocess
import sys
from pathlib import Path

import msgspec

from benchmarks.load_lab.plan import Plan, Report

PROJECT = Path(__file__).resolve().parents[2]
_START_SECONDS = 60.0


class Running:
    """A generator at work."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.load_lab.generator"],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        sent, self._process.stdin = self._process.stdin, None
        assert sent is not None
        with sent:
            sent.write(msgspec.msgpack.encode(plan))

    @property
    def pid(self) -> int:
        return self._process.pid

    def report(self) -> Report:
        """Wait for the end. Raises RuntimeError, in the generator's words on our stderr, if it failed."""
        try:
            answer, _ = self._process.communicate(timeout=self._plan.end_s + self._plan.drain_s + _START_SECONDS)
        finally:
            if self._process.poll() is None:
                self._process.kill()
        if self._process.returncode:
            raise RuntimeError(f"The load generator ended with exit code {self._process.returncode}.")
        return msgspec.msgpack.decode(answer, type=Report)


def generate(plan: Plan) -> Report:
    """Run a plan and wait for its report."""
    return Running(plan).report()
