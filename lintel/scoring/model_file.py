"""A model in its library's own format, sealed: the last line is the sha256 of what stands before it.

The libraries' readers end the process when a byte is wrong, or answer from half a model; so the seal is checked
before they see the file. They take a sealed file as it is: what follows the model they do not read.
"""

from hashlib import sha256
from pathlib import Path

from lintel.errors import IncompatibleError

_MARK = b"\nsha256:"
_SEAL_BYTES = len(_MARK) + 64 + 1


def write_model(path: Path, content: bytes) -> None:
    """Write the model and its seal."""
    path.write_bytes(content + _seal(content))


def read_model(path: Path) -> bytes:
    """The model without its seal. Raises IncompatibleError if they do not fit each other, or there is no such file."""
    if not path.is_file():
        raise IncompatibleError(f"there is no model file {path.name}.", mend="Fetch the bundle again.")
    sealed = path.read_bytes()
    content, seal = sealed[:-_SEAL_BYTES], sealed[-_SEAL_BYTES:]
    if seal != _seal(content):
        raise IncompatibleError(f"model file {path.name} is corrupt.", mend="Fetch the bundle again.")
    return content


def _seal(content: bytes) -> bytes:
    return _MARK + sha256(content).hexdigest().encode() + b"\n"
