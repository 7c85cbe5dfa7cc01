"""Rules against noise: how often cards may come. Pure: the call's audio time is an argument."""

from collections import deque
from dataclasses import dataclass, field

from lintel.voice.coaching.playbook import CardRule, Rates

MINUTE = 60.0


@dataclass
class Limiter:
    """Which cards may be shown now.

    - No card again within its own cool-down.
    - At most `per_minute` cards in any 60 s; an `info` card leaves one of these places free for a graver one.
    - After an objection's card, quiet: the agent is to listen, not to read.
    - A critical card (a law is about to be broken) is bound by its own cool-down alone.
    """

    rates: Rates
    _shown: deque[float] = field(default_factory=deque)
    _last: dict[str, float] = field(default_factory=dict)
    _quiet_until: float = float("-inf")

    def admits(self, card: CardRule, at: float) -> bool:
        """Whether the card may be shown at a time of the call (seconds); if so it counts as shown."""
        if at < self._last.get(card.id, float("-inf")) + card.cool_down_s:
            return False
        if card.severity != "critical" and not self._has_place(card, at):
            return False
        self._note(card, at)
        return True

    def _has_place(self, card: CardRule, at: float) -> bool:
        while self._shown and self._shown[0] <= at - MINUTE:
            self._shown.popleft()
        kept_free = 1 if card.severity == "info" and self.rates.per_minute > 1 else 0
        return at >= self._quiet_until and len(self._shown) < self.rates.per_minute - kept_free

    def _note(self, card: CardRule, at: float) -> None:
        self._last[card.id] = at
        if card.severity != "critical":
            self._shown.append(at)
        if card.category == "objection":
            self._quiet_until = at + self.rates.quiet_after_objection_s
