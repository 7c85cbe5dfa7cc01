"""The mapping of an XES event log (IEEE 1849): which (activity, transition) makes which events."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from lintel.events.kinds import Actor, Kind
from lintel.sources.cells import NumberReader, TimeReader
from lintel.sources.mapping import Section, read_mapping

TOP_KEYS = ("format", "source", "id", "time_zone", "decimal", "keys", "system_agents", "event", "work", "ignore")
_RULE_KEYS = ("activity", "transition", "kind", "actor", "channel", "object_id", "value")
_VALUE_KEYS = ("event", "case", "minutes_since")
_ID_NAMES = ("source", "case", "event")


@dataclass(frozen=True, slots=True)
class Keys:
    """The names of the attributes that the log uses; by default those of the XES standard extensions."""

    case: str = "concept:name"  # of the trace: its name
    lead_id: str = "concept:name"  # of the trace
    episode_id: str | None = None  # of the trace
    time: str = "time:timestamp"
    activity: str = "concept:name"
    transition: str = "lifecycle:transition"
    agent: str = "org:resource"


@dataclass(frozen=True, slots=True)
class Constant:
    number: float


@dataclass(frozen=True, slots=True)
class EventAttribute:
    key: str


@dataclass(frozen=True, slots=True)
class CaseAttribute:
    key: str


@dataclass(frozen=True, slots=True)
class MinutesSince:
    """Minutes since the latest event of this kind in the same case (and about the same object) that no other event
    was measured from; nothing if there is none."""

    kind: str


XesValue = Constant | EventAttribute | CaseAttribute | MinutesSince


@dataclass(frozen=True, slots=True)
class XesRule:
    """One event that a log event gives if its activity and its transition match the two patterns."""

    activity: str
    transition: str
    kind: Kind
    actor: Actor | None = None
    channel: str | None = None
    object_id: str | None = None  # key of an event attribute
    value: XesValue | None = None

    def matches(self, activity: str, transition: str) -> bool:
        return _matches(self.activity, self.transition, activity, transition)


@dataclass(frozen=True, slots=True)
class XesMapping:
    """What an XES mapping file says. `id` is a template of {source}, {case} and {event} (number in the trace)."""

    source: str
    id: str
    times: TimeReader
    numbers: NumberReader
    keys: Keys
    system_agents: frozenset[str]
    rules: tuple[XesRule, ...]
    ignored: tuple[tuple[str, str], ...]

    def rules_for(self, activity: str, transition: str) -> tuple[XesRule, ...] | None:
        """Every rule that takes this log event, none if it is to be passed over; None if the mapping is silent."""
        rules = tuple(rule for rule in self.rules if rule.matches(activity, transition))
        passed_over = any(_matches(*patterns, activity, transition) for patterns in self.ignored)
        return rules if rules or passed_over else None


def read_xes_mapping(path: Path) -> XesMapping:
    """Read and check an XES mapping file (docs/sources.md). Raises InputError or NotFoundError."""
    top = read_mapping(path, "xes")
    top.allow(TOP_KEYS)
    rules = [_rule(section) for section in top.sections("event")]
    for section in top.sections("work"):
        rules += _work(section)
    if not rules:
        top.refuse("event", "there is no [[event]] and no [[work]]", "Without one the log gives no events.")
    return XesMapping(
        source=top.text("source"),
        id=_id(top),
        times=TimeReader(zone=top.zone("time_zone")),
        numbers=NumberReader(top.decimal("decimal")),
        keys=_keys(top.section("keys")),
        system_agents=frozenset(top.texts("system_agents")),
        rules=tuple(rules),
        ignored=tuple(_ignored(section) for section in top.sections("ignore")),
    )


def _matches(activity_pattern: str, transition_pattern: str, activity: str, transition: str) -> bool:
    """Transitions match in any case: the standard writes `complete`, OpenXES wrote `COMPLETE`."""
    if not fnmatchcase(transition.lower(), transition_pattern.lower()):
        return False
    return activity == activity_pattern or fnmatchcase(activity, activity_pattern)


def _keys(section: Section) -> Keys:
    section.allow(Keys.__dataclass_fields__)
    return Keys(**section.words())


def _id(top: Section) -> str:
    template, names = top.template("id", "{case}-{event}")
    if not set(names) <= set(_ID_NAMES) or not {"case", "event"} <= set(names):
        top.refuse("id", "needs {case} and {event}, and may have {source}")
    return template


def _ignored(section: Section) -> tuple[str, str]:
    section.allow(("activity", "transition"))
    return section.text("activity"), section.text("transition", "*")


def _rule(section: Section) -> XesRule:
    section.allow(_RULE_KEYS)
    kind = section.kind("kind")
    return XesRule(
        activity=section.text("activity"),
        transition=section.text("transition", "*"),
        kind=kind,
        actor=section.actor("actor"),
        channel=section.optional_text("channel"),
        object_id=section.optional_text("object_id"),
        value=_value(section, kind),
    )


def _value(section: Section, kind: Kind) -> XesValue | None:
    if "value" not in section:
        return None
    if kind.value is None:
        section.refuse("value", f"{kind.name} has no value")
    value = section.get("value")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Constant(float(value))
    table = section.section("value")
    table.allow(_VALUE_KEYS)
    for key, name in table.words().items():
        table.allow_as_signal(key, name)
    match dict(table.words()):
        case {"event": key, **rest} if not rest:
            return EventAttribute(key)
        case {"case": key, **rest} if not rest:
            return CaseAttribute(key)
        case {"minutes_since": _, **rest} if not rest:
            if kind.value.unit != "minutes":
                table.refuse("minutes_since", f"the value of {kind.name} is in {kind.value.unit}, not in minutes")
            return MinutesSince(table.kind("minutes_since").name)
    section.refuse("value", "must be a number, { event = KEY }, { case = KEY } or { minutes_since = KIND }")


def _work(section: Section) -> list[XesRule]:
    """A piece of human work: schedule, start, complete become scheduled, started and completed of one family."""
    section.allow(("activity", "family", "channel"))
    activity, family, channel = section.text("activity"), section.text("family"), section.optional_text("channel")
    steps = {"schedule": "scheduled", "start": "started", "complete": "completed"}
    found = {transition: section.kind_named("family", f"{family}.{step}") for transition, step in steps.items()}
    since = MinutesSince(f"{family}.started")
    return [
        XesRule(activity, transition, kind, channel=channel, value=since if transition == "complete" else None)
        for transition, kind in found.items()
    ]
