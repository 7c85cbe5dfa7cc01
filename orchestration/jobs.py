"""Jobs: what runs together."""

import dagster as dg

_POOLED = dg.AssetSelection.assets("pooled_bundle")

nightly = dg.define_asset_job(
    "nightly",
    selection=dg.AssetSelection.all() - _POOLED,
    description="Lake, features, training, gate, registry, promotion, scores and bento of one tenant.",
)

pooling = dg.define_asset_job(
    "pooling",
    selection=_POOLED,
    description="The pool of all tenants with the same labels that allow it, from their newest examples.",
)
