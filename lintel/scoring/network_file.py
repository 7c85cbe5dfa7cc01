"""Named arrays in one sealed file, without pickle: how the parts of the network are kept."""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lintel.errors import IncompatibleError
from lintel.scoring.model_file import read_model, write_model

Arrays = Mapping[str, NDArray[Any]]

_PART = "part"


def write_arrays(path: Path, part: str, arrays: Arrays) -> None:
    """Write the arrays of one part of the network; equal arrays give equal bytes."""
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **{_PART: np.array(part)}, **arrays)
    write_model(path, content.getvalue())


def read_arrays(path: Path, part: str) -> dict[str, NDArray[Any]]:
    """What `write_arrays` wrote. Raises IncompatibleError for a corrupt file or another part."""
    content = io.BytesIO(read_model(path))
    if not zipfile.is_zipfile(content):
        raise _other(path, part)
    content.seek(0)
    try:
        with np.load(content, allow_pickle=False) as found:
            arrays = {name: found[name] for name in found.files}
    except (zipfile.BadZipFile, ValueError):
        raise _other(path, part) from None
    if _PART not in arrays or str(arrays.pop(_PART)) != part:
        raise _other(path, part)
    return arrays


def arrays_of(part: Any) -> dict[str, NDArray[Any]]:
    """The fields of a dataclass of arrays, in one layout of memory: on it depends in which order sums are taken."""
    return {field.name: np.ascontiguousarray(getattr(part, field.name)) for field in fields(part)}


def _other(path: Path, part: str) -> IncompatibleError:
    return IncompatibleError(f"{path.name} is not a {part}.", mend="Fetch the bundle again.")
