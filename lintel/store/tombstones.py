"""Who was erased from a tenant, without saying who: a keyed digest of each id, which keeps a later import from bringing
the person back.

The key is random, one a tenant, and lies beside the digests: it keeps digests of two tenants apart and tables made
elsewhere from telling ids. Whoever holds the database and a list of possible ids can still try these, as with any such
list that must answer "is it this one?".
"""

import json
import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

import sqlalchemy as sa

from lintel.events.validation import Rejection
from lintel.store.engine import Database
from lintel.store.tables import erased_leads, tenants

REASON = "the lead was erased; `lintel erase --readmit` lets it in again"
PLACE = "events of erased leads"
"""Instead of the place of a row, which may name the lead."""
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Tombstones:
    """Digests of a tenant's erased leads, as of one change of them."""

    key: bytes = b""
    digests: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.digests)

    def __contains__(self, lead_id: str) -> bool:
        return bool(self.digests) and digest(self.key, lead_id) in self.digests

    def among(self, lead_ids: Iterable[str]) -> set[str]:
        """Those of some leads that were erased."""
        return {lead for lead in set(lead_ids) if lead in self} if self else set()

    def nameless(self, rejections: Sequence[Rejection]) -> Sequence[Rejection]:
        """Rejected rows, of which those of erased leads keep the reason and nothing that names anybody."""
        return [replace(one, place=PLACE, raw=None) if self._names(one) else one for one in rejections]

    def _names(self, rejection: Rejection) -> bool:
        if not self or rejection.raw is None:
            return False
        try:
            row = json.loads(rejection.raw)
        except ValueError:
            return True  # nobody can say whose it is
        return isinstance(row, dict) and any(isinstance(one, str) and one in self for one in row.values())


def digest(key: bytes, lead_id: str) -> str:
    """BLAKE2b (RFC 7693) of an id under a tenant's key."""
    return blake2b(lead_id.encode(), key=key, digest_size=16).hexdigest()


def read_tombstones(connection: sa.Connection, tenant: int) -> Tombstones:
    """All of a tenant, by its number."""
    key = connection.execute(sa.select(tenants.c.erasure_key).where(tenants.c.number == tenant)).scalar()
    if key is None:
        return Tombstones()
    query = sa.select(erased_leads.c.digest).where(erased_leads.c.tenant == tenant)
    return Tombstones(bytes.fromhex(key), frozenset(connection.execute(query).scalars()))


def lay(database: Database, connection: sa.Connection, tenant: int, leads: Collection[str]) -> None:
    """Keep leads (some already kept) out from now on, in the transaction that removes them."""
    fresh = secrets.token_hex(_KEY_BYTES)
    changes = {"erasures": tenants.c.erasures + 1, "erasure_key": sa.func.coalesce(tenants.c.erasure_key, fresh)}
    connection.execute(sa.update(tenants).where(tenants.c.number == tenant).values(changes))
    key = bytes.fromhex(_read_key(connection, tenant))
    rows = [{"tenant": tenant, "digest": digest(key, lead)} for lead in leads]
    connection.execute(database.insert_new(erased_leads), rows)


def lift(connection: sa.Connection, tenant: int, lead_id: str) -> bool:
    """Let a lead in again; whether it was kept out."""
    change = {"erasures": tenants.c.erasures + 1}
    connection.execute(sa.update(tenants).where(tenants.c.number == tenant).values(change))
    stones = read_tombstones(connection, tenant)
    if lead_id not in stones:
        return False
    mine = (erased_leads.c.tenant == tenant) & (erased_leads.c.digest == digest(stones.key, lead_id))
    connection.execute(sa.delete(erased_leads).where(mine))
    return True


def _read_key(connection: sa.Connection, tenant: int) -> str:
    """The tenant's key in hexadecimal, which `lay` has made."""
    query = sa.select(tenants.c.erasure_key).where(tenants.c.number == tenant)
    return str(connection.execute(query).scalar_one())
