"""The keys that `lintel serve` prints on one's own machine: one a tenant with a champion, ended by the next stop."""

import json
import secrets
from ipaddress import ip_address
from pathlib import Path

from lintel.home import Home
from lintel.registry.champion import champion_entry
from lintel.store.keys import Role

ROLE = Role.WRITE
"""Enough to score leads and to send events; not to administer."""


def is_loopback(host: str) -> bool:
    """Whether only this machine can ask: elsewhere no key is made unasked."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def create_development_keys(home: Home, file: Path) -> dict[str, str]:
    """Tenant -> key, shown this once, for each tenant with a champion. `file` keeps their names for the end."""
    revoke_development_keys(home, file)  # of services that ended without `lintel serve --stop`
    name = f"development-{secrets.token_hex(3)}"
    served = [tenant.id for tenant in home.events.tenants() if champion_entry(home.traffic, tenant.id)]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"name": name, "tenants": served}))
    return {tenant: home.keys.create(tenant, name, ROLE) for tenant in served}


def revoke_development_keys(home: Home, file: Path) -> None:
    """End the keys that `file` names, those that somebody ended already left aside."""
    if not file.exists():
        return
    kept = json.loads(file.read_text())
    for tenant in kept["tenants"]:
        if any(one.name == kept["name"] for one in home.keys.principals(tenant)):
            home.keys.revoke(tenant, kept["name"])
    file.unlink()
