"""Shares of the rows in flight, so that no tenant, and no key of a tenant, takes the whole queue.

Alone, a caller may take all. While others are there too, it may have at most its share of what the others leave:
with a share of a half, one busy tenant gets half of the capacity, two get a third each, and a part always stays free
for who comes next. A caller with nothing in flight gets in whenever there is room at all.
Source: A. Choudhury and E. Hahne, Dynamic queue length thresholds for shared-memory packet switches, IEEE/ACM
Transactions on Networking 6 (1998). Pure logic on the caller's clock (seconds, monotonic), for one event loop.
"""

from collections import OrderedDict
from collections.abc import Mapping
from enum import Enum

from lintel.store.state import Principal

PRESENT_SECONDS = 1.0
"""Who asked so lately counts as there, also if it was refused: it will ask again."""


class Room(Enum):
    """Whether there is room for a request."""

    FREE = "free"
    FULL = "full"
    """No one gets in."""
    OVER_SHARE = "over-share"
    """The caller has its share; others may get in."""


class Shares:
    """The rows in flight of one class in one worker.

    Parameters
    ----------
    capacity_rows: most rows in flight at once.
    tenant_share, key_share: share of a tenant of all, and of a key of what its tenant may have, in (0, 1).
    weights: of tenants; 1 unless named. Double the weight, double the odds.
    """

    def __init__(
        self,
        capacity_rows: int,
        *,
        tenant_share: float = 0.5,
        key_share: float = 0.5,
        weights: Mapping[str, float] | None = None,
    ) -> None:
        self.capacity_rows = capacity_rows
        self._tenant_share = tenant_share
        self._key_share = key_share
        self._weights = dict(weights or {})
        self._tenants = _Holders()
        self._keys: dict[str, _Holders] = {}

    @property
    def rows(self) -> int:
        """Rows in flight now."""
        return self._tenants.total

    def hold(self, principal: Principal, rows: int, now: float) -> Room:
        """Take `rows` if there is room. What was taken is to be given back by `release`."""
        keys = self._keys_of(principal.tenant, now)
        self._tenants.ask(principal.tenant, now)
        keys.ask(principal.name, now)
        room = self._room(principal, keys, rows, now)
        if room is Room.FREE:
            self._tenants.add(principal.tenant, rows)
            keys.add(principal.name, rows)
        return room

    def release(self, principal: Principal, rows: int) -> None:
        """Give back what `hold` took."""
        self._tenants.add(principal.tenant, -rows)
        self._keys[principal.tenant].add(principal.name, -rows)

    def _room(self, principal: Principal, keys: "_Holders", rows: int, now: float) -> Room:
        if self._tenants.total + rows > self.capacity_rows:
            return Room.FULL
        share = _weighted(self._tenant_share, self._weights.get(principal.tenant, 1.0))
        bound = self._tenants.bound(principal.tenant, self.capacity_rows, share, now)
        if not self._tenants.has_room(principal.tenant, rows, bound):
            return Room.OVER_SHARE
        key_bound = keys.bound(principal.name, bound, self._key_share, now)
        return Room.FREE if keys.has_room(principal.name, rows, key_bound) else Room.OVER_SHARE

    def _keys_of(self, tenant: str, now: float) -> "_Holders":
        if tenant not in self._keys:
            gone = [name for name, keys in self._keys.items() if not keys.is_present(now)]
            for name in gone:
                del self._keys[name]
            self._keys[tenant] = _Holders()
        return self._keys[tenant]


class _Holders:
    """Who holds how many rows, and who asked lately."""

    def __init__(self) -> None:
        self.total = 0
        self._rows: dict[str, int] = {}
        self._asked_at: OrderedDict[str, float] = OrderedDict()  # the latest last

    def ask(self, holder: str, now: float) -> None:
        self._asked_at[holder] = now
        self._asked_at.move_to_end(holder)
        while now - next(iter(self._asked_at.values())) > PRESENT_SECONDS:
            self._asked_at.popitem(last=False)

    def add(self, holder: str, rows: int) -> None:
        self.total += rows
        self._rows[holder] = self._rows.get(holder, 0) + rows
        if not self._rows[holder]:
            del self._rows[holder]

    def has_room(self, holder: str, rows: int, bound: float) -> bool:
        held = self._rows.get(holder, 0)
        return held == 0 or held + rows <= bound

    def bound(self, holder: str, capacity: float, share: float, now: float) -> float:
        """Most rows that the holder may have now."""
        if self._is_alone(holder, now):
            return capacity
        return share * (capacity - (self.total - self._rows.get(holder, 0)))

    def is_present(self, now: float) -> bool:
        return bool(self._rows) or any(now - asked_at <= PRESENT_SECONDS for asked_at in self._asked_at.values())

    def _is_alone(self, holder: str, now: float) -> bool:
        if len(self._rows) > (holder in self._rows):
            return False
        return not any(now - at <= PRESENT_SECONDS for other, at in self._asked_at.items() if other != holder)


def _weighted(share: float, weight: float) -> float:
    """The share with its odds times the weight."""
    return share * weight / (1 - share + share * weight)
