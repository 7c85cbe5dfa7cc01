"""Options that the commands about model versions share."""

from typing import Annotated

import typer

Version = Annotated[int, typer.Argument(help="A version that `lintel models list` shows.")]
Reason = Annotated[str, typer.Option(help="Why; kept in the audit log.")]
