"""What a bundle says about itself in `bundle.json`, beside its models."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

from lintel.errors import IncompatibleError
from lintel.events.moments import time_text
from lintel.events.timezones import MICROSECONDS_PER_DAY
from lintel.features.catalogue import Catalogue
from lintel.labels.definition import LabelSet, Question, Timing
from lintel.language.signals import VERSION as SIGNAL_VERSION
from lintel.scoring.scorecard import Asked
from lintel.scoring.standing import OutcomeKinds
from lintel.scoring.timing_curve import EDGES_DAYS

FORMAT = 3
WITHOUT_LIGHT = 2
"""A format that is still read: as today's, but without light models and without a golden request."""
_LIBRARIES = ("lightgbm", "lintel", "numpy", "pyarrow", "scikit-learn", "xgboost")


@dataclass(frozen=True, slots=True)
class Manifest:
    """Identity and provenance. `scope` is global, a group or a tenant; `tenants` are those it learnt from."""

    scope: str
    known_until: str  # ISO 8601, UTC: nothing learnt later is in it
    data: str
    data_digest: str
    tenants: tuple[str, ...]
    simulated: bool
    seed: int
    settings_digest: str
    feature_digest: str
    signal_version: int
    label_source: str
    label_version: str
    label_digest: str
    outcome_words: Mapping[str, str]
    horizons_days: tuple[float, ...]
    settled_by: Mapping[str, tuple[str, ...]]
    libraries: Mapping[str, str]
    pool: str = ""  # digest of the bundle that dimensions were borrowed from; it names the pool's tenants
    recalibrated_from: str = ""  # digest of the bundle whose members and stacks it has
    format: int = FORMAT

    @property
    def name(self) -> str:
        return f"lead-scoring.{self.scope}"

    @property
    def asked(self) -> Asked:
        return Asked(OutcomeKinds(self.outcome_words), self.horizons_days, self.settled_by)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Manifest":
        """Raises IncompatibleError for a manifest of another format than this code reads."""
        if content.get("format") not in {FORMAT, WITHOUT_LIGHT}:
            raise IncompatibleError(
                f"the bundle has format {content.get('format')}, this code reads {WITHOUT_LIGHT} and {FORMAT}.",
                mend="Train a bundle with this code, or run the code that trained it.",
            )
        settled = {name: tuple(kinds) for name, kinds in content["settled_by"].items()}
        tuples = {"tenants": tuple(content["tenants"]), "horizons_days": tuple(content["horizons_days"])}
        return cls(**{**content, **tuples, "settled_by": settled})


def manifest_of(
    *,
    scope: str,
    known_until: int,
    data: str,
    data_digest: str,
    tenants: tuple[str, ...],
    simulated: bool,
    seed: int,
    settings_digest: str,
    label_set: LabelSet,
    catalogue: Catalogue,
    pool: str = "",
) -> Manifest:
    """The manifest of a bundle that is trained with this code on what was known until `known_until` (UTC µs).

    It does not say when it was trained: the same data, code and seed give the same bundle, digest and all. The
    registry keeps the time.
    """
    return Manifest(
        scope=scope,
        known_until=time_text(known_until),
        data=data,
        data_digest=data_digest,
        tenants=tenants,
        simulated=simulated,
        seed=seed,
        settings_digest=settings_digest,
        feature_digest=catalogue.digest,
        signal_version=SIGNAL_VERSION,
        label_source=label_set.source,
        label_version=label_set.name,
        label_digest=label_set.digest,
        outcome_words=OutcomeKinds.of(label_set).words,
        horizons_days=_horizons(label_set),
        settled_by={
            name: entry.asked_before
            for name, entry in label_set.defined.items()
            if isinstance(entry, Question) and entry.asked_before
        },
        libraries={name: version(name) for name in _LIBRARIES},
        pool=pool,
    )


def _horizons(label_set: LabelSet) -> tuple[float, ...]:
    """Horizons that timing is shown for, as far as its curve reaches."""
    timing = label_set.dimensions.get("timing")
    days = [horizon / MICROSECONDS_PER_DAY for horizon in timing.horizons] if isinstance(timing, Timing) else []
    return tuple(day for day in days if day <= EDGES_DAYS[-1])
