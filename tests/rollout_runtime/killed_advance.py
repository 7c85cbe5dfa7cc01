"""Advances a rollout in a process that ends itself, as SIGKILL would, at a named point.

``python -m tests.rollout_runtime.killed_advance HOME POINT NOW``
"""

import os
import signal
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from lintel.home import Home
from lintel.rollouts import controller, store
from lintel.settings import Settings
from tests.bentos.conftest import TENANT
from tests.rollout_runtime.stage import KnownVersions

POINTS = ("before the traffic", "after the traffic", "before the commit", "after the commit", "before the mirror")


def end() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def ending(function: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
    """The function, and the end of the process before or after it."""

    def ends(*arguments: Any, **options: Any) -> None:
        if after:
            function(*arguments, **options)
        end()

    return ends


def set_trap(point: str) -> None:
    """Replace what is called at the point."""
    if point == "before the traffic":
        store.assign_traffic = ending(store.assign_traffic, after=False)
    elif point == "after the traffic":
        store.assign_traffic = ending(store.assign_traffic, after=True)
    elif point == "before the commit":
        store._record = ending(store._record, after=True)
    elif point == "after the commit":
        controller._tell = ending(controller._tell, after=False)
    else:
        controller._show = ending(controller._show, after=False)


def main() -> None:
    home, point, now = Path(sys.argv[1]), sys.argv[2], datetime.fromisoformat(sys.argv[3])
    with Home(Settings(home=home)) as opened:
        registry = KnownVersions(opened.settings.bundles_path)
        registry.known = {one.version: one.digest for one in opened.states.all(TENANT)}
        opened.__dict__["registry"] = registry
        set_trap(point)
        controller.advance(opened, TENANT, now)
    sys.exit("it was not killed")


if __name__ == "__main__":
    main()
