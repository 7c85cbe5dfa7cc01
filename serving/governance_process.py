"""Acts on models in a process of their own: a worker that scores neither loads MLflow nor shares its interpreter lock
with it. `python -m serving.governance_process` reads one act as JSON and answers with what came of it.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from anyio import CapacityLimiter

from lintel.environment import child_environment
from lintel.errors import InputError, LintelError, UnavailableError
from lintel.home import Home
from lintel.registry import acts
from lintel.registry.actor import person
from lintel.registry.compliance import compliance_report
from lintel.registry.history import changes, scored_at, traffic_at
from lintel.rollouts import controller
from lintel.rollouts.plan import Strategy
from lintel.rollouts.standard import standard_plan
from lintel.settings import Settings
from lintel.settings import settings as our_settings
from serving.problems import RETRY_AFTER_SECONDS, RequestError

LONGEST_SECONDS = 60.0
_MOST_WAITING = 4
_NICENESS = 10
Told = Mapping[str, Any]


@dataclass(frozen=True)
class GovernanceProcess:
    """Runs one act at a time; a few more may wait."""

    settings: Settings
    turns: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(1))

    async def run(self, act: str, tenant: str, now: datetime, **told: Any) -> dict[str, Any]:
        """What came of an act. Raises RequestError as the act was refused, or if too many wait."""
        if self.turns.statistics().tasks_waiting >= _MOST_WAITING:
            raise RequestError(
                503,
                "busy",
                "Other acts on models are under way.",
                mend="Send it again.",
                headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
            )
        async with self.turns:
            return await self._run(json.dumps({"act": act, "tenant": tenant, "now": now.isoformat(), **told}).encode())

    async def _run(self, asked: bytes) -> dict[str, Any]:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "serving.governance_process",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=child_environment(self.settings) | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                answer, _ = await child.communicate(asked)
        except TimeoutError:
            raise UnavailableError("An act on models took too long.") from None
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        return _result(answer)


def _result(answer: bytes) -> dict[str, Any]:
    try:
        told = json.loads(answer.splitlines()[-1])
    except (IndexError, ValueError):
        raise UnavailableError("An act on models ended without a word.") from None
    if "error" in told:
        raise RequestError(**told["error"])
    found: dict[str, Any] = told["result"]
    return found


def answer(home: Home, asked: Told) -> dict[str, Any]:
    """Do one act. Raises what the act raises."""
    try:
        act = _ACTS[asked["act"]]
    except KeyError:
        raise InputError(f"{asked['act']!r} is no act on models.") from None
    return act(home, asked)


def _model_act(act: Callable[..., Any]) -> Callable[[Home, Told], dict[str, Any]]:
    def do(home: Home, asked: Told) -> dict[str, Any]:
        state = act(home, asked["tenant"], asked["version"], **_who(asked))
        return {"version": state.version, "digest": state.digest, "state": str(state.state)}

    return do


def _rollout_act(act: Callable[..., Any]) -> Callable[[Home, Told], dict[str, Any]]:
    def do(home: Home, asked: Told) -> dict[str, Any]:
        found: dict[str, Any] = act(home, asked["tenant"], **_who(asked)).to_json()
        return found

    return do


def _start(home: Home, asked: Told) -> dict[str, Any]:
    """By the strategy that was asked for, else as `lintel rollouts start` does without one."""
    strategy = asked.get("strategy")
    plan = None if strategy is None else standard_plan(home.settings, Strategy(strategy))
    rollout_id = acts.roll_out(home, asked["tenant"], asked["version"], plan=plan, **_who(asked))
    return {"rollout": None if rollout_id is None else home.rollouts.get(rollout_id).to_json()}


def _report(home: Home, asked: Told) -> dict[str, Any]:
    return compliance_report(home, asked["tenant"], asked["version"], now=_now(asked))


def _history(home: Home, asked: Told) -> dict[str, Any]:
    tenant, lead = asked["tenant"], asked["lead_id"]
    if lead is None:
        return {"changes": changes(home, tenant, limit=asked["limit"]), "answer": None}
    at = datetime.fromisoformat(asked["at"])
    traffic = traffic_at(home, tenant, at)
    return {"changes": [] if traffic is None else [traffic], "answer": scored_at(home, tenant, lead, at)}


_ACTS: Mapping[str, Callable[[Home, Told], dict[str, Any]]] = {
    "approve": _model_act(acts.approve),
    "reject": _model_act(acts.reject),
    "retire": _model_act(acts.retire),
    "promote": _model_act(acts.promote),
    "start": _start,
    "hold": _rollout_act(controller.hold),
    "resume": _rollout_act(controller.resume),
    "rollback": _rollout_act(controller.roll_back),
    "complete": _rollout_act(controller.complete),
    "report": _report,
    "history": _history,
}


def _who(asked: Told) -> dict[str, Any]:
    return {"actor": person(asked["actor"]), "reason": asked["reason"], "now": _now(asked)}


def _now(asked: Told) -> datetime:
    return datetime.fromisoformat(asked["now"])


def main() -> None:
    """One act from standard input, its result on the last line of standard output."""
    os.nice(_NICENESS)
    told = sys.stdout
    sys.stdout = sys.stderr  # libraries may print
    try:
        with Home(our_settings()) as home:
            said: dict[str, Any] = {"result": answer(home, json.loads(sys.stdin.buffer.read()))}
    except LintelError as error:
        said = {"error": _error(error)}
    told.write(json.dumps(said, default=str) + "\n")


def _error(error: LintelError) -> dict[str, Any]:
    """As a problem body says it: of what is wrong on our side only the kind."""
    if error.status >= 500:
        message = "The service cannot do this now; it is safe to repeat."
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
        return {"status": error.status, "slug": error.slug, "message": message, "headers": headers}
    return {"status": error.status, "slug": error.slug, "message": error.message, "mend": error.mend}


if __name__ == "__main__":
    main()
