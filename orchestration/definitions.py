"""The table of contents of Lintel's Dagster code location."""

import dagster as dg

from assets import (
    consistency,
    drift,
    emotion,
    fairness,
    features,
    ingest,
    monitoring_report,
    performance,
    pooling,
    predictions,
    recalibration,
    registry,
    scoring,
    training,
    voice,
)
from orchestration import jobs
from orchestration.alert_sensor import alert_rules
from orchestration.governance_sensors import approved_versions, champion_alias
from orchestration.recordings_sensor import SCHEDULES as RECORDINGS_SCHEDULES
from orchestration.recordings_sensor import recordings_folder
from orchestration.resources import home
from orchestration.rollout_sensor import rollout_steps
from orchestration.schedules import nightly_by_tenant, pooling_by_labels, prediction_log_by_hour
from orchestration.training_sensors import SENSORS as TRAINING_SENSORS

_MODULES = [
    ingest,
    features,
    training,
    pooling,
    fairness,
    registry,
    recalibration,
    scoring,
    predictions,
    drift,
    performance,
    consistency,
    monitoring_report,
    voice,
    emotion,
]

defs = dg.Definitions(
    assets=dg.load_assets_from_modules(_MODULES),
    asset_checks=dg.load_asset_checks_from_modules(_MODULES),
    jobs=jobs.ALL,
    schedules=[nightly_by_tenant, pooling_by_labels, prediction_log_by_hour, *RECORDINGS_SCHEDULES],
    sensors=[alert_rules, approved_versions, champion_alias, rollout_steps, recordings_folder, *TRAINING_SENSORS],
    resources={"home": home},
    executor=dg.in_process_executor,  # a process for each step would import for longer than most steps work
)
