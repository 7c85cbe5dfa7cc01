"""Jobs: what runs together."""

import dagster as dg

nightly = dg.define_asset_job(
    "nightly",
    selection=dg.AssetSelection.all(),
    description="Lake, features, training, gate, registry, promotion, scores and bento of one tenant.",
)
