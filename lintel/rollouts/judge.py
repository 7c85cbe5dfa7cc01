"""What to do with a rollout now: a function of its plan, how far it has come, what is known, and the time.

A finding that is BAD rolls back at once, in every live state. All else takes time: a step is left when its least time
and answers are reached and every live gate is GOOD. Outcomes take longer than steps, so that they never hold one up;
they are what the watch after the last step is for.
"""

from datetime import datetime, timedelta

from lintel.rollouts.decision import LIVE, Action, Decision, Finding, Progress, Standing, State
from lintel.rollouts.evidence import Arm, Evidence
from lintel.rollouts.live_gates import failures, latency, loads, rolling_health, score_shifts
from lintel.rollouts.plan import Plan, Strategy
from lintel.rollouts.quality import quality

LIVE_FALSE_ALARM = 0.01
"""Chance that one live gate ever turns BAD on a candidate that keeps its limit, over a whole rollout."""
QUIET_SHARE = 0.5
"""Of the longest duration: a step in which the candidate is asked nothing for so long lacks traffic. Nights and
weekends are no lack."""


def judge(plan: Plan, progress: Progress, evidence: Evidence, now: datetime) -> Decision:
    """What to do, and the findings it rests on, live gates first.

    Raises ValueError for a rollout that is over.
    """
    if progress.state not in LIVE:
        raise ValueError(f"a rollout that is {progress.state} is not judged any more")
    live = live_findings(plan, progress, evidence)
    dimensions = len(evidence.pairs.keys() | evidence.matured.keys())
    found = (*live, *quality(evidence.matured, dimensions, false_alarm=plan.limits.false_alarm))
    bad = [one.sentence for one in found if one.standing is Standing.BAD]
    if bad:
        return Decision(Action.ROLL_BACK, " ".join(bad), found)
    action, reason = _onwards(plan, progress, evidence, live, now)
    return Decision(action, reason, found)


def live_findings(plan: Plan, progress: Progress, evidence: Evidence) -> tuple[Finding, ...]:
    """What the live gates of a strategy say; before the first step, whether the candidate loads at all.

    In shadow nothing that the candidate did was seen by a caller, and what callers saw fail was the champion's: the
    candidate's failures are held against the limit alone. Counts begin anew with each step and with the watch, each of
    which therefore gets its share of the error.
    """
    if progress.step is None:
        return (loads(evidence),)
    limits, least, error = plan.limits, plan.step_answers, LIVE_FALSE_ALARM / (len(plan.steps) + 1)
    ours, theirs = evidence.candidate, evidence.champion
    beside = Arm() if plan.strategy is Strategy.SHADOW else theirs
    return (
        loads(evidence),
        failures(ours, beside, increase=limits.failure_increase, least=least, error=error),
        latency(ours, theirs, ratio=limits.latency_ratio, least=least, error=error),
        *_shifts(plan, evidence, error),
        *_workers(plan, progress.step, evidence),
    )


def _shifts(plan: Plan, evidence: Evidence, error: float) -> tuple[Finding, ...]:
    """Pairs are what a shadow is for; elsewhere they are judged where there are any."""
    if plan.strategy is Strategy.SHADOW and not evidence.pairs:
        return (Finding("score_shift", Standing.OPEN, None, None, "No lead was scored by both yet."),)
    return score_shifts(evidence.pairs, limit=plan.limits.score_shift, least=plan.step_answers, error=error)


def _workers(plan: Plan, step: int, evidence: Evidence) -> tuple[Finding, ...]:
    if plan.strategy is not Strategy.ROLLING:
        return ()
    return (rolling_health(evidence.workers_on, evidence.workers, plan.steps[step]),)


def _onwards(
    plan: Plan, progress: Progress, evidence: Evidence, live: tuple[Finding, ...], now: datetime
) -> tuple[Action, str]:
    if progress.state is State.HELD:
        return Action.HOLD, "Held by a person until a person resumes it."
    if progress.state is State.INCONCLUSIVE:
        return Action.HOLD, "Inconclusive: it stays where it is until a person decides."
    if progress.state is State.WATCHING:
        return _watch(plan, progress, now)
    undecided = _undecided(plan, progress, evidence, now)
    return (Action.INCONCLUSIVE, undecided) if undecided else _step(plan, progress, evidence, live, now)


def _watch(plan: Plan, progress: Progress, now: datetime) -> tuple[Action, str]:
    began = progress.watch_began_at or progress.step_began_at
    if now - began >= timedelta(seconds=plan.watch_seconds):
        return Action.COMPLETE, "The watch is over, and nothing speaks against the candidate."
    return Action.HOLD, f"Watched until {began + timedelta(seconds=plan.watch_seconds):%Y-%m-%d %H:%M} UTC."


def _undecided(plan: Plan, progress: Progress, evidence: Evidence, now: datetime) -> str | None:
    """Why nobody but a person can decide any more; None as long as it may still be decided."""
    longest = timedelta(seconds=plan.longest_seconds)
    if now - progress.began_at >= longest:
        return f"It could not be decided in the {_length(longest)} that it had."
    if (
        progress.step is not None
        and not evidence.candidate.asked
        and now - progress.step_began_at >= QUIET_SHARE * longest
    ):
        return f"No traffic: the candidate was asked nothing for {_length(now - progress.step_began_at)}."
    return None


def _step(
    plan: Plan, progress: Progress, evidence: Evidence, live: tuple[Finding, ...], now: datetime
) -> tuple[Action, str]:
    missing = [one.sentence for one in live if one.standing is not Standing.GOOD]
    if progress.step is None:
        return (Action.HOLD, " ".join(missing)) if missing else (Action.STEP, "The candidate is ready to begin.")
    left = timedelta(seconds=plan.step_seconds) - (now - progress.step_began_at)
    if left > timedelta(0):
        return Action.HOLD, f"The step lasts for another {_length(left)} at least."
    if evidence.candidate.asked < plan.step_answers:
        return Action.HOLD, f"The candidate answered {evidence.candidate.asked} leads of at least {plan.step_answers}."
    if missing:
        return Action.HOLD, " ".join(missing)
    if plan.strategy is Strategy.SHADOW and progress.step + 1 == len(plan.steps):
        return Action.COMPLETE, "The shadow is over, and nothing speaks against the candidate."
    return Action.STEP, "Time, answers and every live gate allow the next step."


def _length(span: timedelta) -> str:
    seconds = span.total_seconds()
    for size, name in ((86_400.0, "days"), (3_600.0, "hours"), (60.0, "minutes")):
        if seconds >= size:
            return f"{seconds / size:.1f} {name}"
    return f"{seconds:.0f} seconds"
