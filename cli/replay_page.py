"""The replay page: one lead, what happened, and what was said about it at each moment, as one HTML file.

Plain data in, text out: no store, no model, no clock. The page holds its own style, script and drawing, and asks
nothing of a network.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined

from lintel.events.moments import from_microseconds, to_microseconds
from lintel.events.timezones import MICROSECONDS_PER_DAY

WIDTH, LEFT, RIGHT = 1000, 140, 16
_HEAD, _PANEL, _PANEL_GAP, _LANE, _AXIS = 28, 84, 26, 26, 24
_TICKS = (1, 2, 5, 7, 14, 30, 60, 90, 180, 365)


@dataclass(frozen=True, slots=True)
class ReplayEvent:
    """One event. Times are UTC µs; `detail` is what to show beside the kind's meaning, never a text of a person."""

    occurred_at: int
    known_at: int
    kind: str
    family: str
    actor: str
    meaning: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ReplayScore:
    """A probability in 0..1 with its band; or why there is none."""

    probability: float | None
    low: float | None = None
    high: float | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True)
class ReplayReason:
    """What moves a dimension's log-odds, and how far."""

    dimension: str
    text: str
    features: tuple[str, ...]
    log_odds: float


@dataclass(frozen=True, slots=True)
class ReplayStep:
    """The lead as of one moment (UTC µs): `trigger` is "event" or "nightly"."""

    as_of: int
    trigger: str
    scores: Mapping[str, ReplayScore]
    reasons: tuple[ReplayReason, ...] = ()


@dataclass(frozen=True, slots=True)
class ReplayData:
    """All that the page shows. Events and steps ascend in time; `dimensions` gives each name its definition."""

    tenant: str
    lead_id: str
    time_zone: str
    simulated: bool
    events: tuple[ReplayEvent, ...]
    steps: tuple[ReplayStep, ...]
    dimensions: Mapping[str, str]
    base_rates: Mapping[str, float]
    undefined: Mapping[str, str]
    outcome: str | None
    outcome_at: int | None
    level: float
    model: Mapping[str, str]


