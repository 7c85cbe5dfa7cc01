"""What the lake has of one tenant's prediction log: the file whose replacement makes a change visible."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from pathlib import Path

from lintel.errors import UnavailableError
from lintel.store.manifest import NAME, write_whole


@dataclass(frozen=True, slots=True)
class PredictionPart:
    """One Parquet file of answers of one UTC day. `path` begins with the day; times are UTC µs since the epoch."""

    path: str
    rows: int
    first_at: int
    last_at: int
    sha256: str

    @property
    def day(self) -> str:
        return self.path.partition("/")[0]


@dataclass(frozen=True, slots=True)
class ErasedLead:
    """A lead whose answers up to `at` (UTC µs) must not come in from a segment either. The id itself is not kept."""

    digest: str
    at: int


@dataclass(frozen=True, slots=True)
class PredictionManifest:
    """Parts, the segments that are in them and may still lie about, and who was erased meanwhile."""

    tenant: str
    parts: tuple[PredictionPart, ...] = ()
    segments: tuple[str, ...] = ()
    erased: tuple[ErasedLead, ...] = ()

    def replacing(self, old: Iterable[PredictionPart], new: Iterable[PredictionPart]) -> "PredictionManifest":
        gone = set(old)
        return replace(self, parts=(*(part for part in self.parts if part not in gone), *new))


def lead_digest(tenant: str, lead_id: str) -> str:
    """What stands for a lead that was erased."""
    return blake2b(
        lead_id.encode(), digest_size=16, person=blake2b(tenant.encode(), digest_size=16).digest()
    ).hexdigest()


def read_prediction_manifest(folder: Path, tenant: str) -> PredictionManifest:
    """The manifest in a tenant's folder, an empty one if there is none. Raises UnavailableError if it is broken."""
    try:
        return _parsed((folder / NAME).read_text())
    except FileNotFoundError:
        return PredictionManifest(tenant)
    except (ValueError, KeyError, TypeError) as error:
        mend = "Bring it back from a backup: answers that were compacted are nowhere else."
        raise UnavailableError(f"{folder / NAME} is broken.", mend=mend) from error


def save_prediction_manifest(folder: Path, manifest: PredictionManifest) -> None:
    """Raises StorageFullError; the manifest before stays then."""
    write_whole(folder / NAME, json.dumps(asdict(manifest), indent=1, sort_keys=True).encode())


def _parsed(text: str) -> PredictionManifest:
    values = json.loads(text)
    parts = tuple(PredictionPart(**part) for part in values["parts"])
    erased = tuple(ErasedLead(**lead) for lead in values["erased"])
    return PredictionManifest(values["tenant"], parts, tuple(values["segments"]), erased)
