"""What the services answered, as the lake keeps it."""

from datetime import UTC, datetime

import dagster as dg

from lintel.home import Home


@dg.asset(group_name="monitoring", kinds={"parquet"}, code_version="1")
def predictions(home: dg.ResourceParam[Home]) -> dg.MaterializeResult:
    """Every answer of every worker, compacted from their segments, and a count of those that were lost."""
    report = home.predictions.compact(now=datetime.now(UTC), keep_days=home.settings.prediction_log_days)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": report.rows,
            "shadow": report.shadow,
            "segments": report.segments,
            "lost": report.lost,
            "lost_without_count": sum(loss.count is None for loss in report.losses),
            "losses": dict(report.lost_by_reason),
            "damaged_bytes": report.damaged_bytes,
            "unreadable": report.unreadable,
            "expired": report.expired,
            "by_rung": dict(report.rungs),
            "oldest": report.oldest.isoformat() if report.oldest else None,
            "newest": report.newest.isoformat() if report.newest else None,
        }
    )
