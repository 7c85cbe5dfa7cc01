"""Takes a registered candidate to its traffic in a process that ends itself, as SIGKILL would, at a named point.

``python -m tests.orchestration.killed_act HOME POINT [canary]``; without a point it goes through.
"""

import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lintel.home import Home
from lintel.registry import acts, lifecycle
from lintel.registry.actor import machine
from lintel.registry.gates import GateResult
from lintel.registry.models import ModelRegistry
from lintel.rollouts import store
from lintel.rollouts.plan import Strategy
from lintel.settings import Settings
from tests.orchestration.nightly_home import TENANT

POINTS = {
    "register: bundle not published": (ModelRegistry, "publish", False),
    "register: no state yet": (acts, "register", False),
    "register: state kept": (acts, "register", True),
    "gate: nothing kept": (lifecycle.ModelStates, "judge", False),
    "gate: kept, not shown": (lifecycle.ModelStates, "judge", True),
    "promote: before the traffic": (acts, "assign_traffic", False),
    "promote: in the transaction": (acts, "assign_traffic", True),
    "promote: states moved": (acts, "crown", True),
    "promote: before the mirror": (acts, "mirror", False),
    "promote: mirrored, not shown": (acts, "show", False),
}
ROLLOUT_POINTS = {
    "begin: before the traffic": (store, "assign_traffic", False),
    "begin: in the transaction": (store, "assign_traffic", True),
    "begin: before the commit": (store, "_record", True),
}
"""Where a function's place is, its name, and whether the process ends after it or before."""
NIGHTLY = machine("nightly")


def set_trap(point: str) -> None:
    """The process ends where the point says."""
    place, name, after = {**POINTS, **ROLLOUT_POINTS}[point]
    original: Callable[..., Any] = getattr(place, name)

    def ends(*arguments: Any, **options: Any) -> None:
        if after:
            original(*arguments, **options)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(place, name, ends)


def take_over(home: Home) -> None:
    """The steps of the nightly run from a trained bundle on: register, judge, promote or begin the rollout."""
    now, path = datetime.now(UTC), home.work(TENANT, "candidate")
    version = home.registry.register(path, scope=TENANT, tags={})
    acts.register(home, TENANT, version, trained_by=NIGHTLY, actor=NIGHTLY, now=now)
    if acts.awaits_judgement(home, TENANT, version.version, now=now):
        passed = GateResult("champion", hard=True, passed=True, figure=None, bound=None, sentence="Better.")
        decided = home.states.judge(TENANT, version.version, [passed], risk=acts.risk_of(home, TENANT), **told(now))
        home.registry.note(TENANT, version.version, {acts.STATE_TAG: str(decided.ruling)})
    state = acts.state_of(home, TENANT, version.version, now=now).state
    if state in {lifecycle.State.APPROVED, lifecycle.State.CHAMPION}:
        acts.roll_out(home, TENANT, version.version, reason="better", actor=NIGHTLY, now=now)


def told(now: datetime) -> dict[str, Any]:
    return {"actor": NIGHTLY, "now": now}


def main() -> None:
    path, point = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""
    strategy = Strategy.CANARY if len(sys.argv) > 3 else None
    if point:
        set_trap(point)
    with Home(Settings(home=path, rollout_strategy=strategy)) as home:
        take_over(home)


if __name__ == "__main__":
    main()
