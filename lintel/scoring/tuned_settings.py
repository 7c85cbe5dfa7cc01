"""Settings that a search has found better than the defaults, in one file of which every training reads the newest."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from lintel.errors import IncompatibleError
from lintel.scoring.hyperparameters import Hyperparameters
from lintel.scoring.lightgbm_member import LeafSettings
from lintel.scoring.tuning import settings_values
from lintel.scoring.xgboost_member import TreeSettings

FILE = "settings.json"
FORMAT = 1
_MEND = "Run `lintel tune` again, or delete the file: defaults are used then."
_PARTS = ("trees", "leaves")
"""Fields of `Hyperparameters` that hold the settings of a kind of member."""
Kind = TypeVar("Kind", TreeSettings, LeafSettings)


def load_tuned(path: Path) -> dict[str, Hyperparameters]:
    """By dimension, the settings that differ from the defaults; none if there is no file.

    It is what `Hyperparameters.tuned` holds. Raises IncompatibleError if the file is not what `save_tuned` wrote.
    """
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        dimensions = content["dimensions"]
        if content["format"] != FORMAT or content["digest"] != tuned_digest(dimensions):
            raise IncompatibleError(f"{path.name} was changed by hand, or is of another format.", mend=_MEND)
        return {name: _read(parts) for name, parts in dimensions.items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise IncompatibleError(f"{path.name} cannot be read ({type(error).__name__}).", mend=_MEND) from None


def save_tuned(path: Path, tuned: Mapping[str, Hyperparameters]) -> str:
    """Write the file, whole or not at all, and return its digest; equal settings give equal bytes."""
    dimensions = {name: _written(one) for name, one in sorted(tuned.items()) if _written(one)}
    content = {"format": FORMAT, "digest": tuned_digest(dimensions), "dimensions": dimensions}
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    partial.replace(path)
    return str(content["digest"])


def tuned_digest(dimensions: Mapping[str, Any]) -> str:
    """sha256 of the settings by dimension, as JSON."""
    return f"sha256:{sha256(json.dumps(dimensions, sort_keys=True).encode()).hexdigest()}"


def _written(one: Hyperparameters) -> dict[str, Any]:
    chosen = {part: getattr(one, part) for part in _PARTS}
    return {part: settings_values(settings) for part, settings in chosen.items() if settings is not None}


def _read(parts: Mapping[str, Any]) -> Hyperparameters:
    if not parts.keys() <= set(_PARTS):
        raise KeyError(*parts.keys() - set(_PARTS))
    trees, leaves = parts.get("trees"), parts.get("leaves")
    return Hyperparameters(
        trees=None if trees is None else _settings(TreeSettings, trees),
        leaves=None if leaves is None else _settings(LeafSettings, leaves),
    )


def _settings(kind: type[Kind], values: Mapping[str, Any]) -> Kind:
    """Raises TypeError for an unknown setting, or one of another type than its default."""
    default = settings_values(kind())
    wrong = [name for name, value in values.items() if type(value) is not type(default.get(name))]
    if wrong:
        raise TypeError(wrong[0])
    return kind(**values)
