"""Jobs: what runs together."""

import dagster as dg

from assets.tenants import TENANTS

nightly = dg.define_asset_job(
    "nightly",
    selection=dg.AssetSelection.all(),
    partitions_def=TENANTS,
    description="Lake, features, training, gate, registry, promotion, scores and bento of one tenant.",
)
