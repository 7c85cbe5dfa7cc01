"""Scores, API keys, traffic and its history."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables of the state."""
    _create_scores()
    op.create_table(
        "api_keys",
        sa.Column("digest", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("tenant", "name", "role")),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("revoked_at", sa.BigInteger),
    )
    op.create_index("api_keys_by_name", "api_keys", ["tenant", "name"])
    _create_traffic()


def _create_scores() -> None:
    op.create_table(
        "scores",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("lead_id", sa.Text, primary_key=True),
        sa.Column("as_of", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("bundle", sa.Text, primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("model_version", sa.Integer),
        sa.Column("priority", sa.Double, nullable=False),
        sa.Column("probabilities", sa.Text, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("scored_at", sa.BigInteger, nullable=False),
        sa.Column("latest", sa.Boolean, nullable=False),
    )
    latest = sa.text("latest")
    columns = ["tenant", "priority", "lead_id"]
    op.create_index("scores_by_priority", "scores", columns, sqlite_where=latest, postgresql_where=latest)


def _create_traffic() -> None:
    op.create_table(
        "traffic",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("scope", "bundle", "mode")),
        sa.Column("model_name", sa.Text, nullable=False),
        sa.Column("model_version", sa.Integer, nullable=False),
        sa.Column("weight", sa.Double, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "traffic_history",
        sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("assigned_at", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("actor", "reason", "entries")),
    )
    op.create_index("traffic_history_by_scope", "traffic_history", ["scope", "version"])
