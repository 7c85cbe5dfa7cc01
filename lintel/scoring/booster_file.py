"""An XGBoost booster as a sealed file in XGBoost's own UBJSON."""

from pathlib import Path

import xgboost

from lintel.errors import IncompatibleError
from lintel.scoring.model_file import read_model, write_model


def save_booster(booster: xgboost.Booster, path: Path) -> None:
    """Write XGBoost's own UBJSON, sealed."""
    write_model(path, bytes(booster.save_raw("ubj")))


def load_booster(path: Path) -> xgboost.Booster:
    """A booster that scores on one thread: waking others takes longer than scoring a lead.

    Raises IncompatibleError if the file is corrupt, or not a model that this XGBoost can read.
    """
    content = read_model(path)
    booster = xgboost.Booster()
    try:
        booster.load_model(bytearray(content))
    except xgboost.core.XGBoostError:
        raise IncompatibleError(f"{path.name} is not an XGBoost model.", mend="Fetch the bundle again.") from None
    booster.set_param({"nthread": 1})
    return booster
