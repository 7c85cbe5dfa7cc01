"""The fairness section of a model card, in Markdown."""

from lintel.fairness.group_report import Estimate, GroupFigures
from lintel.fairness.proxy_audit import LEAST_LEADS
from lintel.fairness.proxy_finding import Predicted, ProxyAudit, Verdict
from lintel.fairness.report import DimensionFairness, FairnessReport

_VERDICTS = {
    Verdict.FOUND: "**proxy found**",
    Verdict.NOT_FOUND: "no proxy found",
    Verdict.TOO_FEW: f"not judged: fewer than {LEAST_LEADS} leads on one side",
}
_HEAD = "## Fair housing"
_NOT_AUDITED = (
    "No feature names a protected attribute or reads a field that does. No groups were supplied for this tenant, so "
    "nothing was measured of what the other features give away: that is not a finding of fairness."
)


def fairness_section(report: FairnessReport | None) -> str:
    """The section; None where no groups were supplied."""
    if report is None:
        return f"{_HEAD}\n\n{_NOT_AUDITED}"
    parts = [_HEAD, _counts(report), _findings(report), _audit("The features", report.features)]
    for name, one in report.dimensions.items():
        parts += [f"### {name} by group", _audit("Its score", one.audit), _groups(one)]
    return "\n\n".join([*parts, _notes(report)])


def _counts(report: FairnessReport) -> str:
    counts = ", ".join(f"{name} {leads:,}" for name, leads in report.leads.items()) or "none"
    simulated = " Simulated." if report.simulated else ""
    return f"Leads by supplied group: {counts}; not stated {report.unknown:,}.{simulated}"


def _findings(report: FairnessReport) -> str:
    if not report.findings:
        return "Nothing was found that exceeds the limits below."
    return "\n".join(["To be looked at:", "", *(f"- {finding}" for finding in report.findings)])


def _audit(what: str, audit: ProxyAudit) -> str:
    """Verdict, AUC by group and, where a proxy was found, what carries it."""
    lines = [f"{what}: {_VERDICTS[audit.verdict]}."]
    if audit.groups:
        lines[0] += (
            f" Limit {audit.limit:.3f} (tolerance {audit.tolerance:.2f}, chance {audit.chance:.3f}), "
            f"p = {audit.p_value:.3f}."
        )
        lines += ["", "| told from the rest | leads | AUC |", "|---|---|---|"]
        lines += [f"| {one.group} | {one.leads:,} | {_predicted(one.predicted)} |" for one in audit.groups]
    if audit.features > 1 and audit.families:
        lines += ["", *_carried(audit)]
    return "\n".join(lines)


def _carried(audit: ProxyAudit) -> list[str]:
    lines = [
        f"What carries it ({audit.worst.group}):",
        "",
        "| family | features | share of gain | AUC alone |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {f'**{one.name}**' if one.carries else one.name} | {one.features} | {one.gain_share:.0%} | "
        f"{_predicted(one.alone)} |"
        for one in audit.families
    ]
    features = ", ".join(f"`{one.feature}` ({one.own_auc:.2f})" for one in audit.carriers[:5])
    steps = "; ".join(
        f"without {one.family} {_predicted(one.left) if one.left else 'nothing is left'}" for one in audit.removals
    )
    return [*lines, "", f"Features, with the AUC of each as it is: {features}. Dropped in turn: {steps}."]


def _groups(one: DimensionFairness) -> str:
    report = one.report
    few = f"Too few leads: {', '.join(report.too_few)}." if report.too_few else ""
    if not report.groups:
        return few or "No group has rows in the newest fold."
    head = (
        f"| group | leads | mean score | gap to the rest | among the best {report.selected_share:.0%} | impact ratio | "
        "observed | score less observed | slope | AUC |\n|---|---|---|---|---|---|---|---|---|---|"
    )
    return "\n".join([head, *(_row(group) for group in report.groups)]) + (f"\n\n{few}" if few else "")


def _row(one: GroupFigures) -> str:
    slope = "" if one.calibration_slope is None else f"{one.calibration_slope:.2f}"
    ranked = "" if one.auc is None else _estimate(one.auc, ".2f")
    cells = (
        one.group,
        f"{one.leads:,}",
        f"{one.mean_score:.3f}",
        _estimate(one.score_gap, "+.3f"),
        f"{one.selection_rate:.1%}",
        _estimate(one.impact_ratio, ".2f"),
        f"{one.observed:.3f}",
        _estimate(one.calibration_gap, "+.3f"),
        slope,
        ranked,
    )
    return f"| {' | '.join(cells)} |"


def _notes(report: FairnessReport) -> str:
    levels = {one.report.level for one in report.dimensions.values()} | {report.features.level}
    return (
        f"Intervals come from resampling leads and hold together for the groups of one table "
        f"({', '.join(f'{level:.0%}' for level in sorted(levels))}, Bonferroni); tables are not corrected for each "
        "other, so of many, one in twenty may exceed its limit by chance. An impact ratio under 0.8 of the highest "
        "group's rate is the four-fifths rule of thumb, neither a test nor a safe harbour. Groups that differ in their "
        "base rates cannot have equal calibration and equal selection at once (Kleinberg et al. 2016): which of the "
        "two matters is a person's decision."
    )


def _predicted(one: Predicted) -> str:
    return f"{one.auc:.3f} ({one.low:.3f} to {one.high:.3f})"


def _estimate(one: Estimate, form: str) -> str:
    return f"{one.value:{form}} ({one.low:{form}} to {one.high:{form}})"
