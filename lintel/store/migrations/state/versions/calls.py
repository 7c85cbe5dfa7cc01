"""Calls that were listened to, and the cards that agents saw."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "calls",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("call_id", sa.Text, primary_key=True),
        sa.Column("lead_id", sa.Text),
        sa.Column("agent_id", sa.Text),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("began_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("calls_by_time", "calls", ["tenant", "began_at"])
    op.create_index("calls_by_lead", "calls", ["tenant", "lead_id"])
    op.create_table(
        "cards",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("call_id", sa.Text, primary_key=True),
        sa.Column("card_id", sa.Text, primary_key=True),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("shown_at", sa.BigInteger, nullable=False),
        sa.Column("verdict", sa.Text),
    )
    op.create_index("cards_by_rule", "cards", ["tenant", "rule", "shown_at"])
