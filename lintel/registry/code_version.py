"""Which code and which environment made a model, as far as they can be named on any machine."""

import platform
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


@cache
def code_digest() -> str:
    """sha256 over the names and bytes of the domain's modules: equal where the code is equal, repository or not."""
    digest = sha256()
    for path in sorted(_PACKAGE.rglob("*.py")):
        digest.update(path.relative_to(_PACKAGE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return f"sha256:{digest.hexdigest()}"


def environment_tags() -> dict[str, str]:
    """What a version's record says of the process that registered it."""
    return {
        "lintel.code": code_digest(),
        "lintel.release": version("lintel"),
        "lintel.python": platform.python_version(),
        "lintel.platform": platform.platform(),
    }
