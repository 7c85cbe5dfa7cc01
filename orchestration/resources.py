"""Resources that assets ask for by name."""

from collections.abc import Iterator

import dagster as dg

from lintel.home import Home
from lintel.settings import settings


@dg.resource
def home(_context: dg.InitResourceContext) -> Iterator[Home]:
    """The stores and paths of this installation: opened when a run or a tick begins, closed when it ends."""
    with Home(settings()) as opened:
        yield opened
