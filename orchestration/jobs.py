"""Jobs: what runs together."""

import dagster as dg

_POOLED = dg.AssetSelection.assets("pooled_bundle")
_PREDICTIONS = dg.AssetSelection.assets("predictions")
_VOICE = dg.AssetSelection.groups("voice")
_QUALITY = dg.AssetSelection.assets("transcription_quality")
_EMOTION = dg.AssetSelection.assets("emotion_model")

nightly = dg.define_asset_job(
    "nightly",
    selection=dg.AssetSelection.all() - _POOLED - _PREDICTIONS - _VOICE,
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

recorded_calls = dg.define_asset_job(
    "recorded_calls",
    selection=_VOICE - _QUALITY - _EMOTION,
    description="One recording: checked, written down, and what it came to in the lead's log.",
)

transcription_quality = dg.define_asset_job(
    "transcription_quality_job",
    selection=_QUALITY,
    description="Word error rate of the transcription in use.",
)

emotion_model = dg.define_asset_job(
    "emotion_model_job",
    selection=_EMOTION,
    description="The emotion model, from labelled clips; started by hand.",
)

ALL = [nightly, pooling, prediction_log, take_over, recorded_calls, transcription_quality, emotion_model]
