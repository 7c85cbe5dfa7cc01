"""Building the bento: our code, and the champion of the day as its last resort."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from lintel.environment import child_environment, service_environment
from lintel.errors import InputError, UnavailableError
from lintel.settings import Settings

PROJECT = Path(__file__).resolve().parents[2]
PACKAGES = ("bentos", "lintel", "serving")
FILES = ("pyproject.toml", "requirements.lock")
NAME = "lead_scoring"
_LEFT_OUT = ("__pycache__", "*.pyc", "champion")


def build(bundle: Path, digest: str, *, settings: Settings) -> str:
    """Build the bento with a bundle baked in and return its tag, `lead_scoring:DIGEST-SOURCE`.

    The version holds the digests of the bundle and of the code, so the same two are built only once. Needs no Docker
    and no network. Raises InputError if `bundle` is no folder, UnavailableError with BentoML's words if it fails.
    """
    if not bundle.is_dir():
        raise InputError(f"{bundle} is not the folder of a score bundle.", mend="Train and register one first.")
    with tempfile.TemporaryDirectory(prefix="lintel-bento-") as folder:
        context = Path(folder)
        _stage(context)
        version = f"{_short(digest)}-{_short(_digest(context))}"
        shutil.copytree(bundle, context / "bentos" / NAME / "champion")
        _describe(context, digest)
        if not _is_built(version, settings):
            _build(context, version, settings)
    return f"{NAME}:{version}"


def _stage(context: Path) -> None:
    """Copy what the service needs: BentoML walks its whole context, and ours has data and environments in it."""
    for package in PACKAGES:
        shutil.copytree(PROJECT / package, context / package, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    for name in FILES:
        shutil.copy2(PROJECT / name, context / name)


def _describe(context: Path, digest: str) -> None:
    """The build options, in the file that `bentoml build` reads (JSON is YAML)."""
    options = {
        "service": "bentos.lead_scoring.service:LeadScoring",
        "name": NAME,
        "labels": {"bundle": digest.removeprefix("sha256:"), "project": "lintel"},
        "include": [*(f"{package}/" for package in PACKAGES), *FILES],
        "python": {"requirements_txt": "requirements.lock", "lock_packages": False},
    }
    (context / "bentofile.yaml").write_text(json.dumps(options, indent=2))


def _build(context: Path, version: str, settings: Settings) -> None:
    """In a child process: BentoML reads its home when it is imported, and imports the service that it builds."""
    done = subprocess.run(  # noqa: S603  # our own interpreter and our own arguments
        [sys.executable, "-m", "bentoml", "build", str(context), "--version", version],
        cwd=context,
        env=child_environment(settings),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise UnavailableError(f"The bento could not be built.\n{done.stdout}{done.stderr}")


def _is_built(version: str, settings: Settings) -> bool:
    store = Path(service_environment(settings)["BENTOML_HOME"]) / "bentos"
    return (store / NAME / version / "bento.yaml").is_file()


def _digest(folder: Path) -> str:
    found = sha256()
    for path in _files(folder):
        found.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:12]
