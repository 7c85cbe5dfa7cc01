"""What a tenant's lake consists of: the one file whose replacement makes a change visible."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from errno import EDQUOT, EFBIG, ENOSPC
from hashlib import sha256
from pathlib import Path

from lintel.errors import StorageFullError, UnavailableError
from lintel.store.aliases import Merge

NAME = "manifest.json"


@dataclass(frozen=True, slots=True)
class Part:
    """One Parquet file. `path` is relative to the tenant's folder and begins with the ingest day."""

    path: str
    rows: int
    first_seq: int
    last_seq: int
    sha256: str

    @property
    def day(self) -> str:
        return self.path.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Manifest:
    """Parts in the order in which they were written, merges of leads, the newest `seq` that was copied, and the events
    that no read shows until they are mended."""

    tenant: str
    watermark: int = 0
    parts: tuple[Part, ...] = ()
    merges: tuple[Merge, ...] = field(default=())
    set_aside: tuple[int, ...] = ()  # ascending

    def without(self, parts: set[Part]) -> "Manifest":
        return replace(self, parts=tuple(part for part in self.parts if part not in parts))

    def to_json(self) -> str:
        values = asdict(self)
        if not self.set_aside:  # as it was written before anything could be: the digest stays the same
            del values["set_aside"]
        return json.dumps(values, indent=1, sort_keys=True)

    def digest(self) -> str:
        """SHA-256 of what the lake holds, for the lineage of what is made from it."""
        return f"sha256:{sha256(self.to_json().encode()).hexdigest()}"


def tenant_folder(root: Path, tenant: str) -> Path:
    """A name that is safe on every file system and different for every tenant."""
    readable = re.sub(r"[^A-Za-z0-9_-]", "-", tenant)[:40]
    return root / f"{readable}-{sha256(tenant.encode()).hexdigest()[:12]}"


def read_manifest(folder: Path, tenant: str) -> Manifest:
    """The manifest in a tenant's folder, an empty one if there is none. Raises UnavailableError if it is broken."""
    try:
        values = json.loads((folder / NAME).read_text())
        parts = tuple(Part(**part) for part in values["parts"])
        merges = tuple(Merge(**merge) for merge in values["merges"])
        return Manifest(values["tenant"], values["watermark"], parts, merges, tuple(values.get("set_aside", ())))
    except FileNotFoundError:
        return Manifest(tenant)
    except (ValueError, KeyError, TypeError) as error:
        mend = "Remove that folder; the next run copies the events again."
        raise UnavailableError(f"{folder / NAME} is broken.", mend=mend) from error


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all, after a crash too. Raises StorageFullError."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with writable(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(path)
            _sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def writable(path: Path) -> Iterator[None]:
    """What the operating system says about writing `path`, as StorageFullError or UnavailableError."""
    try:
        yield
    except OSError as error:
        if error.errno in {ENOSPC, EDQUOT, EFBIG}:
            mend = "Free some space and run it again; what was written before is kept."
            raise StorageFullError(f"There is no space left to write {path}.", mend=mend) from error
        mend = "Check that this user may write there."
        raise UnavailableError(f"{path} cannot be written ({error.strerror}).", mend=mend) from error
