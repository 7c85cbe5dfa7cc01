"""`lintel fairness`: whether features and scores give away a protected group, and how groups fare."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group, RenderableType

from cli.options import DEFAULT_TENANT, Json, TenantId
from cli.output import emit, note, table
from lintel.errors import NotFoundError
from lintel.fairness.audit import bundle_fairness
from lintel.fairness.group_report import PRIORITY_SHARE, Estimate, GroupFigures
from lintel.fairness.groups import read_groups
from lintel.fairness.proxy_finding import Predicted, ProxyAudit
from lintel.fairness.report import FairnessReport
from lintel.home import Home
from lintel.registry.champion import champion_bundle
from lintel.scoring.examples import Examples
from lintel.settings import settings

GroupFile = Annotated[
    Path, typer.Option("--groups", help="CSV with the columns lead_id and group; it is read and not kept.")
]
Share = Annotated[float, typer.Option("--share", min=0.01, max=0.99, help="Best share of scores a team has time for.")]

_GROUP_COLUMNS = ("dimension", "group", "leads", "score", "gap", "among best", "impact ratio", "observed", "off by")


def fairness(
    groups: GroupFile, tenant: TenantId = DEFAULT_TENANT, share: Share = PRIORITY_SHARE, as_json: Json = False
) -> None:
    """Audit the champion's features and scores for proxies of a protected group, and compare groups."""
    with Home(settings()) as home:
        home.events.tenant(tenant)
        stated = read_groups(groups)
        champion = champion_bundle(home.traffic, home.settings.bundles_path, tenant)
        file, seed = home.work(tenant, "examples.parquet"), home.settings.seed
    if not file.exists():
        raise NotFoundError(f"There are no examples of {tenant!r}.", mend=f"Run `lintel nightly --tenant {tenant}`.")
    report = bundle_fairness(champion.bundle, Examples.load(file), stated, seed=seed, selected_share=share, log=note)
    value = {"tenant": tenant, "model_version": champion.version, **report.to_json()}
    emit(value, as_json=as_json, table=Group(*_shown(tenant, report)))


def _shown(tenant: str, report: FairnessReport) -> Iterator[RenderableType]:
    simulated = " (simulated)" if report.simulated else ""
    audits = [
        ("features", report.features),
        *((f"score of {name}", one.audit) for name, one in report.dimensions.items()),
    ]
    rows = [row for name, audit in audits for row in _audit_rows(name, audit)]
    title = f"{tenant}{simulated}: can the group of a lead be told?"
    yield table(title, ("from", "group", "leads", "AUC", "limit", "verdict"), rows)
    carried = [
        (one.name, one.features, f"{one.gain_share:.0%}", _predicted(one.alone), "carries it" if one.carries else "")
        for one in report.features.families
    ]
    if carried:
        yield table("What the features tell it by", ("family", "features", "of gain", "AUC alone", ""), carried)
    compared = [_group_row(name, group) for name, one in report.dimensions.items() for group in one.report.groups]
    if compared:
        yield table("Newest fold, by group", _GROUP_COLUMNS, compared)
    yield "\n".join(report.findings) or "Nothing was found that exceeds its limit."


def _audit_rows(name: str, audit: ProxyAudit) -> list[tuple[str, ...]]:
    verdict = audit.verdict.value.replace("_", " ")
    if not audit.groups:
        return [(name, "", "", "", "", verdict)]
    return [
        (name, one.group, f"{one.leads:,}", _predicted(one.predicted), f"{audit.limit:.3f}", verdict)
        for one in audit.groups
    ]


def _group_row(name: str, one: GroupFigures) -> tuple[str, ...]:
    return (
        name,
        one.group,
        f"{one.leads:,}",
        f"{one.mean_score:.3f}",
        _estimate(one.score_gap, "+.3f"),
        f"{one.selection_rate:.1%}",
        _estimate(one.impact_ratio, ".2f"),
        f"{one.observed:.3f}",
        _estimate(one.calibration_gap, "+.3f"),
    )


def _predicted(one: Predicted) -> str:
    return f"{one.auc:.3f} ({one.low:.3f}-{one.high:.3f})"


def _estimate(one: Estimate, form: str) -> str:
    return f"{one.value:{form}} ({one.low:{form}} to {one.high:{form}})"
