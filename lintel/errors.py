"""Errors that a user can act on: each names the thing, the place and the mend.

The command line turns them into exit codes, the endpoints into RFC 9457 problem bodies. Messages never hold
personal data: they may name a row, a column, a lead id, never a text, a name or a number of a person.
"""

from typing import ClassVar


class LintelError(Exception):
    """The root of all expected errors.

    Parameters
    ----------
    message: what is wrong and where, in one sentence.
    mend: what the reader can do about it.
    """

    slug: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, mend: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.mend = mend

    def __str__(self) -> str:
        return f"{self.message} {self.mend}" if self.mend else self.message


class InputError(LintelError):
    """What came in is wrong: a file, a row, a parameter."""

    slug = "invalid-input"
    status = 400
    exit_code = 2


class ChecksumError(InputError):
    """A downloaded or mirrored file is not the published one."""

    slug = "wrong-checksum"


class ErasedLeadError(InputError):
    """What came in names a lead that was erased: it is kept out until the lead is readmitted."""

    slug = "erased-lead"
    status = 409

    def __init__(self) -> None:
        super().__init__(
            "This lead was erased, and what comes of it is kept out.",
            mend="If that is no longer wanted: `lintel erase --readmit`.",
        )


class NotFoundError(LintelError):
    """A file, tenant, lead, model or version does not exist."""

    slug = "not-found"
    status = 404
    exit_code = 3


class RefusedError(LintelError):
    """The caller may not do this: no key, another's tenant, a role that is too weak."""

    slug = "refused"
    status = 403
    exit_code = 4


class UnavailableError(LintelError):
    """A dependency (publisher, store, disk, model) cannot answer now."""

    slug = "unavailable"
    status = 503
    exit_code = 5


class StorageFullError(UnavailableError):
    """The disk is full; nothing was written."""

    slug = "storage-full"
    status = 507


class IncompatibleError(LintelError):
    """Two things that must match do not: a bundle and a catalogue, a schema and a version."""

    slug = "incompatible"
    status = 409
    exit_code = 6
