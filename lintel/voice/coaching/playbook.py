"""A team's playbook: what to listen for, what to say then, and the steps of a good call. YAML, checked line by line."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from lintel.errors import InputError, NotFoundError
from lintel.voice.coaching.card import Category, Severity
from lintel.voice.phrases import Phrase, PhraseError
from lintel.voice.understanding.talk import TalkMeasures

MAX_BYTES = 200_000
_TOLD = 10
"""Mistakes of one file that are told at once."""
Speaker = Literal["agent", "lead"]


def _phrase(value: Any) -> Phrase:
    if isinstance(value, Phrase):
        return value
    if not isinstance(value, str):
        raise ValueError("is no text; put it in quotes")
    try:
        return Phrase.parse(value)
    except PhraseError as error:
        raise ValueError(f"{_short(value)} {error}") from None


def _short(phrase: str) -> str:
    return f'"{phrase[:60]}..."' if len(phrase) > 60 else f'"{phrase}"'


Said = Annotated[Phrase, BeforeValidator(_phrase)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Speech(_Part):
    """Something that is said: by any phrase, in words that mean the same, or as an insight (`objection.price`).

    `unless` holds phrases that, in the same sentence, make it mean something else.
    """

    speaker: Speaker | None = None
    phrases: tuple[Said, ...] = ()
    unless: tuple[Said, ...] = ()
    meaning: tuple[str, ...] = ()
    similarity: float = Field(default=0.62, gt=0, le=1)
    insights: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _listens(self) -> Self:
        if not (self.phrases or self.meaning or self.insights):
            raise ValueError("names no phrase, meaning or insight")
        return self


class Measure(_Part):
    """A measure of the talk that left its range: above or below a number, from a time of the call on."""

    name: Literal["talk_share", "longest_monologue_s", "silence_s", "interruptions", "patience_s", "questions"]
    speaker: Speaker | None = None
    above: float | None = None
    below: float | None = None
    after_s: float = Field(default=60.0, ge=0)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.above is None) == (self.below is None):
            raise ValueError("needs one of `above` and `below`")
        if (self.speaker is None) != (self.name == "silence_s"):
            raise ValueError("needs a `speaker`, except for silence_s")
        return self

    def value(self, measures: TalkMeasures) -> float | None:
        """The measure as it is now; None where there is none yet."""
        found = getattr(measures, self.name)
        return found if self.speaker is None else found.get(self.speaker)


class CardRule(_Part):
    """A card and what brings it: speech (`when`) or a measure (`measure`)."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$")
    category: Category
    severity: Severity = "info"
    title: str = Field(min_length=1, max_length=80)
    suggestion: str = Field(min_length=1, max_length=400)
    link: str | None = Field(default=None, pattern=r"^https?://\S+$", max_length=400)
    cool_down_s: float = Field(default=120.0, ge=0, le=3600)
    when: Speech | None = None
    measure: Measure | None = None

    @model_validator(mode="after")
    def _one_trigger(self) -> Self:
        if (self.when is None) == (self.measure is None):
            raise ValueError("needs one of `when` and `measure`")
        return self


class Step(_Part):
    """Something a good call contains; it ticks itself off when it is said."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$")
    title: str = Field(min_length=1, max_length=80)
    done: Speech


class Rates(_Part):
    """How much advice is bearable. Critical cards keep only their own cool-down."""

    per_minute: int = Field(default=2, ge=1, le=2)
    quiet_after_objection_s: float = Field(default=8.0, ge=0, le=60)


class Playbook(_Part):
    """One playbook."""

    name: str = Field(min_length=1, max_length=80)
    words: dict[str, tuple[str, ...]] = {}
    """Lists of words that phrases name as `<list>`."""
    cards: tuple[CardRule, ...] = ()
    steps: tuple[Step, ...] = ()
    rates: Rates = Rates()

    @model_validator(mode="before")
    @classmethod
    def _write_out(cls, document: Any) -> Any:
        """Replace `<list>` in all phrases by its words, before they are read as phrases."""
        lists = document.get("words") if isinstance(document, dict) else None
        return _written_out(document, lists if isinstance(lists, dict) else {})

    @model_validator(mode="after")
    def _ids_once(self) -> Self:
        ids = self.ids()
        twice = sorted({one for one in ids if ids.count(one) > 1})
        if twice:
            raise ValueError(f"ids stand twice: {', '.join(twice)}")
        return self

    def ids(self) -> list[str]:
        """Of cards and steps, which share one name space."""
        return [card.id for card in self.cards] + [step.id for step in self.steps]

    @classmethod
    def load(cls, path: Path | None = None) -> Self:
        """A playbook's file, or the one that ships; the fair-housing cards are added to either.

        Raises NotFoundError, or InputError that names each wrong place.
        """
        own = _SHIPPED / "playbook.yaml" if path is None else path
        book = cls.parse(_content(own), str(own.name))
        law = cls.parse(_content(_SHIPPED / "fair_housing.yaml"), "fair_housing.yaml")
        taken = {card.id for card in law.cards}
        clash = sorted(taken & set(book.ids()))
        if clash:
            raise InputError(
                f"{own.name} names ids of the fair-housing cards: {', '.join(clash)}.", mend="Rename them."
            )
        return book.model_copy(update={"cards": (*law.cards, *book.cards)})

    @classmethod
    def parse(cls, content: bytes, place: str) -> Self:
        """Raises InputError."""
        if len(content) > MAX_BYTES:
            raise InputError(f"The playbook {place} is larger than {MAX_BYTES} bytes.")
        try:
            document = yaml.safe_load(content)
        except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
            raise InputError(f"The playbook {place} is not YAML: {error}") from None
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            raise InputError(f"The playbook {place} is wrong. {_wrong(error)}", mend="See docs/coaching.md.") from None


_SHIPPED = Path(__file__).parent
_LIST = re.compile(r"<([a-z_]+)>")


def _written_out(part: Any, lists: dict[str, Any]) -> Any:
    if isinstance(part, dict):
        return {name: _written_out(value, lists) for name, value in part.items()}
    if isinstance(part, list):
        return [_written_out(value, lists) for value in part]
    return _LIST.sub(lambda found: _listed(found, lists), part) if isinstance(part, str) else part


def _listed(found: re.Match[str], lists: dict[str, Any]) -> str:
    words = lists.get(found[1])
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError(f"names the list {found[0]}, which `words` does not hold")
    return f"({'|'.join(words)})"


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFoundError(f"The playbook {path} cannot be read ({error.strerror}).") from None


def _wrong(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False)
    places = (
        (".".join(str(part) for part in one["loc"]) or "the whole", one["msg"].removeprefix("Value error, "))
        for one in found[:_TOLD]
    )
    more = f" And {len(found) - _TOLD} more." if len(found) > _TOLD else ""
    return " ".join(f"{place}: {message}." for place, message in places) + more
