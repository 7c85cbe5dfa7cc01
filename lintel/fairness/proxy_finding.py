"""What a proxy audit finds: how well each group is told from the rest, and which features carry it."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    FOUND = "proxy_found"
    NOT_FOUND = "no_proxy_found"
    TOO_FEW = "too_few_leads"


@dataclass(frozen=True, slots=True)
class Predicted:
    """How well something is told: AUC out of fold, and its interval by resampling leads."""

    auc: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class PredictedGroup:
    """One group against all other leads."""

    group: str
    leads: int
    predicted: Predicted


@dataclass(frozen=True, slots=True)
class Family:
    """Features of one family: their share in the whole model's gain, and what they tell without the others."""

    name: str
    features: int
    gain_share: float
    alone: Predicted
    carries: bool  # alone they are enough to find the proxy


@dataclass(frozen=True, slots=True)
class Carrier:
    """One feature: its share in the gain, and the AUC of its values as they are (.5 nothing, 1 everything)."""

    feature: str
    family: str
    gain_share: float
    own_auc: float


@dataclass(frozen=True, slots=True)
class Removal:
    """What is still told once this family has been dropped, after those before it."""

    family: str
    left: Predicted | None  # None if no feature is left


@dataclass(frozen=True, slots=True)
class ProxyAudit:
    """The finding. Families, carriers and removals are about the group that is told best, and empty if none is."""

    leads: int
    rows: int
    features: int
    tolerance: float
    level: float
    chance: float  # the AUC that chance stays below with probability `level`, over all groups
    p_value: float  # share of permutations, and this one, whose best AUC is at least this one's
    groups: tuple[PredictedGroup, ...]
    too_few: tuple[str, ...]
    families: tuple[Family, ...] = ()
    carriers: tuple[Carrier, ...] = ()
    removals: tuple[Removal, ...] = ()

    @property
    def verdict(self) -> Verdict:
        if not self.groups:
            return Verdict.TOO_FEW
        return Verdict.FOUND if self.worst.predicted.low > self.limit else Verdict.NOT_FOUND

    @property
    def worst(self) -> PredictedGroup:
        """The group that is told best."""
        return max(self.groups, key=lambda one: one.predicted.low)

    @property
    def limit(self) -> float:
        """What the lower end of an interval must not exceed."""
        return max(self.tolerance, self.chance)