def replay_html(data: ReplayData) -> str:
    """The page. Raises ValueError if there is no event or no step to show."""
    if not data.events or not data.steps:
        raise ValueError("a replay needs at least one event and one step")
    environment = Environment(
        loader=PackageLoader("cli"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False}
    return environment.get_template("replay.html.j2").render(
        data=data, picture=_picture(data), points=_points(data), when=lambda instant: _local(data, instant)
    )


@dataclass(frozen=True, slots=True)
class _Scale:
    """Time to horizontal position."""

    first: int
    last: int

    def x(self, instant: int) -> float:
        share = (instant - self.first) / max(self.last - self.first, 1)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def _scale(data: ReplayData) -> _Scale:
    """From the first event to the last score or the outcome, and what came soon after; the rest would squeeze it."""
    first = min(data.events[0].occurred_at, data.steps[0].as_of)
    end = max(data.steps[-1].as_of, data.outcome_at or first)
    reach = end + max((end - first) // 4, MICROSECONDS_PER_DAY)
    last = max([end, *(one.occurred_at for one in data.events if one.occurred_at <= reach)])
    return _Scale(first, last + max((last - first) // 50, MICROSECONDS_PER_DAY // 24))


def _picture(data: ReplayData) -> dict[str, Any]:
    """Everything of the drawing that is computed: positions in a view box of WIDTH x height."""
    scale = _scale(data)
    panels = [_panel(data, name, scale, i) for i, name in enumerate(data.dimensions)]
    top = _HEAD + len(panels) * (_PANEL + _PANEL_GAP)
    drawn = {event.family for event in data.events if event.occurred_at <= scale.last}
    families = sorted(drawn, key=lambda f: _first_of(data, f))
    lanes = [_lane(data, family, scale, top + i * _LANE) for i, family in enumerate(families)]
    bottom = top + len(lanes) * _LANE
    return {
        "width": WIDTH,
        "left": LEFT,
        "right": WIDTH - RIGHT,
        "height": bottom + _AXIS + 8,
        "bottom": bottom,
        "panels": panels,
        "lanes": lanes,
        "ticks": _ticks(data, scale),
        "outcome_x": scale.x(data.outcome_at) if data.outcome_at is not None else None,
    }


def _first_of(data: ReplayData, family: str) -> int:
    return next(event.occurred_at for event in data.events if event.family == family)


def _panel(data: ReplayData, name: str, scale: _Scale, position: int) -> dict[str, Any]:
    """One dimension: the line of its probability, which holds until the next step, and the band around it."""
    top = _HEAD + position * (_PANEL + _PANEL_GAP)

    def y(probability: float) -> float:
        return round(top + (1 - probability) * _PANEL, 1)

    line, band, previous = "", "", None
    ends = [step.as_of for step in data.steps[1:]] + [data.outcome_at or scale.last]
    for step, end in zip(data.steps, ends, strict=True):
        score = step.scores.get(name)
        if score is None or score.probability is None:
            previous = None
            continue
        start_x, end_x, height = scale.x(step.as_of), scale.x(max(end, step.as_of)), y(score.probability)
        line += f"{'M' if previous is None else 'L'}{start_x},{height}H{end_x}"
        previous = height
        if score.low is not None and score.high is not None:
            band += f"M{start_x},{y(score.low)}H{end_x}V{y(score.high)}H{start_x}Z"
    base = data.base_rates.get(name)
    return {
        "name": name,
        "top": top,
        "height": _PANEL,
        "line": line,
        "band": band,
        "base_y": None if base is None else y(base),
        "grid": [(y(p), f"{p:.0%}") for p in (0.0, 0.5, 1.0)],
    }


def _lane(data: ReplayData, family: str, scale: _Scale, top: int) -> dict[str, Any]:
    marks = [
        {
            "x": scale.x(event.occurred_at),
            "y": top + _LANE / 2,
            "actor": event.actor,
            "title": f"{_local(data, event.occurred_at)}: {event.kind}, {event.meaning}. {event.detail}".strip(),
            "step": _step_of(data, event.known_at),
            "known_at": event.known_at,
        }
        for event in data.events
        if event.family == family and event.occurred_at <= scale.last
    ]
    return {"family": family, "top": top, "height": _LANE, "middle": top + _LANE / 2, "marks": marks}


def _step_of(data: ReplayData, known_at: int) -> int:
    """The first step that knows an event."""
    later = (i for i, step in enumerate(data.steps) if step.as_of >= known_at)
    return next(later, len(data.steps) - 1)


def _ticks(data: ReplayData, scale: _Scale) -> list[dict[str, Any]]:
    """Local midnights, as many as fit."""
    zone = ZoneInfo(data.time_zone)
    days = (scale.last - scale.first) / MICROSECONDS_PER_DAY
    every = next((one for one in _TICKS if days / one <= 9), _TICKS[-1])
    moment = from_microseconds(scale.first).astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    year = " %Y" if days > 300 else ""
    ticks = []
    while (instant := to_microseconds(moment)) <= scale.last:
        if instant >= scale.first:
            ticks.append({"x": scale.x(instant), "label": moment.strftime(f"%b {moment.day}{year}")})
            moment += timedelta(days=every)
        else:
            moment += timedelta(days=1)
    return ticks or [
        {"x": scale.x(scale.first), "label": f"{from_microseconds(scale.first).astimezone(zone):%b %d %H:%M}"}
    ]


def _points(data: ReplayData) -> list[dict[str, Any]]:
    """What the script shows for each step."""
    scale = _scale(data)
    points = []
    for i, step in enumerate(data.steps):
        before = data.steps[i - 1] if i else None
        points.append(
            {
                "x": scale.x(step.as_of),
                "time": _local(data, step.as_of),
                "instant": step.as_of,
                "trigger": "after an event" if step.trigger == "event" else "nightly run",
                "scores": {name: _shown(name, step, before) for name in data.dimensions},
            }
        )
    return points


def _shown(name: str, step: ReplayStep, before: ReplayStep | None) -> dict[str, Any]:
    score = step.scores.get(name)
    if score is None or score.probability is None:
        return {"status": (score.status if score else None) or "not scored"}
    old = before.scores.get(name) if before else None
    moved = None if old is None or old.probability is None else score.probability - old.probability
    reasons = sorted((one for one in step.reasons if one.dimension == name), key=lambda one: -abs(one.log_odds))
    return {
        "p": score.probability,
        "low": score.low,
        "high": score.high,
        "moved": moved,
        "why": [{"text": one.text, "push": one.log_odds} for one in reasons[:4]],
        "changes": _changes(name, reasons, before) if moved is not None else [],
    }


def _changes(name: str, reasons: Sequence[ReplayReason], before: ReplayStep | None) -> list[dict[str, Any]]:
    """Which reasons grew, shrank, came or went since the step before, the largest first.

    Two reasons are the same if they name a feature in common. Only the strongest reasons of each step are known, so
    one that comes or goes may have been there more weakly.
    """
    old = [one for one in before.reasons if one.dimension == name] if before else []
    changes: list[dict[str, Any]] = []
    matched: set[int] = set()
    for reason in reasons:
        same = next((i for i, one in enumerate(old) if set(one.features) & set(reason.features)), None)
        matched |= set() if same is None else {same}
        push = reason.log_odds - (old[same].log_odds if same is not None else 0.0)
        changes.append({"text": reason.text, "push": push})
    gone = [one for i, one in enumerate(old) if i not in matched]
    changes += [{"text": f"no longer: {one.text}", "push": -one.log_odds} for one in gone]
    strong = [one for one in changes if abs(one["push"]) >= 0.02]
    return sorted(strong, key=lambda one: -abs(one["push"]))[:3]


def _local(data: ReplayData, instant: int) -> str:
    moment = from_microseconds(instant).astimezone(ZoneInfo(data.time_zone))
    return f"{moment:%Y-%m-%d %H:%M:%S} {moment.tzname()}"
