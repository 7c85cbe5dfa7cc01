"""Which cards earn their place: the share of verdicts that call a card useful, with its interval."""

from collections.abc import Iterable
from dataclasses import dataclass

from lintel.scoring.share_interval import wilson

MIN_VERDICTS = 20
LEAST_USEFUL = 0.2
"""A card is muted once even the upper end of its interval lies below this share."""


@dataclass(frozen=True, slots=True)
class Usefulness:
    """Of one rule: how many of its verdicts call it useful, and Wilson's 95 % interval of that share."""

    rule: str
    useful: int
    verdicts: int

    @property
    def share(self) -> float | None:
        return self.useful / self.verdicts if self.verdicts else None

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.useful, self.verdicts)

    @property
    def muted(self) -> bool:
        return self.verdicts >= MIN_VERDICTS and self.interval[1] < LEAST_USEFUL


def muted(records: Iterable[Usefulness]) -> frozenset[str]:
    """The rules that are no longer to be shown, for `Coach`, which keeps critical ones all the same."""
    return frozenset(record.rule for record in records if record.muted)
