"""Feature values as what an agent would say: "no call finished for 6 days (typical: 2 days)".

One sentence pattern an aggregation, filled with the words of the feature's label; `quantities` has the numbers.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta

from lintel.events.schema import SIGNALS
from lintel.features.feature import OF_CONTEXT, Aggregation, Feature, Unit
from lintel.features.measures import DAYS_PER_YEAR
from lintel.features.selectors import INBOUND
from lintel.scoring.quantities import clock_time, counted, duration, number, quantity, turn

_COUNTING = frozenset(
    {
        Aggregation.COUNT,
        Aggregation.DISTINCT,
        Aggregation.DISTINCT_DAYS,
        Aggregation.COUNT_SINCE,
        Aggregation.EXCESS,
    }
)
_CHANGES = frozenset({Aggregation.CONTEXT_CHANGE, Aggregation.CONTEXT_GROWTH})
_MINUTES_PER_DAY = 1440
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SAID = {
    "asks_viewing": "wish for a viewing",
    "states_budget": "mention of a budget",
    "states_timeline": "mention of a time to move",
    "objection": "objection",
    "opts_out": "wish to hear no more",
    "question": "question",
}
_GOES_ON = frozenset({"web", "email", "sms", "chat"})
"""Families of which single kinds come again and again, so that to miss them is news."""
_FAINT, _CLEAR = 0.34, 0.67
_NEUTRAL = 0.1
_EVEN = 0.005
"""A rise of fewer events a day than this is none."""


def describe(feature: Feature, value: float, typical: float) -> str:
    """One value in words, with what is typical in training; NaN means that there is none."""
    text = _absent(feature) if math.isnan(value) else _present(feature, value, typical)
    usual = "" if math.isnan(typical) else _usual(feature, typical)
    return f"{text} (typical: {usual})" if usual else text


def _present(feature: Feature, value: float, typical: float) -> str:
    if feature.measure in SIGNALS:
        return _signal(feature, value)
    if feature.aggregation is Aggregation.RECENCY:
        return _recency(feature, value, typical)
    pattern = _PATTERNS.get(feature.aggregation)
    return pattern(feature, value) if pattern else _level(feature, value)


def _usual(feature: Feature, typical: float) -> str:
    """What is typical, in the fewest words; nothing of a yes or no."""
    if feature.unit is Unit.FLAG:
        return ""
    if feature.measure in SIGNALS:
        return _tone(typical) if feature.measure == "sentiment" else _strength(typical).removeprefix("a ") or "none"
    if feature.aggregation is Aggregation.RATIO:
        return f"{typical:.0%}"
    nothing = typical == 0 and feature.unit in {Unit.COUNT, Unit.MINUTES, Unit.DAYS}
    return "none" if nothing else describe_value(feature, typical)


def describe_value(feature: Feature, value: float) -> str:
    """The bare number with its unit; counts without their noun."""
    if feature.aggregation is Aggregation.TREND:
        return "as many" if abs(value) < _EVEN else f"{number(abs(value))} {'more' if value > 0 else 'fewer'} a day"
    if feature.aggregation is Aggregation.UNTIL:
        away = duration(abs(value) * _MINUTES_PER_DAY)
        return f"in {away}" if value >= 0 else f"{away} ago"
    if feature.aggregation in _CHANGES:
        return f"{'+' if value > 0 else ''}{quantity(feature, value)}"
    if feature.measure == "weekday":
        return _WEEKDAYS[int(value) % 7]
    return quantity(feature, value)


def _absent(feature: Feature) -> str:
    """There is nothing to compute it from."""
    label = feature.label
    if feature.measure in SIGNALS:
        return f"no message with text {_window(label) or 'so far'}"
    if feature.aggregation in _COUNTING:
        return counted(0, label)
    absent = _ABSENT.get(feature.aggregation)
    if absent is not None:
        return absent(label)
    if _is_reply(feature):
        return f"{_answering(feature)[1]} {_window(label) or 'so far'}"
    return f"{_tidy(feature)}: none so far"


_ABSENT: Mapping[Aggregation, Callable[[str], str]] = {
    Aggregation.RECENCY: lambda label: f"no {_after(label, 'last')} so far",
    Aggregation.TENURE: lambda label: f"no {_after(label, 'first')} so far",
    Aggregation.UNTIL: lambda label: f"no {_after(label, 'until the')} agreed",
    Aggregation.PENDING: lambda label: label.removeprefix("time ").removeprefix("that ").replace("has been", "is not"),
    Aggregation.ELAPSED: lambda label: f"not complete yet: {label.removeprefix('time ')}",
    Aggregation.PER: lambda label: f"no {label.rpartition(' per ')[2]} so far",
    Aggregation.SHARE: lambda label: f"no {label.removeprefix('share of ').partition(' that ')[0]} so far",
    Aggregation.RATIO: lambda label: f"not known: {label.replace(' divided by ', ' or ')}",
    **dict.fromkeys((*OF_CONTEXT, Aggregation.IS_LAST, Aggregation.EQUALS), lambda label: f"{label}: not known"),
}


def _recency(feature: Feature, days: float, typical: float) -> str:
    """Told as a silence if it is longer than usual of what goes on all the time, else as something done then."""
    words, ago = _after(feature.label, "last"), duration(days * _MINUTES_PER_DAY)
    goes_on = len(feature.kinds) > 1 or feature.kinds[0].partition(".")[0] in _GOES_ON
    return f"no {words} for {ago}" if days > typical and goes_on else f"last {words} {ago} ago"


def _count(feature: Feature, value: float) -> str:
    return counted(value, feature.label)


def _tenure(feature: Feature, days: float) -> str:
    return f"first {_after(feature.label, 'first')} {duration(days * _MINUTES_PER_DAY)} ago"


def _until(feature: Feature, days: float) -> str:
    thing, away = _after(feature.label, "until"), duration(abs(days) * _MINUTES_PER_DAY)
    return f"{thing} is in {away}" if days >= 0 else f"{thing} was {away} ago"


def _pending(feature: Feature, days: float) -> str:
    return f"{feature.label.removeprefix('time ').removeprefix('that ')} for {duration(days * _MINUTES_PER_DAY)}"


def _elapsed(feature: Feature, days: float) -> str:
    return f"{duration(days * _MINUTES_PER_DAY)} {feature.label.removeprefix('time ')}"


def _trend(feature: Feature, value: float) -> str:
    things = feature.label.removeprefix("rise of ").partition(" (")[0]
    window, baseline = feature.window_days, feature.baseline_days
    if abs(value) < _EVEN:
        return f"as many {things} a day over {window} days as over {baseline}"
    word = "more" if value > 0 else "fewer"
    return f"{number(abs(value))} {word} {things} a day over {window} days than over {baseline}"


def _share(feature: Feature, value: float) -> str:
    things = feature.label.removeprefix("share of ").replace(" that are ", " are ")
    return f"{value:.0%} of {things}"


def _per(feature: Feature, value: float) -> str:
    return counted(value, feature.label)


def _ratio(feature: Feature, value: float) -> str:
    above, _, below = feature.label.partition(" divided by ")
    return f"{above} is {value:.0%} of {below}"


def _flag(feature: Feature, value: float) -> str:
    label = feature.label
    if value:
        return label
    if label.startswith("came by "):
        return f"did not come by {label.removeprefix('came by ')}"
    verb = "was" if " was " in label else "is"
    return label.replace(f" {verb} ", f" {verb} not ", 1)


def _sum(feature: Feature, value: float) -> str:
    """Of time: "12 minutes on listings"."""
    if "minutes " not in feature.label:
        return _level(feature, value) if value else f"{feature.label}: none"
    of = feature.label.partition("minutes ")[2]
    return f"{'no time' if value == 0 else quantity(feature, value)} {of}"


def _deviation(feature: Feature, value: float) -> str:
    return f"{feature.label.removeprefix('standard deviation of ')} varies by {quantity(feature, value)}"


def _mean(feature: Feature, value: float) -> str:
    return _share(feature, value) if feature.unit is Unit.SHARE else _level(feature, value)


def _change(feature: Feature, value: float) -> str:
    of = feature.label.removeprefix("change of ").removeprefix("growth of ")
    if value == 0:
        return f"{of}: unchanged"
    size = quantity(feature, abs(value))
    return f"{of}: {'up' if value > 0 else 'down'} by {size}"


_PATTERNS: Mapping[Aggregation, Callable[[Feature, float], str]] = {
    **dict.fromkeys(_COUNTING, _count),
    Aggregation.TENURE: _tenure,
    Aggregation.UNTIL: _until,
    Aggregation.PENDING: _pending,
    Aggregation.ELAPSED: _elapsed,
    Aggregation.TREND: _trend,
    Aggregation.SHARE: _share,
    Aggregation.PER: _per,
    Aggregation.RATIO: _ratio,
    Aggregation.IS_LAST: _flag,
    Aggregation.EQUALS: _flag,
    Aggregation.SUM: _sum,
    Aggregation.MEAN: _mean,
    Aggregation.DEVIATION: _deviation,
    Aggregation.CONTEXT_CHANGE: _change,
    Aggregation.CONTEXT_GROWTH: _change,
}


def _level(feature: Feature, value: float) -> str:
    if _is_reply(feature):
        return f"{_answering(feature)[0]} {quantity(feature, value)} {_window(feature.label)}".rstrip()
    return f"{_tidy(feature)}: {describe_value(feature, value)}"


def _tidy(feature: Feature) -> str:
    """The label without its unit and with a superlative that fits durations and stages."""
    label = feature.label.replace(" (Monday 0)", "")
    if feature.unit is Unit.STAGE:
        return {"last stage": "stage", "largest stage": "furthest stage"}.get(label, label)
    if feature.unit in {Unit.MINUTES, Unit.DAYS}:
        label = label.replace("largest ", "longest ").replace("smallest ", "shortest ").replace("minutes ", "time ")
    return label.removeprefix("last ") if feature.unit is Unit.CURRENCY or feature.name == "timeline_last" else label


def _is_reply(feature: Feature) -> bool:
    return feature.measure == "waited" and " took to answer " in feature.label


def _answering(feature: Feature) -> tuple[str, str]:
    """How fast the lead, or we, answered; and that there was no answer."""
    how = _ANSWERED[feature.aggregation]
    if feature.kinds == INBOUND:
        return f"the lead {how.replace('answered', 'answered a touch')}", "no touch answered by the lead"
    return f"we {how.replace('answered', 'answered the lead')}", "no message of the lead answered by us"


_ANSWERED: Mapping[Aggregation, str] = {
    Aggregation.FIRST: "first answered after",
    Aggregation.LAST: "last answered after",
    Aggregation.MAX: "answered at the slowest after",
    Aggregation.MEAN: "answered on average after",
}


def _signal(feature: Feature, value: float) -> str:
    """What the text of messages says, as words for its strength."""
    where = {
        Aggregation.LAST: "in the last message",
        Aggregation.MEAN: f"in messages {_window(feature.label)}".rstrip(),
    }.get(feature.aggregation, "in any message so far")
    if feature.measure == "sentiment":
        return f"{_tone(value)} tone {where}"
    thing, strength = _SAID[feature.measure or ""], _strength(value)
    if not strength:
        return f"no {thing} {where}"
    return f"{strength} {thing} {where}"


def _strength(value: float) -> str:
    if value <= 0:
        return ""
    return "a faint" if value < _FAINT else "some" if value < _CLEAR else "a clear"


def _tone(value: float) -> str:
    if abs(value) < _NEUTRAL:
        return "neutral"
    return "positive" if value > 0 else "negative"


def _after(label: str, word: str) -> str:
    """What follows the word: the thing that the feature is about."""
    return label.partition(f" {word} ")[2]


def _window(label: str) -> str:
    _, found, rest = label.partition(" in the last ")
    return f"in the last {rest}" if found else ""


def describe_clock(features: Sequence[Feature], values: Sequence[float]) -> str:
    """All features of hours and weekdays as one fact: what time it is, and when the lead is about."""
    own = {feature.name: value for feature, value in zip(features, values, strict=True)}
    now, weekday = own.get("now_hour", math.nan), own.get("now_weekday", math.nan)
    told = "" if math.isnan(now + weekday) else f": {_WEEKDAYS[int(weekday) % 7]} {clock_time(now)}"
    around = turn(own.get("lead_act_hour_sine", math.nan), own.get("lead_act_hour_cosine", math.nan))
    active = "" if around is None else f"; the lead is mostly active around {clock_time(around * 24)}"
    return f"time of day and week{told}{active}"


def describe_season(features: Sequence[Feature], values: Sequence[float]) -> str:
    """Sine and cosine of the date, in any order, as its month."""
    own = {feature.measure: value for feature, value in zip(features, values, strict=True)}
    around = turn(own.get("season_sine", math.nan), own.get("season_cosine", math.nan))
    if around is None:
        return "time of the year"
    return f"time of the year: {date(2024, 1, 1) + timedelta(days=round(around * DAYS_PER_YEAR)):%B}"
