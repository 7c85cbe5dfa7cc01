"""What each of the six dimensions asks of a source: versioned TOML, read into frozen dataclasses."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from lintel.errors import InputError, NotFoundError
from lintel.events.kinds import Actor, family, kinds
from lintel.events.timezones import MICROSECONDS_PER_DAY

DIMENSIONS = ("intent", "timing", "budget", "conversion", "churn", "engagement")
CAUSES = ("won", "lost", "silent")
"""How a deal is decided; the position plus one is the code in `Outcome.cause`."""
_MICROSECONDS_PER_HOUR = 3_600_000_000
_MICROSECONDS_PER_SECOND = 1_000_000

_COMMON_KEYS = {"definition", "horizon_days", "horizon_hours"}
_QUESTION_KEYS = _COMMON_KEYS | {"any_of", "silence_of", "negated_by", "asked_before", "touches", "amount"}
_TIMING_KEYS = _COMMON_KEYS | {"horizons_days", "causes"}
_UNDEFINED_KEYS = {"status", "reason"}


@dataclass(frozen=True, slots=True)
class Undefined:
    """A dimension that the source cannot answer. `reason` is shown in the place of a score."""

    name: str
    reason: str
    status: str = "not_defined_for_source"


@dataclass(frozen=True, slots=True)
class Question:
    """A yes/no question at as-of time T about the window (T, T + horizon], cut at the episode's end.

    The answer is no if an event of `negated_by` lies in the window; else yes if one of `any_of` does, or if there is
    silence: no event of `silence_of` in the window while the episode stays open through all of it. Asked only while
    the episode is open and none of `asked_before` has happened. With `touches` it is asked 1 µs before each event
    of these kinds instead, and the window begins at that event.
    """

    name: str
    definition: str
    horizon: int  # µs
    any_of: tuple[str, ...] = ()
    silence_of: tuple[str, ...] | Actor | None = None
    negated_by: tuple[str, ...] = ()
    asked_before: tuple[str, ...] = ()
    touches: tuple[str, ...] = ()
    amount: bool = False  # the first event of `any_of` carries an amount that is to be forecast too
    status: str = "defined"


@dataclass(frozen=True, slots=True)
class Timing:
    """How long until the episode is decided, by cause. `horizon` is that of the yes/no question behind an AUC."""

    name: str
    definition: str
    horizon: int  # µs
    horizons: tuple[int, ...]  # µs, ascending
    causes: tuple[tuple[str, ...], ...]  # deciding kinds of each of CAUSES
    status: str = "defined"


Dimension = Question | Timing | Undefined


@dataclass(frozen=True, slots=True)
class LabelSet:
    """All definitions of one source. `digest` covers the content, not the layout, of the file."""

    source: str
    version: int
    ends: tuple[str, ...]  # kinds of which the first ends an episode
    settle: int  # µs; events of one lead closer than this are one transaction
    dimensions: Mapping[str, Dimension]
    digest: str

    @property
    def name(self) -> str:
        return f"{self.source}/{self.version}"

    @property
    def defined(self) -> dict[str, Question | Timing]:
        """The dimensions that this source can answer."""
        return {name: entry for name, entry in self.dimensions.items() if not isinstance(entry, Undefined)}

    @property
    def touches(self) -> tuple[str, ...]:
        """All kinds just before which some dimension is asked."""
        found = (entry.touches for entry in self.dimensions.values() if isinstance(entry, Question))
        return tuple(sorted({kind for touches in found for kind in touches}))


def load_label_set(name: str | Path) -> LabelSet:
    """The label set of a source that ships with Lintel ("bpic2012"), or of a TOML file (a path that ends in .toml).

    Raises NotFoundError if there is none, InputError naming file and key if it is wrong.
    """
    path = Path(name)
    if path.suffix == ".toml":
        if not path.is_file():
            raise NotFoundError(f"There is no label file {path}.", mend="Check the path.")
        return _with_own_name(parse_label_set(path.read_bytes(), str(path)), path)
    shipped = _shipped()
    if str(name) not in shipped:
        mend = f"Use one of {', '.join(sorted(shipped))}, or the path of a .toml file."
        raise NotFoundError(f"There is no label set {str(name)!r}.", mend=mend)
    return parse_label_set(shipped[str(name)].read_bytes(), f"{name}.toml")


def _shipped() -> dict[str, Traversable]:
    """The files of the label sets that ship with Lintel, by source."""
    entries = (files("lintel.labels") / "definitions").iterdir()
    return {entry.name.removesuffix(".toml"): entry for entry in entries if entry.name.endswith(".toml")}


def _with_own_name(found: LabelSet, path: Path) -> LabelSet:
    """Another content under a shipped name would make every bundle trained on it look out of date."""
    if found.source in _shipped() and found.digest != load_label_set(found.source).digest:
        fault = f"{path}, key source: {found.source!r} is a label set of Lintel's own, with another content."
        raise InputError(fault, mend="Give yours a name of its own.")
    return found


def parse_label_set(content: bytes, file: str) -> LabelSet:
    """Read and check the TOML `content`; `file` names it in errors. Raises InputError."""
    try:
        document = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{file} is not TOML: {error}.") from None
    root = _Section(document, file, "")
    root.refuse_others({"source", "version", "episode", "dimensions"})
    episode = root.section("episode")
    episode.refuse_others({"ends", "settle_seconds"})
    dimensions = root.section("dimensions")
    dimensions.refuse_others(set(DIMENSIONS))
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return LabelSet(
        source=root.text("source"),
        version=int(root.number("version")),
        ends=episode.kinds("ends"),
        settle=round(episode.number("settle_seconds", zero=True) * _MICROSECONDS_PER_SECOND),
        dimensions={name: _dimension(name, dimensions.section(name)) for name in DIMENSIONS},
        digest=f"sha256:{sha256(canonical.encode()).hexdigest()}",
    )


class _Section:
    """One table of the file, which knows where it stands so that errors can name the key."""

    def __init__(self, entries: Mapping[str, Any], file: str, path: str) -> None:
        self.entries = entries
        self._file = file
        self._path = path

    def error(self, key: str, fault: str) -> InputError:
        return InputError(f"{self._file}, key {self._path}{key}: {fault}.")

    def section(self, key: str) -> "_Section":
        if not isinstance(self.entries.get(key), dict):
            raise self.error(key, "must be there, as a table")
        return _Section(self.entries[key], self._file, f"{self._path}{key}.")

    def refuse_others(self, allowed: set[str]) -> None:
        unknown = sorted(set(self.entries) - allowed)
        if unknown:
            raise self.error(unknown[0], f"is not known here; use {', '.join(sorted(allowed))}")

    def text(self, key: str) -> str:
        value = self.entries.get(key)
        if not isinstance(value, str) or not value.strip():
            raise self.error(key, "must be a text")
        return value

    def number(self, key: str, *, zero: bool = False) -> float:
        value = self.entries.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not (value > 0 or (zero and value == 0)):
            raise self.error(key, "must be a number above zero" if not zero else "must be a number, zero or more")
        return float(value)

    def kinds(self, key: str, *, optional: bool = False) -> tuple[str, ...]:
        """Names of kinds; "email.*" stands for a whole family."""
        if optional and key not in self.entries:
            return ()
        words = self.entries.get(key)
        if not isinstance(words, list) or not words:
            raise self.error(key, "must be a list of event kinds")
        return tuple(sorted({name for word in words for name in self._resolve(key, word)}))

    def _resolve(self, key: str, word: object) -> tuple[str, ...]:
        if isinstance(word, str) and word in kinds():
            return (word,)
        try:
            return family(str(word).removesuffix(".*") if str(word).endswith(".*") else "")
        except KeyError:
            raise self.error(key, f"{word!r} is no event kind nor family (docs/kinds.md)") from None


def _dimension(name: str, section: _Section) -> Dimension:
    if "status" in section.entries:
        section.refuse_others(_UNDEFINED_KEYS)
        if section.text("status") != "not_defined_for_source":
            raise section.error("status", "can only be 'not_defined_for_source'; leave it out otherwise")
        return Undefined(name, section.text("reason"))
    return _timing(name, section) if name == "timing" else _question(name, section)


def _question(name: str, section: _Section) -> Question:
    section.refuse_others(_QUESTION_KEYS)
    question = Question(
        name=name,
        definition=section.text("definition"),
        horizon=_horizon(section),
        any_of=section.kinds("any_of", optional="silence_of" in section.entries),
        silence_of=_silence(section),
        negated_by=section.kinds("negated_by", optional=True),
        asked_before=section.kinds("asked_before", optional=True),
        touches=section.kinds("touches", optional=True),
        amount=section.entries.get("amount", False),
    )
    if question.amount not in (True, False):
        raise section.error("amount", "must be true or false")
    both = sorted(set(question.any_of) & set(question.negated_by))
    if both:
        raise section.error("negated_by", f"{both[0]!r} is in any_of too")
    return question


def _timing(name: str, section: _Section) -> Timing:
    section.refuse_others(_TIMING_KEYS)
    days = section.entries.get("horizons_days")
    numbers = isinstance(days, list) and all(isinstance(day, int | float) and day > 0 for day in days)
    if not days or not numbers or days != sorted(set(days)):
        raise section.error("horizons_days", "must be a list of days, ascending")
    causes = section.section("causes")
    causes.refuse_others(set(CAUSES))
    deciding = tuple(causes.kinds(cause, optional=True) for cause in CAUSES)
    if len({kind for group in deciding for kind in group}) != sum(map(len, deciding)) or not any(deciding):
        raise section.error("causes", "must name deciding kinds, each under one cause")
    horizons = tuple(round(day * MICROSECONDS_PER_DAY) for day in days)
    return Timing(name, section.text("definition"), _horizon(section), horizons, deciding)


def _horizon(section: _Section) -> int:
    if ("horizon_days" in section.entries) == ("horizon_hours" in section.entries):
        raise section.error("horizon_days", "must be there, or else horizon_hours, and not both")
    if "horizon_days" in section.entries:
        return round(section.number("horizon_days") * MICROSECONDS_PER_DAY)
    return round(section.number("horizon_hours") * _MICROSECONDS_PER_HOUR)


def _silence(section: _Section) -> tuple[str, ...] | Actor | None:
    """Whose silence counts: everything an actor does ("lead"), or the listed kinds."""
    value = section.entries.get("silence_of")
    if value is None:
        return None
    if isinstance(value, str):
        if value not in {actor.value for actor in Actor}:
            raise section.error("silence_of", "must be lead, agent, system or a list of event kinds")
        return Actor(value)
    return section.kinds("silence_of")
