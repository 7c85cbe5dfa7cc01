"""The hash chain of the audit log: what a line's digest is over, and how the first fault is found. Pure.

A line's digest is SHA-256 over a canonical form of the line and the digest before it: whoever changes, removes or moves
one would have to make all later ones anew. Who can write the database can do that; with a key the digest is an HMAC,
which they cannot make. What no chain shows is that its newest lines are gone: for that its head is kept a second time.

Schneier, Kelsey (1999), "Secure audit logs to support computer forensics", ACM TISSEC 2.
"""

import hmac
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from hashlib import sha256

from lintel.errors import InputError

GENESIS = f"sha256:{'0' * 64}"
"""Stands before the first line."""
_PLAIN, _SEALED = "sha256:", "hmac-sha256:"


@dataclass(frozen=True, slots=True)
class Line:
    """One act. `at` is UTC µs, `details` JSON, `previous` the digest of the line before."""

    number: int
    at: int
    tenant: str
    actor: str
    actor_kind: str
    act: str
    subject: str
    reason: str
    details: str
    previous: str
    digest: str = ""

    @property
    def sealed(self) -> bool:
        """Whether its digest was made with the key."""
        return str(self.digest).startswith(_SEALED)


@dataclass(frozen=True, slots=True)
class Head:
    """How many lines there are, and the digest of the newest. `mac` proves, where there is a key, who wrote it."""

    count: int = 0
    digest: str = GENESIS
    mac: str = ""

    def signed(self, key: bytes | None) -> "Head":
        return self if key is None else replace(self, mac=_mac(f"{self.count} {self.digest}".encode(), key))

    def trusted(self, key: bytes | None) -> bool:
        """False for a head of sealed lines, or a signed one, that was not signed with the key. Without a key nobody can
        tell."""
        if key is None or not (self.mac or self.digest.startswith(_SEALED)):
            return True
        return hmac.compare_digest(self.mac, self.signed(key).mac)


class FaultKind(StrEnum):
    """What is wrong with a line."""

    CHANGED = "changed"
    MISSING = "missing"
    MOVED = "moved"
    INSERTED = "inserted"
    UNLINKED = "unlinked"
    """Whole by itself, but not the successor of the line before: one of the two was replaced."""
    UNSEALED = "unsealed"
    """Written without the key where it should have been written with it."""
    TRUNCATED = "truncated"
    """The newest lines are gone."""
    REWRITTEN = "rewritten"
    """The chain is whole, but another one than the head was taken of."""
    HEAD = "head"
    """The head outside the database is gone or forged."""


