"""Options that several commands share."""

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="End standard output with one JSON object.")]
TenantId = Annotated[str, typer.Option("--tenant", help="The tenant (CRM location).", show_default=True)]

DEFAULT_TENANT = "bpic2012"
