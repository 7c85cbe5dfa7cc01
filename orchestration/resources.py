"""Resources that assets ask for by name."""

from lintel.home import Home
from lintel.settings import settings


def resources() -> dict[str, object]:
    """`home`: the stores and paths of this installation."""
    return {"home": Home(settings())}
