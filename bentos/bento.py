"""Building a bento of our code: staged apart, named after what is in it, built once."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from lintel.environment import child_environment, service_environment
from lintel.errors import UnavailableError
from lintel.settings import Settings

PROJECT = Path(__file__).resolve().parents[1]
PACKAGES = ("bentos", "lintel", "serving")
FILES = ("pyproject.toml", "requirements.lock")
_LEFT_OUT = ("__pycache__", "*.pyc", "champion")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a bento is made of, beside our code.

    Parameters
    ----------
    name, service: the bento's name, and `module:Class` of what it serves.
    version: what its version begins with; the digest of the code follows. Empty: the digest alone.
    labels: what the bento says of itself.
    added: folder in the bento -> folder that is copied there.
    docker: BentoML's options of the image.
    """

    name: str
    service: str
    version: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    added: Mapping[str, Path] = field(default_factory=dict)
    docker: Mapping[str, Any] = field(default_factory=dict)


def build_bento(recipe: Recipe, *, settings: Settings) -> str:
    """Build, unless it is built already, and return the tag. Needs no Docker and no network.

    Raises UnavailableError with BentoML's words if it fails.
    """
    with tempfile.TemporaryDirectory(prefix="lintel-bento-") as folder:
        context = Path(folder)
        _stage(context)
        version = "-".join(part for part in (recipe.version, short(_digest(context))) if part)
        for place, source in recipe.added.items():
            shutil.copytree(source, context / place)
        _describe(context, recipe)
        if not _is_built(recipe.name, version, settings):
            _build(context, version, settings)
    return f"{recipe.name}:{version}"


def short(digest: str) -> str:
    """The beginning of a digest, for names."""
    return digest.removeprefix("sha256:")[:12]


def _stage(context: Path) -> None:
    """Copy what the service needs: BentoML walks its whole context, and ours has data and environments in it."""
    for package in PACKAGES:
        shutil.copytree(PROJECT / package, context / package, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    for name in FILES:
        shutil.copy2(PROJECT / name, context / name)


def _describe(context: Path, recipe: Recipe) -> None:
    """The build options, in the file that `bentoml build` reads (JSON is YAML)."""
    options = {
        "service": recipe.service,
        "name": recipe.name,
        "labels": {**recipe.labels, "project": "lintel"},
        "include": [*(f"{package}/" for package in PACKAGES), *FILES],
        "python": {"requirements_txt": "requirements.lock", "lock_packages": False},
        **({"docker": dict(recipe.docker)} if recipe.docker else {}),
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


def _is_built(name: str, version: str, settings: Settings) -> bool:
    store = Path(service_environment(settings)["BENTOML_HOME"]) / "bentos"
    return (store / name / version / "bento.yaml").is_file()


def _digest(folder: Path) -> str:
    found = sha256()
    for path in _files(folder):
        found.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())
