"""Audit, states of model versions, rollouts, what set training off, and alerts."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the tables and the indexes they are read by."""
    _create_audit()
    _create_rollouts()
    _create_triggers()
    _create_alerts()


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        *_texts("tenant", "actor", "actor_kind", "act", "subject", "reason", "details", "previous", "digest"),
    )
    op.create_index("audit_by_subject", "audit", ["tenant", "subject", "number"])
    op.create_table(
        "model_states",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("model_version", sa.Integer, primary_key=True, autoincrement=False),
        *_texts("bundle", "state", "trained_by", "trained_by_kind", "risk", "gates"),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
    )


def _create_rollouts() -> None:
    op.create_table(
        "rollouts",
        sa.Column("rollout_id", sa.Text, primary_key=True),
        *_texts("scope", "state", "candidate", "champion", "plan", "progress"),
        sa.Column("candidate_version", sa.Integer, nullable=False),
        sa.Column("champion_version", sa.Integer, nullable=False),
        sa.Column("began_at", sa.BigInteger, nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
    )
    op.create_index("rollouts_by_scope", "rollouts", ["scope", "began_at"])
    live = sa.text("state IN ('running', 'held', 'inconclusive', 'watching')")
    op.create_index("rollouts_live", "rollouts", ["scope"], unique=True, sqlite_where=live, postgresql_where=live)


def _create_triggers() -> None:
    op.create_table(
        "triggers",
        sa.Column("trigger_id", sa.Text, primary_key=True),
        *_texts("tenant", "cause", "key", "state", "explanation", "details"),
        sa.Column("raised_at", sa.BigInteger, nullable=False),
        sa.Column("run_id", sa.Text),
    )
    op.create_index("triggers_by_key", "triggers", ["tenant", "cause", "key"], unique=True)
    op.create_index("triggers_by_time", "triggers", ["tenant", "raised_at"])


def _create_alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("alert_id", sa.Text, primary_key=True),
        *_texts("tenant", "rule", "key", "severity", "state", "summary", "details", "deliveries"),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("first_at", "last_at")),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("level", sa.Integer, nullable=False),
    )
    is_open = sa.text("state != 'resolved'")
    op.create_index(
        "alerts_open", "alerts", ["tenant", "rule", "key"], unique=True, sqlite_where=is_open, postgresql_where=is_open
    )
    op.create_table(
        "silences",
        sa.Column("silence_id", sa.Text, primary_key=True),
        *_texts("tenant", "rule", "actor", "reason"),
        sa.Column("until", sa.BigInteger, nullable=False),
    )
