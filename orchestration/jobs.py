"""Jobs: what runs together."""

import dagster as dg

_POOLED = dg.AssetSelection.assets("pooled_bundle")
_PREDICTIONS = dg.AssetSelection.assets("predictions")

nightly = dg.define_asset_job(
    "nightly",
    selection=dg.AssetSelection.all() - _POOLED - _PREDICTIONS,
    description="Lake, features, training, gate, registry, promotion, scores and bento of one tenant.",
)

pooling = dg.define_asset_job(
    "pooling",
    selection=_POOLED,
    description="The pool of all tenants with the same labels that allow it, from their newest examples.",
)

prediction_log = dg.define_asset_job(
    "prediction_log",
    selection=_PREDICTIONS,
    description="What all workers answered, from their segments into the lake.",
)

take_over = dg.define_asset_job(
    "take_over",
    selection=dg.AssetSelection.assets("champion", "lead_scores", "lead_scoring_bento"),
    description="An approved version of one tenant in front of callers, with new scores and a new bento.",
)
