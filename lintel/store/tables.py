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

EVENTS_HEAD = "0004"
STATE_HEAD = "0005"
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
    Column("erasures", BigInteger, nullable=False, server_default="0"),  # grows with every change of erased_leads
    Column("erasure_key", Text),  # hexadecimal, of the digests of erased_leads; none before the first
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

_IN_THE_LOG = sa.text("seq IS NOT NULL")
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
    Column("seq", BigInteger),  # of an event in the log that a gate set aside
    Column("rule", Text),  # that the event breaks
    Column("released_at", BigInteger),  # since when it is shown in spite of it
    Index("quarantine_by_time", "tenant", "quarantined_at", "digest"),
    Index(
        "quarantine_by_seq",
        "tenant",
        "seq",
        "rule",
        unique=True,
        sqlite_where=_IN_THE_LOG,
        postgresql_where=_IN_THE_LOG,
    ),
    sqlite_with_rowid=False,
)

# who is kept out after an erasure, by keyed digest of the id
erased_leads = Table(
    "erased_leads",
    EVENTS,
    _tenant(),
    Column("digest", Text, primary_key=True),
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

# every act by person or machine; `digest` is over the row and the digest before it
audit = Table(
    "audit",
    STATE,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("actor_kind", Text, nullable=False),
    Column("act", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("details", Text, nullable=False),  # JSON
    Column("previous", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Index("audit_by_subject", "tenant", "subject", "number"),
)

model_states = Table(
    "model_states",
    STATE,
    Column("scope", Text, primary_key=True),
    Column("model_version", Integer, primary_key=True, autoincrement=False),
    Column("bundle", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("trained_by", Text, nullable=False),
    Column("trained_by_kind", Text, nullable=False),
    Column("risk", Text, nullable=False),
    Column("gates", Text, nullable=False),  # JSON
    Column("changed_at", BigInteger, nullable=False),
)

_LIVE_ROLLOUT = sa.text("state IN ('running', 'held', 'inconclusive', 'watching')")
rollouts = Table(
    "rollouts",
    STATE,
    Column("rollout_id", Text, primary_key=True),
    Column("scope", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("candidate", Text, nullable=False),  # digests of bundles
    Column("champion", Text, nullable=False),
    Column("plan", Text, nullable=False),  # JSON
    Column("progress", Text, nullable=False),  # JSON
    Column("candidate_version", Integer, nullable=False),
    Column("champion_version", Integer, nullable=False),
    Column("began_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Index("rollouts_by_scope", "scope", "began_at"),
    Index("rollouts_live", "scope", unique=True, sqlite_where=_LIVE_ROLLOUT, postgresql_where=_LIVE_ROLLOUT),
)

# what asked for training: once a tenant, cause and key
triggers = Table(
    "triggers",
    STATE,
    Column("trigger_id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("explanation", Text, nullable=False),
    Column("details", Text, nullable=False),  # JSON
    Column("raised_at", BigInteger, nullable=False),
    Column("run_id", Text),
    Index("triggers_by_key", "tenant", "cause", "key", unique=True),
    Index("triggers_by_time", "tenant", "raised_at"),
)

_OPEN_ALERT = sa.text("state != 'resolved'")
alerts = Table(
    "alerts",
    STATE,
    Column("alert_id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("details", Text, nullable=False),  # JSON
    Column("deliveries", Text, nullable=False),  # JSON
    Column("first_at", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("count", Integer, nullable=False),
    Column("level", Integer, nullable=False),  # of escalation
    Index("alerts_open", "tenant", "rule", "key", unique=True, sqlite_where=_OPEN_ALERT, postgresql_where=_OPEN_ALERT),
)

silences = Table(
    "silences",
    STATE,
    Column("silence_id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("until", BigInteger, nullable=False),
)

calls = Table(
    "calls",
    STATE,
    Column("tenant", Text, primary_key=True),
    Column("call_id", Text, primary_key=True),
    Column("lead_id", Text),
    Column("agent_id", Text),
    Column("source", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("began_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("document", Text, nullable=False),  # JSON, redacted: transcript, insights, summary
    Index("calls_by_time", "tenant", "began_at"),
    Index("calls_by_lead", "tenant", "lead_id"),
)

# every card that an agent saw, and the agent's word on it; no text of the call
cards = Table(
    "cards",
    STATE,
    Column("tenant", Text, primary_key=True),
    Column("call_id", Text, primary_key=True),
    Column("card_id", Text, primary_key=True),
    Column("rule", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("shown_at", BigInteger, nullable=False),
    Column("verdict", Text),
    Index("cards_by_rule", "tenant", "rule", "shown_at"),
)
