"""The environment of a child process that serves or builds: the same settings, and BentoML kept inside our home."""

import json
import os
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from lintel.settings import Settings


def service_environment(settings: Settings) -> dict[str, str]:
    """Every setting written out, and what BentoML itself reads: its stores lie in `home/bentoml`. It
    and MLflow report nothing to their makers. The folder is made, for BentoML wants to find it."""
    home = (settings.home / "bentoml").resolve()
    home.mkdir(parents=True, exist_ok=True)
    values = {name: value for name, value in settings.model_dump().items() if value is not None}
    chosen = {f"LINTEL_{name.upper()}": _text(value) for name, value in values.items()}
    return chosen | {"BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "True", "MLFLOW_DISABLE_TELEMETRY": "true"}


def child_environment(settings: Settings) -> dict[str, str]:
    """Our own environment with `service_environment` in place of whatever it says of Lintel."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LINTEL_")}
    return inherited | service_environment(settings)


def _text(value: Any) -> str:
    if isinstance(value, Path):
        return str(value.absolute())
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return json.dumps(value) if isinstance(value, dict | tuple) else str(value)
