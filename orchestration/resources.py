"""Resources that assets ask for by name."""

from collections.abc import Iterator

import dagster as dg

from lintel.home import Home
from lintel.settings import settings
from orchestration.abandoned import process_tags


@dg.resource
def home(context: dg.InitResourceContext) -> Iterator[Home]:
    """The stores and paths of this installation: opened when a run or a tick begins, closed when it ends."""
    if context.instance is not None and context.run is not None:
        context.instance.add_run_tags(context.run.run_id, process_tags())
    with Home(settings()) as opened:
        yield opened