@dataclass(frozen=True, slots=True)
class Fault:
    """The first line from which the log cannot be trusted, and why, in one sentence."""

    number: int
    kind: FaultKind
    sentence: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What a check found. `unanchored` lines came after the head was last written: 0 unless a process died there."""

    lines: int
    digest: str
    sealed_from: int | None
    unanchored: int
    fault: Fault | None


def digest_of(line: Line, key: bytes | None) -> str:
    """The digest of a line: an HMAC if there is a key."""
    content = {name: value for name, value in asdict(line).items() if name != "digest"}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), default=repr).encode()
    return f"{_PLAIN}{sha256(canonical).hexdigest()}" if key is None else f"{_SEALED}{_mac(canonical, key)}"


def check(lines: Iterable[Line], head: Head | None, *, key: bytes | None, newest: int) -> Verified:
    """Go through all lines, by ascending number, up to the first fault.

    Parameters
    ----------
    head: what is kept outside the database, read before the lines were; None if it is gone.
    key: of HMACs; None if none is configured.
    newest: the greatest number of a line, which bounds the search for where a moved line came from.

    Raises InputError if lines are sealed and there is no key to check them with.
    """
    last, sealed_from, anchored = Head(), None, head is None or head.count == 0
    for line in lines:
        fault = _fault(line, last, key, newest, sealed=sealed_from is not None)
        if fault is not None:
            return Verified(last.count, last.digest, sealed_from, 0, fault)
        last = Head(line.number, line.digest)
        sealed_from = line.number if sealed_from is None and line.sealed else sealed_from
        anchored = anchored or (head is not None and (head.count, head.digest) == (last.count, last.digest))
    fault = _head_fault(last, head, key, anchored=anchored) or _unsealed(last, key)
    unanchored = last.count - head.count if head is not None and fault is None else 0
    return Verified(last.count, last.digest, sealed_from, unanchored, fault)


def _fault(line: Line, last: Head, key: bytes | None, newest: int, *, sealed: bool) -> Fault | None:
    """What is wrong with one line, which should come right after `last`."""
    expected = last.count + 1
    if line.number != expected:
        return _misnumbered(line, expected)
    if not _whole(line, key):
        return _spoilt(line, key, newest)
    if line.previous != last.digest:
        told = f"Line {expected} is whole, but does not follow line {last.count}: one of the two was replaced."
        return Fault(expected, FaultKind.UNLINKED, told)
    if sealed and not line.sealed:
        told = f"Line {expected} was written without the key, and lines before it with it."
        return Fault(expected, FaultKind.UNSEALED, told)
    return None


def _misnumbered(line: Line, expected: int) -> Fault:
    number: object = line.number  # whatever somebody wrote there
    if isinstance(number, int) and number > expected:
        told = f"Line {expected} is missing; the next one there is line {number}."
        return Fault(expected, FaultKind.MISSING, told)
    return Fault(expected, FaultKind.INSERTED, f"Before line {expected} stands one with the number {number!r}.")


def _whole(line: Line, key: bytes | None) -> bool:
    if line.sealed and key is None:
        raise InputError(
            f"Line {line.number} of the audit log was sealed with a key, and none is set.",
            mend="Set LINTEL_AUDIT_KEY to the key it was written with.",
        )
    return hmac.compare_digest(str(line.digest).encode(), digest_of(line, key if line.sealed else None).encode())


def _spoilt(line: Line, key: bytes | None, newest: int) -> Fault:
    """Changed, or a line that belongs elsewhere."""
    for number in range(1, newest + 2):
        if number != line.number and _whole(replace(line, number=number), key):
            told = f"In the place of line {line.number} stands the one that was written as line {number}."
            return Fault(line.number, FaultKind.MOVED, told)
    return Fault(line.number, FaultKind.CHANGED, f"Line {line.number} is not what was written: its digest differs.")


def _head_fault(last: Head, head: Head | None, key: bytes | None, *, anchored: bool) -> Fault | None:
    """What the head outside the database says against the chain in it."""
    if head is None:
        told = "The head outside the database is gone, so that nobody can tell whether the newest lines are all there."
        return Fault(last.count, FaultKind.HEAD, told) if last.count else None
    if not head.trusted(key):
        return Fault(last.count, FaultKind.HEAD, "The head outside the database was not written with the key.")
    if head.count > last.count:
        first, more = last.count + 1, head.count - last.count
        lines = f"Line {first} is" if more == 1 else f"Lines {first} to {head.count} are"
        told = f"{lines} missing: the head outside the database counts {'it' if more == 1 else 'them'}."
        return Fault(last.count + 1, FaultKind.TRUNCATED, told)
    if not anchored:
        told = f"Line {head.count} is another one than the head outside the database was taken of."
        return Fault(head.count, FaultKind.REWRITTEN, told)
    return None


def _unsealed(last: Head, key: bytes | None) -> Fault | None:
    """With a key the newest line is sealed, or somebody without it wrote the chain anew."""
    if key is None or not last.count or last.digest.startswith(_SEALED):
        return None
    told = f"Line {last.count}, the newest, was written without the key. If that is new: `lintel audit anchor`."
    return Fault(last.count, FaultKind.UNSEALED, told)


def _mac(content: bytes, key: bytes) -> str:
    return hmac.new(key, content, sha256).hexdigest()
