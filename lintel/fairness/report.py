"""The fairness report of a bundle: the audit of its features, and of each dimension's score on the newest fold."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isnan
from typing import Any

from lintel.fairness.group_report import GroupReport
from lintel.fairness.proxy_finding import ProxyAudit, Verdict

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class DimensionFairness:
    """One dimension's score on the newest fold."""

    audit: ProxyAudit
    report: GroupReport


@dataclass(frozen=True, slots=True)
class FairnessReport:
    """What was found. `leads`: group -> number of leads of which it is known."""

    data: str
    simulated: bool
    leads: Mapping[str, int]
    unknown: int  # leads without a stated group
    features: ProxyAudit
    dimensions: Mapping[str, DimensionFairness]

    @property
    def findings(self) -> tuple[str, ...]:
        """One sentence for each thing that a person should look at."""
        found = [_told("the features", self.features)] if self.features.verdict is Verdict.FOUND else []
        for name, one in self.dimensions.items():
            if one.audit.verdict is Verdict.FOUND:
                found.append(_told(f"the score of {name}", one.audit))
            found += [
                f"{name}: group {group.group!r} is among the best {one.report.selected_share:.0%} at "
                f"{group.impact_ratio.value:.2f} of the highest group's rate."
                for group in one.report.groups
                if group.adverse
            ]
            found += [
                f"{name}: the score of group {group.group!r} is off by {group.calibration_gap.value:+.1%} on average."
                for group in one.report.groups
                if group.miscalibrated
            ]
        return tuple(found)

    def to_json(self) -> Json:
        """Plain numbers; None where a figure is not defined."""
        return {
            "data": self.data,
            "simulated": self.simulated,
            "leads": dict(self.leads),
            "unknown": self.unknown,
            "findings": list(self.findings),
            "features": _audit_json(self.features),
            "dimensions": {
                name: {"proxy": _audit_json(one.audit), "groups": _plain(asdict(one.report))}
                for name, one in self.dimensions.items()
            },
        }


def _told(what: str, audit: ProxyAudit) -> str:
    worst = audit.worst
    carried = ", ".join(one.name for one in audit.families if one.carries)
    by = f" (carried by: {carried})" if carried and audit.features > 1 else ""
    return (
        f"{what} tell group {worst.group!r} from the rest: AUC {worst.predicted.auc:.3f}, at least "
        f"{worst.predicted.low:.3f}, limit {audit.limit:.3f}{by}."
    )


def _audit_json(audit: ProxyAudit) -> Json:
    return {"verdict": audit.verdict.value, **_plain(asdict(audit))}


def _plain(value: Any) -> Any:
    """Values that JSON knows."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and isnan(value) else value
