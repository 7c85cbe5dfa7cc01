"""The catalogue: declared features, checked and frozen, and the digest that is the feature version."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property

from lintel.errors import InputError
from lintel.events.kinds import kinds
from lintel.features.declarations import declared_features
from lintel.features.fairness import denied_words
from lintel.features.feature import NEEDS_AGAINST, NEEDS_MEASURE, OF_CONTEXT, OF_TIME, Aggregation, Feature
from lintel.features.measures import MEASURES, RHYTHMS, SEASONS, divisor
from lintel.features.selectors import OUTCOMES
from lintel.market.metrics import METRICS

KERNEL_VERSION = 1
"""Raised when the kernel gives other numbers for the same declarations; part of the digest."""


_MEASURES_OF: Mapping[Aggregation, Collection[str]] = {
    Aggregation.CLOCK: RHYTHMS,
    Aggregation.SEASON: SEASONS,
    **dict.fromkeys(OF_CONTEXT, METRICS),
}
"""What aggregations without events may name as their measure."""


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Checked features in column order. Build it with `build_catalogue`."""

    features: tuple[Feature, ...]

    def __len__(self) -> int:
        return len(self.features)

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(feature.name for feature in self.features)

    @cached_property
    def position(self) -> Mapping[str, int]:
        return {name: index for index, name in enumerate(self.names)}

    @cached_property
    def digest(self) -> str:
        """The feature version: sha256 of the definitions and the kernel's version as canonical JSON."""
        content = {"kernel": KERNEL_VERSION, "features": [feature.definition for feature in self.features]}
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"

    def directions(self, dimension: str) -> dict[str, int]:
        """The features that may move the dimension in one direction only, and which: -1 or 1."""
        declared = ((feature.name, (feature.monotone or {}).get(dimension)) for feature in self.features)
        return {name: sign for name, sign in declared if sign is not None}

    def __getitem__(self, name: str) -> Feature:
        return self.features[self.position[name]]


def build_catalogue(features: Iterable[Feature]) -> Catalogue:
    """Check the declarations and freeze them.

    Raises InputError that names the feature if a name comes twice, names a protected attribute, reads an outcome or an
    unregistered kind, or lacks what its aggregation needs.
    """
    listed = tuple(features)
    seen: set[str] = set()
    for feature in listed:
        fault = _fault(feature) or ("is declared twice" if feature.name in seen else None)
        if fault:
            raise InputError(f"feature {feature.name!r} {fault}.", mend="Change its declaration.")
        seen.add(feature.name)
    return Catalogue(listed)


@cache
def catalogue() -> Catalogue:
    """Lintel's own features."""
    return build_catalogue(declared_features())


def _fault(feature: Feature) -> str | None:
    """The first thing that is wrong with a declaration, or None."""
    return _wording_fault(feature) or _kinds_fault(feature) or _measure_fault(feature) or _window_fault(feature)


def _wording_fault(feature: Feature) -> str | None:
    denied = denied_words(" ".join((feature.name, feature.label, feature.meaning, feature.measure or "")))
    return f"names a protected attribute ({', '.join(denied)})" if denied else None


def _kinds_fault(feature: Feature) -> str | None:
    used = {*feature.kinds, *feature.against}
    if unknown := sorted(used - kinds().keys()):
        return f"reads {unknown[0]!r}, which is not a registered kind"
    if outcome := sorted(used & OUTCOMES):
        return f"reads {outcome[0]!r}, an outcome"
    if not feature.kinds and feature.aggregation not in OF_TIME | OF_CONTEXT:
        return "reads no kinds"
    if feature.aggregation in NEEDS_AGAINST and not feature.against:
        return "has nothing to be set against"
    if feature.aggregation is Aggregation.SHARE and not set(feature.kinds) <= set(feature.against):
        return "is a share of events that it is no part of"
    return None


def _measure_fault(feature: Feature) -> str | None:
    if feature.aggregation in NEEDS_MEASURE and feature.measure is None:
        return "has no measure"
    if (own := _MEASURES_OF.get(feature.aggregation)) is not None:
        return None if feature.measure in own else f"has an unknown measure {feature.measure!r}"
    for measure, selected in ((feature.measure, feature.kinds), (feature.against_measure, feature.against)):
        if measure is not None and measure not in MEASURES:
            return f"has an unknown measure {measure!r}"
        if measure is not None and selected and divisor(measure, selected, feature.unit) is None:
            return f"has no single way from {measure!r} to {feature.unit.value}"
    return None


def _window_fault(feature: Feature) -> str | None:
    if feature.aggregation in {Aggregation.CONTEXT_CHANGE, Aggregation.CONTEXT_GROWTH} and feature.window_days is None:
        return "has no window"
    if feature.window_days is not None and feature.window_days <= 0:
        return "has an empty window"
    if feature.aggregation is Aggregation.TREND and not (feature.window_days or 0) < (feature.baseline_days or 0):
        return "has a baseline that is not longer than its window"
    if feature.aggregation is Aggregation.EQUALS and feature.level is None:
        return "has no level"
    return None
