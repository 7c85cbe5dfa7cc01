"""The tables of the two databases: events (the log) and state (what is derived from it or about it).

Times are int64 UTC µs. `migrations/` builds the same tables; a test compares the two.
"""

import sqlalchemy as sa
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

EVENTS_HEAD = "0002"
STATE_HEAD = "0003"
"""Newest migrations, so that opening a store that is up to date does not load Alembic."""

EVENTS = MetaData()
STATE = MetaData()


def _tenant() -> Column[int]:
    """The tenant by number: its id would make every index half as large again, and a load a third slower."""
    return Column("tenant", Integer, ForeignKey("tenants.number"), primary_key=True, autoincrement=False)


tenants = Table(
    "tenants",
    EVENTS,
    Column("number", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("settings", Text, nullable=False),  # JSON of lintel.store.tenants.Tenant
    Column("last_seq", BigInteger, nullable=False, default=0),
    Column("newest_known_at", BigInteger),
    Column("merges", BigInteger, nullable=False, default=0),  # grows with every change of lead_merges
    Column("context_changes", BigInteger, nullable=False, server_default="0"),  # grows with every change of context
)

events = Table(
    "events",
    EVENTS,
    _tenant(),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("event_id", Text, nullable=False),
    Column("lead_id", Text, nullable=False),
    Column("episode_id", Text),
    Column("object_id", Text),
    Column("agent_id", Text),
    Column("channel", Text),
    Column("source", Text),
    Column("occurred_at", BigInteger, nullable=False),
    Column("known_at", BigInteger, nullable=False),
    Column("due_at", BigInteger),
    Column("kind", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("value", Double),
    Column("attribute_1", Double),
    Column("attribute_2", Double),
    Column("attribute_3", Double),
    Column("signals", LargeBinary),  # lintel.store.rows.SIGNALS_RECORD
    Column("ingested_at", BigInteger, nullable=False),
    Index("events_by_id", "tenant", "event_id", unique=True),
    Index("events_by_lead", "tenant", "lead_id", "occurred_at", "seq"),
    Index("events_by_time", "tenant", "occurred_at", "seq"),
    sqlite_with_rowid=False,
)

# keyed by seq and not by event_id: a load then writes at one place of the tree instead of all over it
bodies = Table(
    "bodies",
    EVENTS,
    _tenant(),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("text", Text),
    Column("attributes", Text),
    sqlite_with_rowid=False,
)

lead_merges = Table(
    "lead_merges",
    EVENTS,
    _tenant(),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("event_id", Text, nullable=False),
    Column("absorbed", Text, nullable=False),
    Column("survivor", Text, nullable=False),
    Column("occurred_at", BigInteger, nullable=False),
    Column("known_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

quarantine = Table(
    "quarantine",
    EVENTS,
    _tenant(),
    Column("digest", Text, primary_key=True),  # of the other columns but the time: a second run adds nothing
    Column("source", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("column", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("raw", Text),
    Column("quarantined_at", BigInteger, nullable=False),
    Index("quarantine_by_time", "tenant", "quarantined_at", "digest"),
    sqlite_with_rowid=False,
)

# market series: a revision is another row with a later published_at
context = Table(
    "context",
    EVENTS,
    _tenant(),
    Column("area", Text, primary_key=True),
    Column("metric", Text, primary_key=True),
    Column("observed_at", BigInteger, primary_key=True, autoincrement=False),
    Column("published_at", BigInteger, primary_key=True, autoincrement=False),
    Column("value", Double, nullable=False),
    sqlite_with_rowid=False,
)

scores = Table(
    "scores",
    STATE,
    Column("tenant", Text, primary_key=True),
    Column("lead_id", Text, primary_key=True),
    Column("as_of", BigInteger, primary_key=True, autoincrement=False),
    Column("bundle", Text, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("model_version", Integer),
    Column("priority", Double, nullable=False),
    Column("probabilities", Text, nullable=False),  # JSON: dimension -> probability
    Column("answer", Text, nullable=False),  # JSON
    Column("scored_at", BigInteger, nullable=False),
    Column("latest", Boolean, nullable=False),
    Index(
        "scores_by_priority",
        "tenant",
        "priority",
        "lead_id",
        sqlite_where=sa.text("latest"),
        postgresql_where=sa.text("latest"),
    ),
    Index("scores_by_time", "tenant", "as_of"),
)

rankings = Table(
    "rankings",
    STATE,
    Column("tenant", Text, primary_key=True),
    Column("as_of", BigInteger, primary_key=True, autoincrement=False),
    Column("bundle", Text, primary_key=True),
    Column("ranking", Text, nullable=False),  # JSON of lintel.scoring.grading.Ranking
)

# grows with every change of a tenant's scores and rankings, in the same transaction
score_versions = Table(
    "score_versions",
    STATE,
    Column("tenant", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
)

api_keys = Table(
    "api_keys",
    STATE,
    Column("digest", Text, primary_key=True),  # SHA-256 of the token
    Column("tenant", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    Index("api_keys_by_name", "tenant", "name"),
)

traffic = Table(
    "traffic",
    STATE,
    Column("scope", Text, primary_key=True),
    Column("bundle", Text, primary_key=True),
    Column("mode", Text, primary_key=True),
    Column("model_name", Text, nullable=False),
    Column("model_version", Integer, nullable=False),
    Column("weight", Double, nullable=False),
    Column("version", BigInteger, nullable=False),
)

traffic_history = Table(
    "traffic_history",
    STATE,
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("scope", Text, nullable=False),
    Column("assigned_at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("entries", Text, nullable=False),  # JSON
    Index("traffic_history_by_scope", "scope", "version"),
)
