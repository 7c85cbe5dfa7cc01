"""Numbers in words and real units, as short as they stay true."""

import math

from lintel.features.feature import Feature, Unit

_MINUTES = {Unit.MINUTES: 1.0, Unit.DAYS: 1440.0}
_SINGULAR = {
    "actions": "action",
    "appointments": "appointment",
    "assessments": "assessment",
    "calls": "call",
    "changes": "change",
    "choices": "choice",
    "complaints": "complaint",
    "days": "day",
    "e-mails": "e-mail",
    "events": "event",
    "forms": "form",
    "homes": "home",
    "links": "link",
    "listings": "listing",
    "messages": "message",
    "offers": "offer",
    "opportunities": "opportunity",
    "papers": "paper",
    "pieces": "piece",
    "rounds": "round",
    "searches": "search",
    "steps": "step",
    "touches": "touch",
    "uses": "use",
}


def quantity(feature: Feature, value: float) -> str:
    """A value of the feature with its unit."""
    unit = feature.unit
    if unit in _MINUTES:
        return duration(value * _MINUTES[unit])
    if unit is Unit.SHARE:
        return f"{value:.0%}"
    if unit is Unit.FLAG:
        return "yes" if value else "no"
    if unit is Unit.HOUR:
        return clock_time(value)
    if unit is Unit.CURRENCY:
        return f"{value:,.0f}"
    return number(value) + _SUFFIX.get(unit, "")


_SUFFIX = {Unit.RATE: " a day", Unit.PERCENT: "%", Unit.POINTS: " percentage points"}


def number(value: float) -> str:
    """At most two decimals; 0.0 for what is small but not nothing would be untrue."""
    if 0 < abs(value) < 0.005:
        return f"{value:.1g}"
    return f"{value:,.2f}".rstrip("0").rstrip(".")


def duration(minutes: float) -> str:
    """Minutes in the unit that people would choose."""
    size = abs(minutes)
    if size < 1:
        return _plural(minutes * 60, "second")
    if size < 90:
        return _plural(minutes, "minute")
    if size < 48 * 60:
        return _plural(minutes / 60, "hour")
    days = minutes / 1440
    return _plural(days, "day") if abs(days) >= 10 else f"{days:.1f} days".replace(".0 ", " ")


def counted(value: float, things: str) -> str:
    """ "no calls", "1 call", "2 calls", from the plural."""
    if value == 0:
        return f"no {things}"
    return f"{number(value)} {_singular(things) if value == 1 else things}"


def clock_time(hours: float) -> str:
    """Hours since midnight as 14:05."""
    minutes = round(hours * 60) % 1440
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def turn(sine: float, cosine: float) -> float | None:
    """Share of a full turn, 0..1, of an angle; None if there is none."""
    if math.isnan(sine) or math.isnan(cosine):
        return None
    return math.atan2(sine, cosine) / math.tau % 1


def _singular(things: str) -> str:
    """The first noun, or two joined by "and", in the singular."""
    words = things.split(" ")
    first = next((position for position, word in enumerate(words) if word in _SINGULAR), None)
    if first is None:
        return things
    words[first] = _SINGULAR[words[first]]
    if words[first + 1 : first + 2] == ["and"] and words[first + 2] in _SINGULAR:
        words[first + 1 : first + 3] = ["or", _SINGULAR[words[first + 2]]]
    return " ".join(words)


def _plural(value: float, word: str) -> str:
    rounded = round(value)
    return f"{rounded} {word}{'' if abs(rounded) == 1 else 's'}"
