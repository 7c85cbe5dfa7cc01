"""Great Expectations results as Dagster check results."""

import dagster as dg

from expectations.suite import SuiteResult


def check_result(result: SuiteResult) -> dg.AssetCheckResult:
    """A failed suite stops everything downstream in the same run."""
    return dg.AssetCheckResult(
        passed=result.success,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={"evaluated": result.evaluated, "summary": dg.MetadataValue.md(result.markdown())},
    )
