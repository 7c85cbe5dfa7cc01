"""The nightly assets write findings, which the page then shows."""

import dagster as dg

from assets.consistency import consistency
from assets.monitoring_report import FILE, monitoring_report
from assets.performance import performance
from lintel.home import Home
from tests.monitoring.performance.conftest import TENANT


def test_findings_are_written_and_shown(home: Home) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("tenants", [TENANT])
        result = dg.materialize(
            [performance, consistency, monitoring_report],
            instance=instance,
            partition_key=TENANT,
            resources={"home": home},
        )
        metadata = {one.asset_key.to_user_string(): one.metadata for one in _materialized(result)}
    assert result.success
    judged, compared = (home.monitoring.newest(TENANT, area) for area in ("performance", "consistency"))
    assert judged is not None
    assert compared is not None
    assert (judged["status"], judged["champion"], judged["cohort_days"]) == ("judged", 1, 7)
    assert judged["validation"]["intent"]["auc"] > 0.5
    assert (compared["status"], compared["answers"]) == ("nothing_to_compare", 0)
    page = home.work(TENANT, FILE).read_text()
    assert judged["explanation"] in page
    assert metadata["performance"]["explanation"].value == judged["explanation"]
    assert "plot/intent" in metadata["performance"]
    assert metadata["monitoring_report"]["alarms"].value in ("none", "performance")


def _materialized(result: dg.ExecuteInProcessResult) -> list[dg.AssetMaterialization]:
    return [event.step_materialization_data.materialization for event in result.get_asset_materialization_events()]
