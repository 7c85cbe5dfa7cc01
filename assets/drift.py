"""Drift of what the champion reads, says and was told."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np

from assets.drift_report import SHOWN_FEATURES, sample, write_report
from assets.pictures import picture
from assets.recalibration import recalibrated_bundle
from assets.registry import champion
from assets.tenants import TENANTS
from assets.training import EXAMPLES, training_examples
from assets.waiting import without_champion
from assets.whole_file import whole_file
from lintel.events.moments import from_microseconds
from lintel.home import Home
from lintel.monitoring.answered import MODEL, Answered, cohort_begin
from lintel.monitoring.drift.current import Window
from lintel.monitoring.drift.finding import NO_REFERENCE, drift_finding, unjudged
from lintel.monitoring.drift.plot import drift_plot
from lintel.monitoring.drift.properties import COLUMNS, lead_properties
from lintel.monitoring.drift.reference import Reference
from lintel.monitoring.drift.served import WEEK, served_drift, served_sentences
from lintel.monitoring.track_record import served_answers
from lintel.registry.champion import Champion, champion_bundle, champion_entry
from lintel.scoring.examples import Examples

AREA = "drift"
REPORT = "drift.html"
Metadata = dict[str, Any]


@dg.asset(
    deps=[training_examples, champion, recalibrated_bundle],
    group_name="monitoring",
    partitions_def=TENANTS,
    kinds={"numpy", "evidently"},
    code_version="1",
)
def drift(context: dg.AssetExecutionContext, home: dg.ResourceParam[Home]) -> dg.MaterializeResult:
    """Whether the newest decision points, forecasts and outcomes are still like those the champion was judged on: our
    decision over all rows at a stated false-alarm rate, and Evidently's report on a sample. Nothing while a tenant's
    first version waits for approval."""
    tenant = context.partition_key
    if champion_entry(home.traffic, tenant) is None:
        return without_champion()
    serving = champion_bundle(home.traffic, home.settings.bundles_path, tenant)
    reference = serving.bundle.reference
    if reference is None:
        finding, shown = unjudged("no_reference", NO_REFERENCE), {}
    else:
        finding, shown = _compared(home, tenant, serving, reference)
    home.monitoring.write(tenant, AREA, datetime.now(UTC), finding | {"model_version": serving.version})
    return dg.MaterializeResult(
        metadata={
            "alarm": finding["alarm"],
            "status": finding["status"],
            "explanation": finding["explanation"],
            "model_version": serving.version,
            **shown,
        }
    )


@dg.asset_check(asset=drift, blocking=False, partitions_def=TENANTS)
def drift_is_small(context: dg.AssetCheckExecutionContext, home: dg.ResourceParam[Home]) -> dg.AssetCheckResult:
    """Nothing that matters has moved: a warning, for a drifted model still answers better than none."""
    finding = home.monitoring.newest(context.partition_key, AREA) or unjudged("never_judged", "Drift was never judged.")
    metadata = {name: finding[name] for name in ("status", "explanation")}
    return dg.AssetCheckResult(passed=not finding["alarm"], severity=dg.AssetCheckSeverity.WARN, metadata=metadata)


def _compared(home: Home, tenant: str, serving: Champion, reference: Reference) -> tuple[Metadata, Metadata]:
    """The finding, and what the UI shows of it."""
    path, settings = home.work(tenant, EXAMPLES), home.settings
    window = Window.last(settings.drift_window_days, reference.asked_until)  # the log ends then or later
    examples = Examples.load(path, asked_from=min(reference.asked_from, window.begin))
    properties = lead_properties(examples.lead_ids, home.lake.read(tenant, columns=COLUMNS))
    finding = drift_finding(
        serving.bundle,
        reference,
        examples,
        path,
        properties,
        window_days=settings.drift_window_days,
        seed=settings.seed,
    )
    if finding["status"] != "judged":
        return finding, {}
    file = home.work(tenant, REPORT)
    told = _evidently(reference, examples, file, settings.drift_window_days, settings.seed)
    run_id = home.registry.attach(tenant, serving.version, file, folder=AREA)
    begin = Window.last(settings.drift_window_days, examples.data.log_end).begin
    served = served_drift(reference.predictions, _served(home, tenant, serving, begin))
    finding |= {"served": served, "explanation": " ".join([finding["explanation"], *served_sentences(served)])}
    shown = {
        "dagster/row_count": finding["rows"],
        "leads": finding["leads"],
        "moved_of_what_is_used": finding["moved_of_what_is_used"],
        "plot/drift": picture(drift_plot(finding)),
        "features_moved": dg.MetadataValue.md(_table(finding)),
        "served": dg.MetadataValue.json(served),
        "evidently": dg.MetadataValue.path(file),
        "evidently_says": told,
        "mlflow_run_id": run_id,
    }
    return finding | {"evidently": told}, shown


def _served(home: Home, tenant: str, serving: Champion, begin: int) -> Answered:
    """What the service told of leads since the window began, or its week: by the champion itself, not a lesser rung."""
    first = cohort_begin(from_microseconds(begin), WEEK)
    answers = served_answers(home, tenant, begin=first, days=WEEK, now=datetime.now(UTC))
    return answers.take((answers.digest == serving.bundle.digest) & (answers.rung == MODEL))


def _evidently(reference: Reference, examples: Examples, file: Path, window_days: float, seed: int) -> str:
    """Write Evidently's report of the features that the model uses most; what was sampled and what it says."""
    window, as_of = Window.last(window_days, examples.data.log_end), examples.points.queries.as_of
    before = (as_of >= reference.asked_from) & (as_of <= min(reference.asked_until, window.begin))
    if not before.any():
        return "no report: the reference's own rows are no longer among the examples"
    strongest = np.argsort(-reference.overall_importance, kind="stable")[:SHOWN_FEATURES]
    names = [reference.features.bins.names[one] for one in strongest]
    samples = [sample(examples, rows, names, seed=seed) for rows in (before, window.holds(as_of))]
    with whole_file(file) as partial:
        counts = write_report(*samples, partial)
    return (
        f"{counts['drifted']} of {counts['compared']} most used features have drifted, by its own rule, on a sample of "
        f"{len(samples[0])} leads of the reference and {len(samples[1])} of the last {window_days:g} days (seed {seed})"
    )


def _table(finding: Metadata) -> str:
    """The features that have moved, as Markdown."""
    lines = ["| feature | part in the model | distance | higher than before | explained by |", "|---|---|---|---|---|"]
    for name in finding["features"]["moved"]:
        one = finding["features"]["columns"][name]
        segment = one.get("explained_by")
        by = f"{segment['by']} {segment['value']} ({segment['share']:.0%} of rows)" if segment else ""
        lines.append(f"| `{name}` | {one['importance']:.1%} | {one['distance']:.2f} | {one['higher']:.0%} | {by} |")
    return "\n".join(lines) if len(lines) > 2 else "none"
