"""Reading a CTranslate2 `model.bin` (binary version 6): named arrays, with integer weights brought back to floats.

Layout, little-endian, as CTranslate2's own `ModelSpec` writes it: version (u32), specification (string), revision
(u32), number of variables (u32); a variable is name, rank (u8), dimensions (u32 each), type (u8), bytes (u32), data;
then the number of aliases (u32) and their two names. A string is its length with the closing zero (u16), and its bytes.
"""

import struct
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from lintel.errors import IncompatibleError

VERSION = 6
_TYPES = ("float32", "int8", "int16", "int32", "float16", "bfloat16")


def read_variables(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays by their names, aliases too. Quantised weights come back as float32, others as they are.

    Raises IncompatibleError for another binary version, a model that is no Whisper, or a file that ends early.
    """
    with path.open("rb") as file:
        try:
            return _dequantised(_variables(file, path))
        except (struct.error, ValueError, IndexError) as error:
            raise _unreadable(path, "it ends early or is damaged") from error


def _variables(file: IO[bytes], path: Path) -> dict[str, NDArray[Any]]:
    version, name = _number(file, "<I"), _string(file)
    if version != VERSION or name != "WhisperSpec":
        raise _unreadable(path, f"it is a {name} of binary version {version}, not a WhisperSpec of version {VERSION}")
    _number(file, "<I")  # revision of the specification
    found = dict(_variable(file) for _ in range(_number(file, "<I")))
    for _ in range(_number(file, "<I")):
        alias = _string(file)
        found[alias] = found[_string(file)]
    return found


def _variable(file: IO[bytes]) -> tuple[str, NDArray[Any]]:
    name = _string(file)
    shape = tuple(_number(file, "<I") for _ in range(_number(file, "<B")))
    kind = _TYPES[_number(file, "<B")]
    data = file.read(_number(file, "<I"))
    if kind == "bfloat16":  # the upper half of a float32
        return name, (np.frombuffer(data, np.uint16).astype(np.uint32) << 16).view(np.float32).reshape(shape)
    return name, np.frombuffer(data, kind).reshape(shape)


def _dequantised(variables: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Each weight divided by its scale: one a row for int8, one in all for int16."""
    return {
        name: _scaled(array, variables.get(f"{name}_scale"))
        for name, array in variables.items()
        if not name.endswith("_scale")
    }


def _scaled(array: NDArray[Any], scale: NDArray[Any] | None) -> NDArray[Any]:
    if scale is None:
        return array
    rows = scale.reshape(scale.shape + (1,) * (array.ndim - scale.ndim))
    return (array.astype(np.float32) / rows).astype(np.float32)


def _number(file: IO[bytes], layout: str) -> int:
    number: int = struct.unpack(layout, file.read(struct.calcsize(layout)))[0]
    return number


def _string(file: IO[bytes]) -> str:
    return file.read(_number(file, "<H"))[:-1].decode()


def _unreadable(path: Path, because: str) -> IncompatibleError:
    return IncompatibleError(f"{path} cannot be read: {because}.", mend="Convert the model again, or pull it anew.")
