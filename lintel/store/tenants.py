"""What Lintel knows of a tenant (one brokerage account) besides its events."""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum


class Clock(StrEnum):
    """What `as_of: null` means for a tenant."""

    LIVE = "live"
    LOG_END = "log_end"
    """The newest `known_at`: for logs that ended in the past."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """Settings of one tenant. `labels` names a label set of `lintel/labels` or a TOML file."""

    id: str
    labels: str
    time_zone: str = "UTC"
    currency: str = "USD"
    quiet_from_hour: int = 21  # local hours in which no lead is to be contacted
    quiet_to_hour: int = 8
    capacity_per_day: int = 20  # leads the team can call in a day
    pooled: bool = False  # whether models of other tenants may learn from this one
    clock: Clock = Clock.LIVE
    simulated: bool = False  # every figure shown of this tenant says so
    area: str | None = None  # whose market series describe its leads' market; without any, the country's do

    def to_json(self) -> str:
        """As the store keeps it."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Tenant":
        values = json.loads(text)
        return cls(**{**values, "clock": Clock(values["clock"])})
