"""The event table: one Arrow schema, checked at every door.

Two views of one event exist. *Incoming* tables come from sources and clients: no `seq`, no `ingested_at`, and the
body (`text`, `attributes`) beside the columns. *Stored* tables come from the store and the lake: with `seq` and
`ingested_at`, without the body, which lives in a side table so that it can be erased on its own.
"""

from enum import StrEnum

import pyarrow as pa

TIME = pa.timestamp("us", tz="UTC")
_WORD = pa.dictionary(pa.int32(), pa.string())


class Channel(StrEnum):
    """Where a lead came from, or by which way a touch went. Anything else is stored as given and counts as other."""

    WEB = "web"
    EMAIL = "email"
    SMS = "sms"
    PHONE = "phone"
    CHAT = "chat"
    PORTAL = "portal"
    REFERRAL = "referral"
    SOCIAL = "social"
    ADVERTISEMENT = "advertisement"
    WALK_IN = "walk_in"
    OTHER = "other"


SIGNALS = ("asks_viewing", "states_budget", "states_timeline", "objection", "opts_out", "question", "sentiment")
"""Numeric signals from the text: six in 0..1 and the sentiment in -1..1. `lintel.language.signals` computes them."""

SIGNALS_TYPE = pa.struct([("version", pa.int16()), *((name, pa.float32()) for name in SIGNALS)])

_COMMON: tuple[tuple[str, pa.DataType, bool], ...] = (
    ("tenant", pa.string(), False),
    ("event_id", pa.string(), False),
    ("lead_id", pa.string(), False),
    ("episode_id", pa.string(), True),
    ("object_id", pa.string(), True),
    ("agent_id", pa.string(), True),
    ("channel", pa.string(), True),
    ("source", pa.string(), True),
    ("occurred_at", TIME, False),
    ("known_at", TIME, False),
    ("due_at", TIME, True),
    ("kind", pa.string(), False),
    ("actor", pa.string(), False),
    ("value", pa.float64(), True),
    ("attribute_1", pa.float64(), True),
    ("attribute_2", pa.float64(), True),
    ("attribute_3", pa.float64(), True),
)

INCOMING_SCHEMA = pa.schema(
    [
        *(pa.field(name, kind, nullable) for name, kind, nullable in _COMMON),
        pa.field("text", pa.string()),
        pa.field("attributes", pa.string()),  # JSON
    ]
)
"""What sources yield. `text` is raw here; it is redacted before it is written anywhere."""

STORED_SCHEMA = pa.schema(
    [
        *(pa.field(name, _WORD if name in {"kind", "actor"} else kind, nullable) for name, kind, nullable in _COMMON),
        pa.field("signals", SIGNALS_TYPE),
        pa.field("seq", pa.int64(), False),
        pa.field("ingested_at", TIME, False),
    ]
)
"""What the store and the lake give back."""

REQUIRED = ("event_id", "lead_id", "occurred_at", "kind")
"""What an incoming event must say; everything else has a default (`known_at` = `occurred_at`, the kind's actor)."""

MAX_ID_LENGTH = 200
MAX_TEXT_LENGTH = 100_000
MAX_ATTRIBUTES_LENGTH = 20_000
EPOCH_MIN = "1990-01-01T00:00:00Z"
"""Earliest time accepted; CRMs did not exist before, epoch zeros and two-digit years do."""
