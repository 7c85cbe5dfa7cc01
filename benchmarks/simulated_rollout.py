"""Rollouts of a candidate whose truth is known, judged look by look by the judge that judges real ones.

A brokerage gets leads at random, with a rhythm of the day. Both models know a lead's true log-odds but for an error of
their own; three dimensions share a cause in the lead, and their outcomes are known 3, 7 and 14 days after the answer.
The judge looks every hour. Hours are counted from the beginning of the rollout; a day before it is simulated too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import log

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from lintel.rollouts.decision import Action, Progress, Standing, State
from lintel.rollouts.e_process import log_capital, squared_differences
from lintel.rollouts.evidence import Arm, Evidence, Matured, Pairs
from lintel.rollouts.judge import LIVE_FALSE_ALARM, judge
from lintel.rollouts.live_gates import LEAST_FAILED, QUANTILE
from lintel.rollouts.plan import Plan, Strategy
from lintel.rollouts.proportion import log_capital_against

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

BEGAN = datetime(2026, 3, 2, tzinfo=UTC)
PLAN = Plan(Strategy.CANARY, steps=(0.25, 0.5, 1.0), step_answers=100)
LEADS_AN_HOUR = 12.0
BEFORE = 24.0
LEVELS, HORIZONS = (
    {"churn": -2.2, "conversion": -1.4, "intent": -0.4},
    {"churn": 14.0, "conversion": 7.0, "intent": 3.0},
)
NOISE = 0.4
SAMPLE, COMPARED = 200, "conversion"
"""Leads, those that were answered last, whose scores are compared, and in which dimension."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is true of both models. Errors are normal, in log-odds: standard deviation, bias, slope.

    `worse_in`: dimensions in which the candidate errs so; in the others it errs as the champion does. `drift`: change
    of the truth's log-odds over 30 days, which neither model knows. `outage`: hours in which both fail on every second
    lead.
    """

    noise: float = NOISE
    champion_noise: float = NOISE
    bias: float = 0.0
    slope: float = 1.0
    worse_in: tuple[str, ...] = tuple(LEVELS)
    fails: float = 0.001
    slower: float = 1.0
    drift: float = 0.0
    outage: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class World:
    """Everything that will happen, lead by lead in order of arrival: (n,) each, by dimension where they have several.

    `place` is a lead's draw: the candidate answers where it lies below the step's share.
    """

    arrived: Float64
    place: Float64
    truth: Mapping[str, Float64]
    outcome: Mapping[str, Float64]
    ours: Mapping[str, Float64]
    theirs: Mapping[str, Float64]
    we_fail: Bool
    they_fail: Bool
    our_ms: Float64
    their_ms: Float64


@dataclass(frozen=True, slots=True)
class Ended:
    """How a rollout ended: when, in hours; what sent it back; how many leads the candidate had answered by then, and
    which."""

    state: State
    hours: float
    gates: tuple[str, ...]
    answered: int
    by_candidate: Bool


def world(candidate: Candidate, plan: Plan, seed: int) -> World:
    """One draw of all that can happen until the last moment at which the plan may end."""
    random = np.random.default_rng(seed)
    length = (plan.longest_seconds + plan.watch_seconds) / 3_600.0
    arrived = _arrivals(random, -BEFORE, length)
    count = len(arrived)
    cause, change = random.normal(size=count), candidate.drift * np.maximum(arrived, 0.0) / 720.0
    log_odds = {name: level + 0.8 * cause + 0.6 * random.normal(size=count) for name, level in LEVELS.items()}
    truth = {name: expit(one + change) for name, one in log_odds.items()}
    down = (arrived >= candidate.outage[0]) & (arrived < candidate.outage[1]) & (random.random(count) < 0.5)
    fails = random.random((2, count)) < np.array([[candidate.fails], [0.001]])
    times = random.lognormal(1.5, 0.35, (2, count))
    return World(
        arrived,
        random.random(count),
        truth,
        {name: (random.random(count) < one).astype(np.float64) for name, one in truth.items()},
        {name: _scored(random, candidate, name, one) for name, one in log_odds.items()},
        {name: expit(one + candidate.champion_noise * random.normal(size=count)) for name, one in log_odds.items()},
        fails[0] | down,
        fails[1] | down,
        times[0] * candidate.slower,
        times[1],
    )


def _arrivals(random: np.random.Generator, begin: float, end: float) -> Float64:
    """A Poisson process with a rhythm of the day, thinned out of one with twice the rate."""
    count = random.poisson(2.0 * LEADS_AN_HOUR * (end - begin))
    hours = np.sort(random.uniform(begin, end, count))
    found: Float64 = hours[2.0 * random.random(count) < 1.0 - np.cos(2.0 * np.pi * hours / 24.0)]
    return found


def _scored(random: np.random.Generator, candidate: Candidate, name: str, log_odds: Float64) -> Float64:
    error = random.normal(size=len(log_odds))
    if name not in candidate.worse_in:
        return np.asarray(expit(log_odds + candidate.champion_noise * error))
    return np.asarray(expit(candidate.slope * log_odds + candidate.bias + candidate.noise * error))


class SimulatedRollout:
    """One rollout through one world. `every_look`: the judge is asked at every look and told everything, and not only
    where it could do anything but wait."""

    def __init__(self, plan: Plan, one: World, *, every_look: bool = False) -> None:
        self._plan, self._world, self._every_look = plan, one, every_look
        self._by_candidate = np.zeros(len(one.arrived), dtype=np.bool_)
        self._progress = Progress(State.RUNNING, BEGAN, None, BEGAN)
        self._now = 0.0

    def run(self) -> Ended:
        """From the first look to the end."""
        gates: tuple[str, ...] = ()
        while self._progress.state in (State.RUNNING, State.WATCHING):
            action, gates = self._next()
            self._follow(action)
        answered = self._by_candidate & (self._world.arrived < self._now)
        return Ended(self._progress.state, self._now, gates, int(answered.sum()), self._by_candidate)

    def _next(self) -> tuple[Action, tuple[str, ...]]:
        """The first decision that is not to wait."""
        if self._progress.step is None:
            return judge(self._plan, self._progress, Evidence(Arm(), Arm()), BEGAN).action, ()
        end = self._end()
        worse_from = 0.0 if self._every_look else self._worse_from(end)
        for look in self._looks(worse_from, end).tolist():
            self._now = look
            found = judge(self._plan, self._progress, self._evidence(look, look >= worse_from), _moment(look))
            if found.action is not Action.HOLD:
                return found.action, tuple(one.gate for one in found.findings if one.standing is Standing.BAD)
        raise RuntimeError("a rollout did not end")

    def _follow(self, action: Action) -> None:
        progress, now = self._progress, _moment(self._now)
        if action is Action.STEP:
            step = 0 if progress.step is None else progress.step + 1
            if step == len(self._plan.steps):
                self._progress = replace(progress, state=State.WATCHING, step_began_at=now, watch_began_at=now)
                return
            later = self._world.arrived >= self._now
            self._by_candidate[later] = self._world.place[later] < self._plan.steps[step]
            self._progress = replace(progress, step=step, step_began_at=now)
            return
        ends = {Action.ROLL_BACK: State.ROLLED_BACK, Action.COMPLETE: State.COMPLETED}
        self._progress = replace(progress, state=ends.get(action, State.INCONCLUSIVE))

    def _end(self) -> float:
        """The hour at which the judge decides in any case, if the state stays as it is."""
        if self._progress.state is State.WATCHING:
            return _hours(self._progress.step_began_at) + self._plan.watch_seconds / 3_600.0
        return self._plan.longest_seconds / 3_600.0

    def _looks(self, worse_from: float, end: float) -> Float64:
        """Hours at which the judge is asked in this step: those at which a gate could be BAD, the step be left, or the
        time be over."""
        began, plan = _hours(self._progress.step_began_at), self._plan
        watching = self._progress.state is State.WATCHING
        looks = np.append(np.arange(began + 1.0, end), end)
        if self._every_look:
            return looks
        asked = self._asked(looks)
        ready = np.zeros(len(looks), np.bool_) if watching else asked >= plan.step_answers
        quiet = asked == 0
        return looks[ready | quiet | self._suspicious(looks) | (looks >= worse_from) | (looks == end)]

    def _asked(self, looks: Float64) -> NDArray[np.intp]:
        mine = self._since_step() & self._by_candidate
        return np.searchsorted(self._world.arrived[mine], looks)

    def _since_step(self) -> Bool:
        found: Bool = self._world.arrived >= _hours(self._progress.step_began_at)
        return found

    def _suspicious(self, looks: Float64) -> Bool:
        """Where what is necessary for a gate to be BAD is given; each bound lies beyond the plain figure."""
        one, limits = self._world, self._plan.limits
        mine = self._since_step() & self._by_candidate
        asked = self._asked(looks)
        failed, slow = (np.concatenate([[0], np.cumsum(what[mine])]) for what in (one.we_fail, self._slow()))
        increased = self._more(failed[asked], asked, limits.failure_increase) & (failed[asked] >= LEAST_FAILED)
        found: Bool = increased | self._more(slow[asked], asked, 1.0 - QUANTILE) | self._shifted(looks)
        return found

    def _more(self, events: NDArray[np.intp], trials: NDArray[np.intp], share: float) -> Bool:
        enough = log((len(self._plan.steps) + 1) / LIVE_FALSE_ALARM)
        found: Bool = (events > share * trials) & (log_capital_against(share, events, trials) >= enough)
        return found

    def _slow(self) -> Bool:
        """Beyond the limit for the bounds of the champion's percentile that it may have in this step: while times of it
        come in, its percentile may lie lower than it does in the end."""
        theirs, share = self._their_ms(), self._plan.steps[self._progress.step or 0]
        if len(theirs) < 20:
            return np.zeros(len(self._world.our_ms), np.bool_)
        limit = self._plan.limits.latency_ratio * np.quantile(theirs, QUANTILE)
        found: Bool = self._world.our_ms > limit * (1.0 if share == 1.0 else 0.7)
        return found

    def _shifted(self, looks: Float64) -> Bool:
        upto = np.searchsorted(self._world.arrived, looks)
        moved = np.abs(self._world.ours[COMPARED] - self._world.theirs[COMPARED])
        total, begin = np.concatenate([[0.0], np.cumsum(moved)]), np.maximum(upto - SAMPLE, 0)
        found: Bool = total[upto] - total[begin] > self._plan.limits.score_shift * (upto - begin)
        return found

    def _worse_from(self, end: float) -> float:
        """The hour at which the capital of any dimension reaches its bound, if the step goes on until its end."""
        enough = log(len(LEVELS) / self._plan.limits.false_alarm)
        hours = [np.inf]
        for name in LEVELS:
            known = self._world.arrived + 24.0 * HORIZONS[name] <= end
            rows = self._by_candidate & (self._world.arrived >= 0.0) & known
            capital = log_capital(self._differences(name, rows))
            reached = np.flatnonzero(capital >= enough)
            if len(reached):
                hours.append(float(self._world.arrived[rows][reached[0]] + 24.0 * HORIZONS[name]))
        return min(hours)

    def _differences(self, name: str, rows: Bool) -> Float64:
        """Brier losses of the candidate less the champion's on these rows."""
        one = self._world
        return squared_differences(one.ours[name][rows], one.theirs[name][rows], one.outcome[name][rows])

    def _evidence(self, now: float, with_outcomes: bool) -> Evidence:
        one = self._world
        known = self._since_step() & (one.arrived < now)
        mine, share = known & self._by_candidate, self._plan.steps[self._progress.step or 0]
        theirs = known & ~mine if share < 1.0 else one.arrived < 0.0  # of before the rollout, once it answers nobody
        upto = int(np.searchsorted(one.arrived, now))
        newest = slice(max(upto - SAMPLE, 0), upto)
        return Evidence(
            Arm(int(mine.sum()), int(one.we_fail[mine].sum()), one.our_ms[mine]),
            Arm(int(theirs.sum()), int(one.they_fail[theirs].sum()), one.their_ms[theirs]),
            pairs={COMPARED: Pairs(one.ours[COMPARED][newest], one.theirs[COMPARED][newest])},
            matured={name: self._matured(name, now) for name in LEVELS} if with_outcomes else {},
        )

    def _their_ms(self) -> Float64:
        one, share = self._world, self._plan.steps[self._progress.step or 0]
        known = self._since_step() & ~self._by_candidate if share < 1.0 else one.arrived < 0.0
        return one.their_ms[known]

    def _matured(self, name: str, now: float) -> Matured:
        one = self._world
        known = self._by_candidate & (one.arrived >= 0.0) & (one.arrived + 24.0 * HORIZONS[name] <= now)
        return Matured(one.ours[name][known], one.theirs[name][known], one.outcome[name][known])


def _moment(hours: float) -> datetime:
    return BEGAN + timedelta(hours=hours)


def _hours(moment: datetime) -> float:
    return (moment - BEGAN) / timedelta(hours=1)
