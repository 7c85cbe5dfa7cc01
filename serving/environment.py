"""The environment of a child process that serves or builds: the same settings, and BentoML kept inside our home."""

import os
from pathlib import Path
from typing import Any

from lintel.settings import Settings


def environment(settings: Settings) -> dict[str, str]:
    """The parent's environment with every setting written out, so that the child reads the very same ones.

    BentoML's stores lie in `home/bentoml`, and it reports nothing to its makers.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LINTEL_")}
    values = settings.model_dump()
    chosen = {f"LINTEL_{name.upper()}": _text(value) for name, value in values.items() if value is not None}
    return inherited | chosen | bentoml_environment(settings)


def bentoml_environment(settings: Settings) -> dict[str, str]:
    """What BentoML itself reads."""
    return {"BENTOML_HOME": str(bentoml_home(settings)), "BENTOML_DO_NOT_TRACK": "True"}


def bentoml_home(settings: Settings) -> Path:
    """Folder of built bentos. It must exist before BentoML starts."""
    path = (settings.home / "bentoml").resolve()
    path.mkdir(parents=True, exist_ok=True)
    return path


def _text(value: Any) -> str:
    return str(value.resolve()) if isinstance(value, Path) else str(value)
