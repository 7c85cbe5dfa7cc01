"""`lintel keys`: API keys. A key is shown once; only its hash is kept."""

from typing import Annotated

import typer

from cli.options import DEFAULT_TENANT, Json, TenantId
from cli.output import emit
from lintel.home import Home
from lintel.settings import settings

app = typer.Typer(help="API keys of a tenant.")

KEY_HINT = "A key: `lintel keys create --name NAME`; send it as `Authorization: Bearer KEY`."
"""Keys are shown once, so there is none to show again."""


@app.command("create")
def create_command(
    name: Annotated[str, typer.Option(help="Who or what will use it.")],
    role: Annotated[str, typer.Option(help="read (scores, leads), write (also events) or admin.")] = "read",
    tenant: TenantId = DEFAULT_TENANT,
    as_json: Json = False,
) -> None:
    """Make a key and show it, this once."""
    with Home(settings()) as home:
        home.events.tenant(tenant)
        token = home.keys.create(tenant, name, role)
    emit({"tenant": tenant, "name": name, "role": role, "key": token}, as_json=as_json, table=token)
