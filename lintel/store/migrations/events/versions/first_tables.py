"""Tenants, events, their bodies, merges of leads, and the quarantine."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables of the log."""
    op.create_table(
        "tenants",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("last_seq", sa.BigInteger, nullable=False),
        sa.Column("newest_known_at", sa.BigInteger),
        sa.Column("merges", sa.BigInteger, nullable=False),
    )
    _create_events()
    _create_side_tables()
    op.create_table(
        "quarantine",
        _tenant(),
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("column", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("raw", sa.Text),
        sa.Column("quarantined_at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("quarantine_by_time", "quarantine", ["tenant", "quarantined_at", "digest"])


def _tenant() -> sa.Column[int]:
    return sa.Column("tenant", sa.Integer, sa.ForeignKey("tenants.number"), primary_key=True, autoincrement=False)


def _seq() -> sa.Column[int]:
    return sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False)


def _create_events() -> None:
    op.create_table(
        "events",
        _tenant(),
        _seq(),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("lead_id", sa.Text, nullable=False),
        *(sa.Column(name, sa.Text) for name in ("episode_id", "object_id", "agent_id", "channel", "source")),
        sa.Column("occurred_at", sa.BigInteger, nullable=False),
        sa.Column("known_at", sa.BigInteger, nullable=False),
        sa.Column("due_at", sa.BigInteger),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        *(sa.Column(name, sa.Double) for name in ("value", "attribute_1", "attribute_2", "attribute_3")),
        sa.Column("signals", sa.LargeBinary),
        sa.Column("ingested_at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("events_by_id", "events", ["tenant", "event_id"], unique=True)
    op.create_index("events_by_lead", "events", ["tenant", "lead_id", "occurred_at", "seq"])
    op.create_index("events_by_time", "events", ["tenant", "occurred_at", "seq"])


def _create_side_tables() -> None:
    op.create_table(
        "bodies",
        _tenant(),
        _seq(),
        sa.Column("text", sa.Text),
        sa.Column("attributes", sa.Text),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "lead_merges",
        _tenant(),
        _seq(),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("event_id", "absorbed", "survivor")),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("occurred_at", "known_at")),
        sqlite_with_rowid=False,
    )
