"""Fair housing, each night: what the new bundle gives away of protected groups, where a tenant supplied any."""

import dagster as dg

from assets.tenants import TENANTS
from assets.training import BUNDLE, EXAMPLES, score_bundle
from lintel.errors import InputError
from lintel.fairness.audit import bundle_fairness
from lintel.fairness.groups import FILE, read_groups
from lintel.fairness.section import fairness_section
from lintel.home import Home
from lintel.scoring.bundle import Bundle
from lintel.scoring.examples import Examples

WARN = dg.AssetCheckSeverity.WARN


@dg.asset_check(asset=score_bundle, blocking=False, partitions_def=TENANTS)
def score_bundle_gives_no_group_away(
    context: dg.AssetCheckExecutionContext, home: dg.ResourceParam[Home]
) -> dg.AssetCheckResult:
    """Neither features nor scores tell a protected group, and groups are scored alike: a warning, for people to weigh.

    It does not block: groups may truly differ in what they want, and the model of yesterday is no fairer.
    """
    file = home.work(context.partition_key, FILE)
    if not file.exists():
        return dg.AssetCheckResult(passed=True, metadata={"groups": "no groups supplied: nothing was measured"})
    try:
        stated = read_groups(file)
    except InputError as error:  # the tenant's own file must not stop the night
        return dg.AssetCheckResult(passed=False, severity=WARN, metadata={"groups": str(error)})
    bundle = Bundle.load(home.work(context.partition_key, BUNDLE))
    examples = Examples.load(home.work(context.partition_key, EXAMPLES))
    report = bundle_fairness(bundle, examples, stated, seed=home.settings.seed, log=context.log.info)
    return dg.AssetCheckResult(
        passed=not report.findings,
        severity=WARN,
        metadata={
            "groups": len(report.leads),
            "findings": dg.MetadataValue.json(list(report.findings)),
            "report": dg.MetadataValue.md(fairness_section(report)),
        },
    )
