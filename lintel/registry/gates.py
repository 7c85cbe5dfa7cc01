"""Gates of a candidate: each a figure beside its bound, in one sentence. A hard one that fails ends the matter; where a
soft one fails a person decides. Pure: figures come in, results go out.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from lintel.fairness.report import FairnessReport
from lintel.registry.promotion import Verdict

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class GateBounds:
    """What a candidate has to keep.

    `ece_allowance`: expected calibration error above the band of a calibrated forecaster that does no harm yet.
    `slope`: least and greatest calibration slope, which its interval must reach. `coverage_allowance`: share by which
    a band may hold less than the binomial band of its level. `least_leads`: of a newest fold on which calibration and
    coverage are judged at all.
    `latency_ratio`: of CPU time to the champion's, beyond `latency_floor_ms` a lead, which is noise. `megabytes`: of
    the bundle on disk.
    """

    ece_allowance: float = 0.01
    slope: tuple[float, float] = (0.8, 1.25)
    coverage_allowance: float = 0.02
    least_leads: int = 200
    latency_ratio: float = 1.5
    latency_floor_ms: float = 0.5
    megabytes: float = 256.0


DEFAULT_BOUNDS = GateBounds()


@dataclass(frozen=True, slots=True)
class GateResult:
    """What one gate says. `passed` is None where nothing could be judged; the sentence says why."""

    name: str
    hard: bool
    passed: bool | None
    figure: float | None
    bound: float | None
    sentence: str

    @property
    def verdict(self) -> str:
        return {True: "passed", False: "failed", None: "not judged"}[self.passed]

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("name", "hard", "passed", "figure", "bound", "sentence")}

    @classmethod
    def from_json(cls, data: Json) -> Self:
        return cls(**data)


@dataclass(frozen=True, slots=True)
class Latency:
    """CPU time of scoring the golden leads, in ms a lead; of the champion None where there is none to compare with."""

    candidate_ms: float
    champion_ms: float | None


@dataclass(frozen=True, slots=True)
class Examined:
    """All that the gates of one candidate rest on. `fairness` is None where no groups were supplied; `golden` is the
    fault of the golden request, empty if it is answered as when the bundle was trained."""

    metrics: Json
    model_card: str
    against_baselines: Verdict
    against_champion: Verdict
    fairness: FairnessReport | None
    latency: Latency | None
    megabytes: float
    golden: str = ""


def judge_gates(found: Examined, bounds: GateBounds = DEFAULT_BOUNDS) -> tuple[GateResult, ...]:
    """All gates, the hard ones first."""
    return (
        _verdict("beats_baselines", found.against_baselines),
        _verdict("beats_champion", found.against_champion),
        _golden(found.golden),
        _card(found.model_card, found.metrics),
        _calibration(found.metrics, bounds),
        _coverage(found.metrics, bounds),
        _fairness(found.fairness),
        _latency(found.latency, bounds),
        _size(found.megabytes, bounds),
    )


def _verdict(name: str, verdict: Verdict) -> GateResult:
    return GateResult(name, True, verdict.passed, None, None, "; ".join(verdict.reasons))


def _golden(fault: str) -> GateResult:
    told = fault or "The golden request is answered as when the bundle was trained."
    return GateResult("golden_request", True, not fault, None, None, told)


def _card(card: str, metrics: Json) -> GateResult:
    """Every section is there, and something stands in each."""
    wanted = ["What is predicted", "Folds", *metrics.get("dimensions", {}), "Fair housing", "Limits"]
    filled = {title for title, body in _sections(card) if body.strip()}
    lacking = [title for title in wanted if title not in filled]
    told = f"The model card lacks: {', '.join(lacking)}." if lacking else f"The model card has all {len(wanted)} parts."
    return GateResult("model_card", True, not lacking, float(len(wanted) - len(lacking)), float(len(wanted)), told)


def _sections(card: str) -> Iterator[tuple[str, str]]:
    """Titles of the second level and what stands under each."""
    parts = re.split(r"^## +(.+)$", card, flags=re.MULTILINE)
    return zip(parts[1::2], parts[2::2], strict=True)


def _calibration(metrics: Json, bounds: GateBounds) -> GateResult:
    """The dimension furthest above its bound is the figure."""
    judged = {name: one for name, one in _judged(metrics, bounds) if one.get("ece_band", [None])[-1] is not None}
    faults, worst = [], (0.0, 0.0)
    for name, one in judged.items():
        bound = one["ece_band"][1] + bounds.ece_allowance
        worst = max(worst, (one["ece"], bound), key=lambda pair: pair[0] - pair[1] if pair[1] else -1.0)
        if one["ece"] > bound:
            faults.append(f"{name}: calibration error {one['ece']:.3f}, at most {bound:.3f} by chance and allowance")
        faults += _slope_fault(name, one, bounds)
    return _soft("calibration", judged, faults, worst, f"fewer than {bounds.least_leads} leads in every newest fold")


def _slope_fault(name: str, one: Json, bounds: GateBounds) -> list[str]:
    """Said where the whole interval of the slope lies outside; bundles from before there was one have the slope."""
    slope, (least, most) = one.get("calibration_slope"), bounds.slope
    if slope is None:
        return []
    low, high = one.get("intervals", {}).get("calibration_slope") or (slope, slope)
    if high >= least and low <= most:
        return []
    told = f"{slope:.2f}" if low == high else f"{slope:.2f} ({low:.2f} to {high:.2f})"
    return [f"{name}: calibration slope {told}, outside {least:g} to {most:g}"]


def _coverage(metrics: Json, bounds: GateBounds) -> GateResult:
    """Intervals that are too narrow promise what they do not keep; too wide ones are only modest."""
    judged, faults, worst = [], [], (0.0, 0.0)
    for name, one in _judged(metrics, bounds):
        coverage = one.get("coverage", {})
        interval = coverage.get("interval")
        if interval:
            judged.append(name)
            pair = interval["residual_variance"], interval["variance_band"][1]
            worst = max(worst, pair, key=lambda pair: pair[0] - pair[1] if pair[1] else -9.0)
            if pair[0] > pair[1]:
                faults.append(f"{name}: residuals of the interval vary by {pair[0]:.2f}, by chance up to {pair[1]:.2f}")
        for part in ("days", "amount"):
            band = coverage.get(part)
            if band and band["share"] < band["low"] - bounds.coverage_allowance:
                faults.append(f"{name}: the {band['level']:.0%} band of the {part} held {band['share']:.1%}")
    return _soft("coverage", judged, faults, worst, "no newest fold has cells of 200 leads")


def _judged(metrics: Json, bounds: GateBounds) -> Iterator[tuple[str, Json]]:
    """Dimensions that were evaluated on enough leads."""
    for name, one in metrics.get("dimensions", {}).items():
        if one.get("ece") is not None and one.get("leads", 0) >= bounds.least_leads:
            yield name, one


def _soft(
    name: str, judged: Sequence[str] | Json, faults: Sequence[str], worst: tuple[float, float], few: str
) -> GateResult:
    if not judged and not faults:
        return GateResult(name, False, None, None, None, f"Not judged: {few}.")
    figure, bound = worst
    told = f"{'; '.join(faults)}." if faults else f"Within bounds in {', '.join(judged)}."
    return GateResult(name, False, not faults, figure, bound, told)


def _fairness(report: FairnessReport | None) -> GateResult:
    if report is None:
        told = "Not judged: no groups were supplied, which is not a finding of fairness."
        return GateResult("fairness", False, None, None, None, told)
    findings = report.findings
    told = " ".join(findings) or f"Nothing exceeds its limit in {len(report.leads)} groups."
    return GateResult("fairness", False, not findings, float(len(findings)), 0.0, told)


def _latency(found: Latency | None, bounds: GateBounds) -> GateResult:
    if found is None:
        return GateResult("latency", False, None, None, None, "Not judged: the bundle has no golden request.")
    if found.champion_ms is None:
        told = f"{found.candidate_ms:.2f} ms of CPU a lead; there is no champion to compare with."
        return GateResult("latency", False, None, found.candidate_ms, None, told)
    ratio = found.candidate_ms / max(found.champion_ms, 1e-9)
    slower = found.candidate_ms - found.champion_ms > bounds.latency_floor_ms
    told = (
        f"{found.candidate_ms:.2f} ms of CPU a lead, the champion {found.champion_ms:.2f} ms in the same process: "
        f"{ratio:.2f} times, at most {bounds.latency_ratio:g}."
    )
    return GateResult(
        "latency", False, not (slower and ratio > bounds.latency_ratio), ratio, bounds.latency_ratio, told
    )


def _size(megabytes: float, bounds: GateBounds) -> GateResult:
    told = f"{megabytes:.1f} MB on disk, at most {bounds.megabytes:g}."
    return GateResult("size", False, megabytes <= bounds.megabytes, megabytes, bounds.megabytes, told)
