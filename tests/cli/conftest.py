"""The command as a shell sees it: arguments in; exit code, standard output and standard error out."""

import io
import json
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.main import main
from tests.orchestration.nightly_home import NightlyHome, at_home


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def value(self) -> dict[str, Any]:
        """The one JSON object that ends standard output."""
        assert self.out.endswith("\n")
        found: dict[str, Any] = json.loads(self.out.splitlines()[-1])
        return found

    @property
    def fault(self) -> str:
        return str(self.value["error"]["type"])


Lintel = Callable[..., Answer]


def run(home: Path, *arguments: object) -> Answer:
    """`lintel ARGUMENTS` in this process; importing it all anew would take seconds a call."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, at_home(home), redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["lintel", *map(str, arguments)])
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
    return Answer(code, out.getvalue(), err.getvalue())


@pytest.fixture
def lintel(tmp_path: Path) -> Lintel:
    """In a home that is empty at first."""
    return lambda *arguments: run(tmp_path / "home", *arguments)


@pytest.fixture
def lintel_after_nightly(nightly_home: NightlyHome) -> Lintel:
    """In a home with a champion, for commands that only read."""
    return lambda *arguments: run(nightly_home.path, *arguments)


@pytest.fixture
def lintel_own(own_nightly_home: NightlyHome) -> Lintel:
    """In a home with a champion, for commands that change something."""
    return lambda *arguments: run(own_nightly_home.path, *arguments)
