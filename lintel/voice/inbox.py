"""The folder of recordings that wait to be analysed.

A recording is there once `NAME.json` stands beside `NAME.wav` (or any other audio): the note is written last, and says
whose call it is and that everybody on it consented. Without that word nothing of it is read.
"""

import json
import re
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from lintel.errors import InputError, NotFoundError
from lintel.voice.transcript import AGENT, LEAD

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_BETWEEN = "~"
"""Of tenant and name in the key of a recording; neither holds one."""
_MOST_BYTES = 10_000
_Speaker = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]


class Note(BaseModel):
    """What `NAME.json` says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    consent: Literal["granted"]
    lead_id: str | None = Field(default=None, min_length=1, max_length=200)
    agent_id: str | None = Field(default=None, min_length=1, max_length=200)
    began_at: AwareDatetime
    channels: tuple[_Speaker, ...] = Field(default=(AGENT, LEAD), min_length=1, max_length=8)
    language: str = Field(default="en", pattern=r"^[a-z]{2,3}$")


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording that is ready; `key` names it in one word."""

    tenant: str
    name: str
    audio: Path
    note: Path

    @property
    def key(self) -> str:
        return f"{self.tenant}{_BETWEEN}{self.name}"

    def read_note(self) -> Note:
        """Raises InputError that says what is wrong with the note."""
        content = self.note.read_bytes()[: _MOST_BYTES + 1]
        try:
            return Note.model_validate(json.loads(content))
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"The note of the recording {self.key} is wrong: {_why(error)}.",
                mend='It needs {"consent": "granted", "began_at": "2026-03-01T12:00:00Z", "lead_id": "..."}.',
            ) from None


def ready(inbox: Path) -> list[Recorded]:
    """Recordings that wait, oldest note first. Names that could not be keys, and folders of no tenant's form, are
    passed over."""
    found = []
    for note in inbox.glob("*/*.json"):
        with suppress(FileNotFoundError):  # erased, or moved away, since it was listed
            if (one := _recorded(note)) is not None:
                found.append((note.stat().st_mtime, one))
    return [one for _, one in sorted(found, key=lambda pair: (pair[0], pair[1].key))]


def recorded(inbox: Path, key: str) -> Recorded:
    """The recording of a key. Raises NotFoundError."""
    tenant, _, name = key.partition(_BETWEEN)
    found = _recorded(inbox / tenant / f"{name}.json") if _NAME.fullmatch(tenant) and _NAME.fullmatch(name) else None
    if found is None:
        raise NotFoundError(f"There is no recording {key!r} in {inbox}.")
    return found


def erase(inbox: Path, tenant: str, leads: Collection[str]) -> list[str]:
    """Remove the recordings and notes of persons; the names that they had. Notes that cannot be read name nobody."""
    names = []
    for one in ready(inbox):
        if one.tenant == tenant and _lead_of(one) in leads:
            for path in _beside(one.note):
                path.unlink(missing_ok=True)
            one.note.unlink(missing_ok=True)
            names.append(one.name)
    return names


def _lead_of(one: Recorded) -> str | None:
    try:
        return one.read_note().lead_id
    except InputError:
        return None


def _recorded(note: Path) -> Recorded | None:
    tenant, name = note.parent.name, note.stem
    if not note.is_file() or not _NAME.fullmatch(tenant) or not _NAME.fullmatch(name):
        return None
    audio = next((path for path in _beside(note) if path.is_file() and path.suffix != ".partial"), None)
    return None if audio is None else Recorded(tenant, name, audio, note)


def _beside(note: Path) -> list[Path]:
    """Files that have the note's name and another ending. `call.1.wav` is not of `call`, but of `call.1`."""
    found = sorted(note.parent.glob(f"{note.stem}.*"))
    return [path for path in found if path != note and path.stem == note.stem]


def _why(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return "it is not JSON"
    told: list[Any] = error.errors(include_url=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, one['loc'])) or 'the whole'}: {one['msg']}" for one in told[:5])
