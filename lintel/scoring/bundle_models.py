"""The dimensions of a bundle as files: each member in its library's own format, everything else as JSON."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lintel.errors import IncompatibleError
from lintel.features.catalogue import catalogue
from lintel.scoring.amount import AmountModel
from lintel.scoring.amount_facts import AmountFacts
from lintel.scoring.calibrated_stack import CalibratedStack
from lintel.scoring.causes import CauseShares
from lintel.scoring.conformal import ConformalBand
from lintel.scoring.dimension import Dimension, Gap, MissingDimension
from lintel.scoring.ensemble import Ensemble
from lintel.scoring.evidence import Rung
from lintel.scoring.hazard import TREES, Hazard
from lintel.scoring.light import LightModels
from lintel.scoring.member import Member
from lintel.scoring.network import NetworkHazard, NetworkMember
from lintel.scoring.network_encoder import Encoder
from lintel.scoring.partial_pooling import TenantSpread
from lintel.scoring.scorer import Scorer
from lintel.scoring.stacking import MemberEvidence
from lintel.scoring.venn_abers import VennAbers

_SUFFIXES = {"xgboost": "ubj", "lightgbm": "txt", "network": "npz"}
_TIMING = (Hazard, NetworkHazard)


def save_models(scorer: Scorer, folder: Path) -> None:
    """Write every member of every dimension, and what they share, into the folder `models/`."""
    for position, encoder in enumerate(scorer.encoders):
        encoder.save(folder / _encoder_file(position))
    for dimension in scorer.ready.values():
        _save(dimension, folder)


def save_light(light: LightModels, folder: Path) -> None:
    """Write the light models into the folder `models/light/`."""
    for dimension in light.values():
        if isinstance(dimension, Dimension):
            _save(dimension, folder)


def _save(dimension: Dimension, folder: Path) -> None:
    for member in dimension.ensemble.members:
        member.save(folder / _file(dimension.name, member.kind))
    if dimension.causes is not None:
        dimension.causes.save(folder / _file(dimension.name, "causes"))
    if dimension.amount is not None:
        dimension.amount.save(folder / _file(dimension.name, "amount"))


def dimension_json(dimension: Dimension | MissingDimension, encoders: Sequence[Encoder] = ()) -> dict[str, Any]:
    """All of a dimension that is not in its model files; `encoders` are the scorer's."""
    if isinstance(dimension, MissingDimension):
        return {"gap": dimension.gap.value, "explanation": dimension.explanation}
    return {
        "definition": dimension.definition,
        "horizon_days": dimension.horizon_days,
        "members": list(dimension.ensemble.kinds),
        "has_curve": all(isinstance(member, _TIMING) for member in dimension.ensemble.members),
        "has_causes": dimension.causes is not None,
        "days_band": None if dimension.days_band is None else dimension.days_band.to_json(),
        "has_amount": dimension.amount is not None,
        "facts": None if dimension.facts is None else dimension.facts.to_json(),
        "calibrated": dimension.calibrated.to_json(),
        "venn_abers": dimension.venn_abers.to_json(),
        "evidence": [one.to_json() for one in dimension.evidence],
        "base_rate": dimension.base_rate,
        "calibration_n": dimension.calibration_n,
        "encoder": next((at for at, one in enumerate(encoders) if one is dimension.ensemble.encoder), None),
        "evidence_rung": dimension.evidence_rung.value,
        "outcomes_per_class": dimension.outcomes_per_class,
        "judged_from": dimension.judged_from,
        "spread": None if dimension.spread is None else dimension.spread.to_json(),
    }


def read_dimensions(folder: Path, content: Mapping[str, Any]) -> dict[str, Dimension | MissingDimension]:
    """Read what `save_models` and `dimension_json` wrote.

    Raises IncompatibleError for a model file that cannot be read, or a kind of member that this code does not know.
    """
    numbers = {one["encoder"] for one in content.values() if one.get("encoder") is not None}
    encoders = {number: Encoder.load(folder / _encoder_file(number)) for number in sorted(numbers)}
    return {name: _dimension(folder, name, one, encoders) for name, one in content.items()}


def _dimension(
    folder: Path, name: str, content: Mapping[str, Any], encoders: Mapping[int, Encoder]
) -> Dimension | MissingDimension:
    if "gap" in content:
        return MissingDimension(name, Gap(content["gap"]), content["explanation"])
    horizon = float(content["horizon_days"]) if content["has_curve"] else None
    members = tuple(_read(folder, name, kind, horizon) for kind in content["members"])
    return Dimension(
        name=name,
        definition=content["definition"],
        horizon_days=float(content["horizon_days"]),
        ensemble=Ensemble(members, catalogue().names, encoders.get(content["encoder"])),
        calibrated=CalibratedStack.from_json(content["calibrated"]),
        venn_abers=VennAbers.from_json(content["venn_abers"]),
        base_rate=content["base_rate"],
        calibration_n=content["calibration_n"],
        evidence=tuple(MemberEvidence.from_json(one) for one in content["evidence"]),
        causes=CauseShares.load(folder / _file(name, "causes")) if content["has_causes"] else None,
        days_band=None if content["days_band"] is None else ConformalBand.from_json(content["days_band"]),
        amount=AmountModel.load(folder / _file(name, "amount")) if content["has_amount"] else None,
        facts=None if content["facts"] is None else AmountFacts.from_json(content["facts"]),
        evidence_rung=Rung(content["evidence_rung"]),
        outcomes_per_class=content["outcomes_per_class"],
        judged_from=content["judged_from"],
        spread=None if content["spread"] is None else TenantSpread.from_json(content["spread"]),
    )


def _read(folder: Path, name: str, kind: str, horizon_days: float | None) -> Member:
    """`horizon_days` is that of a member with a curve."""
    if kind not in _SUFFIXES:
        raise IncompatibleError(f"{name} has a member of kind {kind!r}.", mend="Run the code that trained the bundle.")
    path = folder / _file(name, kind)
    if kind == NetworkMember.kind:
        return NetworkMember.load(path) if horizon_days is None else NetworkHazard.load(path, horizon_days=horizon_days)
    return TREES[kind].load(path) if horizon_days is None else Hazard.load(path, horizon_days=horizon_days, kind=kind)


def _encoder_file(position: int) -> str:
    """Of one of the encoders of a scorer: borrowed dimensions and the tenant's own read different ones."""
    return f"encoder.{position}.npz"


def _file(dimension: str, kind: str) -> str:
    return f"{dimension}.{kind}.{_SUFFIXES.get(kind, 'ubj')}"
