"""One rollout as it is kept, and how it changes. Pure: time is an argument."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self

from lintel.errors import InputError
from lintel.registry.traffic import Mode, TrafficEntry
from lintel.rollouts.decision import LIVE, Decision, Progress, State
from lintel.rollouts.plan import Plan, Strategy

_ANSWERING = {Strategy.CANARY: Mode.CANARY, Strategy.BLUE_GREEN: Mode.CANARY, Strategy.ROLLING: Mode.ROLLING}


@dataclass(frozen=True, slots=True)
class Version:
    """A registered bundle that takes part."""

    digest: str
    name: str
    version: int

    def entry(self, weight: float, mode: Mode) -> TrafficEntry:
        return TrafficEntry(self.digest, self.name, self.version, weight, mode)


@dataclass(frozen=True, slots=True)
class Rollout:
    """A candidate on its way, or at the end of it.

    `traffic_version` is the assignment of traffic that it made last, and `followed_at` when all workers followed that
    (None: not yet): evidence is gathered from then on. `decision` is the newest judgement, or what a person did in its
    place (`by` says who), as JSON with its time.
    """

    rollout_id: str
    scope: str
    candidate: Version
    champion: Version
    plan: Plan
    progress: Progress
    changed_at: datetime
    traffic_version: int = 0
    followed_at: datetime | None = None
    decision: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_live(self) -> bool:
        return self.progress.state in LIVE

    @property
    def is_watching(self) -> bool:
        """Whether the last step is done, held or not."""
        return self.progress.watch_began_at is not None

    @property
    def share(self) -> float:
        """The candidate's share of the leads, or of the workers, now."""
        if self.is_watching:
            return 1.0
        return 0.0 if self.progress.step is None else self.plan.steps[self.progress.step]

    @property
    def is_to_answer(self) -> bool:
        """Whether it ends with the candidate as the champion."""
        return self.plan.strategy is not Strategy.SHADOW

    def entries(self) -> list[TrafficEntry]:
        """The traffic that belongs to where it stands.

        Before the first step the candidate is a standby, so that every worker has it before anybody is answered by it.
        While it answers all leads in the last step, the champion still stands above it in the ladder with a weight of
        0, so that leads on which the candidate fails fall to it. When the watch begins the two change places.
        """
        state = self.progress.state
        if state is State.ROLLED_BACK or (state is State.COMPLETED and not self.is_to_answer):
            return [self.champion.entry(1.0, Mode.CHAMPION)]
        if state is State.COMPLETED:
            return [self.candidate.entry(1.0, Mode.CHAMPION)]
        if not self.is_to_answer and self.share:
            return [self.champion.entry(1.0, Mode.CHAMPION), self.candidate.entry(self.share, Mode.SHADOW)]
        if self.is_watching:
            return [self.candidate.entry(1.0, Mode.CHAMPION), self.champion.entry(0.0, Mode.STANDBY)]
        if not self.share:
            return [self.champion.entry(1.0, Mode.CHAMPION), self.candidate.entry(0.0, Mode.STANDBY)]
        mode = _ANSWERING[self.plan.strategy]
        return [self.champion.entry(1.0 - self.share, Mode.CHAMPION), self.candidate.entry(self.share, mode)]

    def stepped(self, now: datetime) -> Self:
        """At the next step; after the last one, watching. One that was out of time has as long again: who forces a step
        wants it to go on."""
        step = 0 if self.progress.step is None else self.progress.step + 1
        if self.is_watching or step >= len(self.plan.steps):
            return self.watching(now)
        progress = replace(self.progress, state=State.RUNNING, step=step, step_began_at=now)
        plan = self._plan_with_as_long_again(now) if self._is_out_of_time(now) else self.plan
        return replace(self, plan=plan, progress=progress, followed_at=None)

    def watching(self, now: datetime) -> Self:
        """With all steps done, and the way back armed."""
        last = len(self.plan.steps) - 1
        progress = replace(self.progress, state=State.WATCHING, step=last, step_began_at=now, watch_began_at=now)
        return replace(self, progress=progress, followed_at=None)

    def ended(self, state: State) -> Self:
        """Completed or rolled back."""
        return replace(self, progress=replace(self.progress, state=state))

    def paused(self, state: State) -> Self:
        """Held by a person, or inconclusive; the traffic stays as it is."""
        return replace(self, progress=replace(self.progress, state=state))

    def resumed(self, now: datetime) -> Self:
        """Going on from where it was held. One that was inconclusive, or is out of time by now, has as long again as it
        had, and its step begins anew."""
        if self.progress.state not in (State.HELD, State.INCONCLUSIVE):
            raise InputError(f"A rollout that is {self.progress.state} cannot be resumed.", mend="Only a held one can.")
        state = State.WATCHING if self.is_watching else State.RUNNING
        if self.progress.state is State.HELD and (self.is_watching or not self._is_out_of_time(now)):
            return replace(self, progress=replace(self.progress, state=state))
        progress = replace(self.progress, state=state, step_began_at=now)
        return replace(self, plan=self._plan_with_as_long_again(now), progress=progress)

    def _is_out_of_time(self, now: datetime) -> bool:
        return (now - self.progress.began_at).total_seconds() >= self.plan.longest_seconds

    def _plan_with_as_long_again(self, now: datetime) -> Plan:
        spent = (now - self.progress.began_at).total_seconds()
        return replace(self.plan, longest_seconds=spent + self.plan.longest_seconds)

    def decided(self, decision: Decision, now: datetime) -> Self:
        """With the newest judgement."""
        found = [finding.to_json() for finding in decision.findings]
        told = {"at": now.isoformat(), "action": str(decision.action), "reason": decision.reason, "findings": found}
        return replace(self, decision=told)

    def overridden(self, act: str, by: str, reason: str, now: datetime) -> Self:
        """With what a person did in the place of a judgement; what the gates said last stays beside it."""
        found = self.decision.get("findings", [])
        told = {"at": now.isoformat(), "action": act, "reason": f"{by}: {reason}", "findings": found, "by": by}
        return replace(self, decision=told)

    def progress_json(self) -> str:
        """What the table keeps beside the columns of its own."""
        progress = self.progress
        return json.dumps(
            {
                "step": progress.step,
                "step_began_at": progress.step_began_at.isoformat(),
                "watch_began_at": _text(progress.watch_began_at),
                "traffic_version": self.traffic_version,
                "followed_at": _text(self.followed_at),
                "names": {"candidate": self.candidate.name, "champion": self.champion.name},
                "decision": dict(self.decision),
            },
            sort_keys=True,
        )

    def to_json(self) -> dict[str, Any]:
        """For people and programs: everything, in plain JSON."""
        progress = self.progress
        return {
            "rollout_id": self.rollout_id,
            "scope": self.scope,
            "state": str(progress.state),
            "strategy": str(self.plan.strategy),
            "candidate": {"version": self.candidate.version, "digest": self.candidate.digest},
            "champion": {"version": self.champion.version, "digest": self.champion.digest},
            "step": progress.step,
            "steps": list(self.plan.steps),
            "share": self.share if self.is_live else None,
            "began_at": progress.began_at.isoformat(),
            "step_began_at": progress.step_began_at.isoformat(),
            "watch_began_at": _text(progress.watch_began_at),
            "followed_at": _text(self.followed_at),
            "changed_at": self.changed_at.isoformat(),
            "traffic_version": self.traffic_version,
            "decision": dict(self.decision) or None,
            "plan": self.plan.to_json(),
        }


def moment_of(text: str | None) -> datetime | None:
    """A time as `progress_json` keeps it."""
    return None if text is None else datetime.fromisoformat(text)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
