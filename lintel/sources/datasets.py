"""Published data sets: taken from a mirror folder or from the publisher, and checked against the published digest."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from errno import EDQUOT, ENOSPC
from hashlib import md5
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

import httpx

from lintel.errors import ChecksumError, NotFoundError, StorageFullError, UnavailableError

Progress = Callable[[int], object]
"""Told how many bytes were done since it was told last."""

_CHUNK = 1 << 16  # bytes
_TIMEOUT = httpx.Timeout(30.0, connect=10.0)  # seconds
_MEND = (
    "Set LINTEL_DATA_MIRROR to a folder that holds {place}, try again when the publisher can be reached, "
    "or go on with the simulator."
)


@dataclass(frozen=True, slots=True)
class DataSet:
    """One published file. `md5` is what the publisher states: it tells a damaged file, it is no signature."""

    name: str
    file_name: str
    url: str
    size: int  # bytes
    md5: str
    citation: str
    terms: str

    @property
    def place(self) -> Path:
        """Where it lies in a mirror and in the data folder."""
        return Path(self.name, self.file_name)


BPIC2012 = DataSet(
    name="bpic2012",
    file_name="financial_log.xes.gz",
    # the DOI in the citation is what identifies the data; this address of 4TU's file service may change
    url="https://data.4tu.nl/file/533f66a4-8911-4ac7-8612-1235d65d1f37/3276db7f-8bee-4f2b-88ee-92dbffb5a893",
    size=3_342_406,
    md5="74c7ba9aba85bfcb181a22c9d565e5b5",
    citation=(
        "van Dongen, B.F. (2012): BPI Challenge 2012. Version 1. Eindhoven University of Technology. Dataset. "
        "https://doi.org/10.4121/uuid:3926db30-f712-4394-aebc-75976070e91f"
    ),
    terms="4TU General Terms of Use",
)

DATASETS = {data_set.name: data_set for data_set in (BPIC2012,)}


def pull(name: str, *, mirror: Path | None, into: Path, progress: Progress | None = None) -> Path:
    """Put the data set `name` under `into` and return the file's path; nothing is fetched if it is there already.

    Parameters
    ----------
    mirror: folder laid out as NAME/FILE, tried before the publisher; None if there is none. A wrong file in it is an
        error: it is to be mended, not passed over.
    into: folder that receives NAME/FILE.
    progress: told how many bytes were done since it was told last; they are `size` in all.

    Raises NotFoundError for an unknown name; ChecksumError if what was found is not the published file;
    UnavailableError if neither the mirror nor the publisher has it; StorageFullError. None leaves a file behind.
    """
    if name not in DATASETS:
        raise NotFoundError(f"{name!r} is not a data set that Lintel knows.", mend=f"It knows: {', '.join(DATASETS)}.")
    return fetch(DATASETS[name], mirror=mirror, into=into, progress=progress)


def fetch(data_set: DataSet, *, mirror: Path | None, into: Path, progress: Progress | None = None) -> Path:
    """As `pull`, for a data set given as such."""
    target = into / data_set.place
    if _is_published(target, data_set):
        return target
    tried = []
    for origin in (_mirrored(data_set, mirror), _published(data_set)):
        try:
            with closing(origin):
                _receive(data_set, origin, target, progress or _silent)
        except _OriginError as error:
            tried.append(str(error))
        else:
            return target
    raise UnavailableError(
        f"the data set {data_set.name} could not be fetched: {'; '.join(tried)}.",
        mend=_MEND.format(place=data_set.place),
    )


class _OriginError(Exception):
    """This origin does not have the file, or cannot be reached."""


def _mirrored(data_set: DataSet, mirror: Path | None) -> Generator[bytes, None, None]:
    if mirror is None:
        raise _OriginError("no mirror folder is set")
    path = mirror / data_set.place
    try:
        with path.open("rb") as file:
            yield from iter(lambda: file.read(_CHUNK), b"")
    except FileNotFoundError:
        raise _OriginError(f"there is no {path}") from None
    except OSError as error:
        raise _OriginError(f"{path} cannot be read ({error.strerror})") from None


def _published(data_set: DataSet) -> Generator[bytes, None, None]:
    try:
        with httpx.stream("GET", data_set.url, timeout=_TIMEOUT, follow_redirects=True) as response:
            response.raise_for_status()
            # raw: a server that calls the file's own gzip a transfer encoding must not have it unpacked
            yield from response.iter_raw(_CHUNK)
    except httpx.HTTPStatusError as error:
        raise _OriginError(f"{data_set.url} answered {error.response.status_code}") from None
    except httpx.HTTPError as error:
        raise _OriginError(f"{data_set.url} could not be read ({type(error).__name__}: {error})") from None


def _receive(data_set: DataSet, origin: Iterator[bytes], target: Path, progress: Progress) -> None:
    """Write what comes from `origin` beside `target`, check it, and only then give it its name."""
    digest, done = md5(usedforsecurity=False), 0
    with _part(target) as file:
        for chunk in origin:
            digest.update(chunk)
            file.write(chunk)
            done += len(chunk)
            if done > data_set.size:
                raise _wrong(data_set, f"more than {data_set.size} bytes")
            progress(len(chunk))
        if (done, digest.hexdigest()) != (data_set.size, data_set.md5):
            raise _wrong(data_set, f"{done} bytes with MD5 {digest.hexdigest()}")


def _wrong(data_set: DataSet, found: str) -> ChecksumError:
    return ChecksumError(
        f"{data_set.file_name} of {data_set.name} is not the published file: "
        f"expected {data_set.size} bytes with MD5 {data_set.md5}, found {found}.",
        mend="Nothing was kept. Repair the mirror folder, or unset LINTEL_DATA_MIRROR to ask the publisher.",
    )


@contextmanager
def _part(target: Path) -> Iterator[IO[bytes]]:
    """A file beside `target` that takes its place at the end, or vanishes on any error."""
    part = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=target.parent, prefix=target.name, suffix=".part", delete=False) as file:
            part = Path(file.name)
            yield file
        part.chmod(0o644)  # a temporary file is its owner's alone
        part.replace(target)
    except OSError as error:
        if error.errno in {ENOSPC, EDQUOT}:
            raise StorageFullError(
                f"the disk that holds {target.parent} is full; nothing was kept.", mend="Make room, or set LINTEL_HOME."
            ) from None
        raise UnavailableError(f"{target} cannot be written ({error.strerror}).", mend="Check LINTEL_HOME.") from None
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def _is_published(path: Path, data_set: DataSet) -> bool:
    if not path.is_file() or path.stat().st_size != data_set.size:
        return False
    return md5(path.read_bytes(), usedforsecurity=False).hexdigest() == data_set.md5


def _silent(_count: int) -> None:
    """No one watches."""
