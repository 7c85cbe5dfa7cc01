"""Data gates: a suite's outcome as a Dagster check result, a finding of monitoring, and a page of the Data Docs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import dagster as dg

from expectations.data_docs import DataDocs
from expectations.suite import SuiteResult
from expectations.verdict import Verdict, verdict
from lintel.home import Home

AREA = "data"
Figures = Mapping[str, int | float | str]


def gate(
    home: Home, tenant: str, result: SuiteResult, now: datetime, figures: Figures | None = None
) -> dg.AssetCheckResult:
    """Judge a suite's outcome, keep it, and say it to Dagster."""
    return gated(home, tenant, verdict(result, home.settings.gate_set_aside_share), now, figures)


def gated(
    home: Home, tenant: str, found: Verdict, now: datetime, figures: Figures | None = None
) -> dg.AssetCheckResult:
    """The check result of a verdict: an error stops everything downstream in the same run, a warning does not."""
    page = data_docs(home).add(tenant, found.result, now)
    finding = {"page": str(page), **_finding(found), **(figures or {})}
    home.monitoring.write(tenant, AREA, now, finding)
    home.monitoring.forget(tenant, AREA, kept=home.settings.gate_results_kept, by="suite")
    severity = dg.AssetCheckSeverity.ERROR if found.blocked else dg.AssetCheckSeverity.WARN
    passed = not (found.blocked or found.warns or found.set_aside.any())
    return dg.AssetCheckResult(
        passed=passed,
        severity=severity,
        metadata={
            "evaluated": found.result.evaluated,
            "rows": found.result.rows,
            "set_aside": int(found.set_aside.sum()),
            "summary": dg.MetadataValue.md(found.result.markdown()),
            "rules": _rules(found.result),
            "data_docs": dg.MetadataValue.url(page.as_uri()),
            **(figures or {}),
        },
    )


def data_docs(home: Home) -> DataDocs:
    """The site of all suites and tenants."""
    return DataDocs(home.settings.data_docs_path, home.settings.gate_results_kept)


def _finding(found: Verdict) -> dict[str, Any]:
    return {
        "alarm": found.blocked or found.warns or bool(found.set_aside.any()),
        "explanation": found.explanation,
        "suite": found.result.suite,
        "rows": found.result.rows,
        "evaluated": found.result.evaluated,
        "blocked": found.blocked,
        "set_aside": int(found.set_aside.sum()),
        "broken": [
            {
                "rule": one.rule.name,
                "column": one.column,
                "consequence": one.rule.consequence.value,
                "unexpected": one.unexpected,
                "rows": one.rows,
                "observed": one.observed,
                "meaning": one.rule.meaning,
            }
            for one in found.result.failures
        ],
    }


def _rules(result: SuiteResult) -> dg.MetadataValue:
    """Every rule that any row broke, within its tolerance or not; the names of the others would bury them."""
    shown = [one for one in result.results if one.unexpected or not one.success]
    records = [
        dg.TableRecord(
            {
                "rule": one.rule.name,
                "holds": one.success,
                "consequence": str(one.rule.consequence),
                "rows": one.rows,
                "unexpected": one.unexpected,
                "observed": one.observed,
                "meaning": one.rule.meaning,
            }
        )
        for one in shown
    ]
    return dg.MetadataValue.table(records, schema=_SCHEMA)


_SCHEMA = dg.TableSchema(
    columns=[
        dg.TableColumn("rule", "string"),
        dg.TableColumn("holds", "bool"),
        dg.TableColumn("consequence", "string"),
        dg.TableColumn("rows", "int"),
        dg.TableColumn("unexpected", "int"),
        dg.TableColumn("observed", "string"),
        dg.TableColumn("meaning", "string"),
    ]
)
