"""A silence: some alerts of a tenant are not told until a moment."""

from dataclasses import dataclass
from datetime import datetime

EVERY_RULE = "*"


@dataclass(frozen=True, slots=True)
class Silence:
    """Which alerts, by whom, why and until when. `rule` may be `EVERY_RULE`."""

    silence_id: str
    tenant: str
    rule: str
    actor: str
    reason: str
    until: datetime

    def covers(self, tenant: str, rule: str, now: datetime) -> bool:
        return self.tenant == tenant and self.rule in (rule, EVERY_RULE) and now < self.until
