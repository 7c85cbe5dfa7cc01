"""`lintel keys`: API keys. A key is shown once; only its hash is kept."""

from typing import Annotated

import typer

from cli.options import DEFAULT_TENANT, Json, TenantId
from cli.output import emit, table
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


@app.command("list")
def list_command(tenant: TenantId = DEFAULT_TENANT, as_json: Json = False) -> None:
    """Who holds a key, and with which role; not the keys, of which only the hashes are kept."""
    with Home(settings()) as home:
        home.events.tenant(tenant)
        rows = [(one.name, one.role) for one in home.keys.principals(tenant)]
    value = {"tenant": tenant, "keys": [{"name": name, "role": role} for name, role in rows]}
    emit(value, as_json=as_json, table=table(f"keys of {tenant}", ("name", "role"), rows))


@app.command("revoke")
def revoke_command(
    name: Annotated[str, typer.Option(help="The key's name, as `lintel keys list` shows it.")],
    tenant: TenantId = DEFAULT_TENANT,
    as_json: Json = False,
) -> None:
    """End a key: who sends it is refused from now on."""
    with Home(settings()) as home:
        home.events.tenant(tenant)
        home.keys.revoke(tenant, name)
    emit({"tenant": tenant, "revoked": name}, as_json=as_json, table=f"{name} is revoked")
