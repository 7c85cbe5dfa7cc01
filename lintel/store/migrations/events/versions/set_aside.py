"""Events of the log that a gate set aside, by their number and the rule that they break."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Let the quarantine name events that are in the log."""
    op.add_column("quarantine", sa.Column("seq", sa.BigInteger))
    op.add_column("quarantine", sa.Column("rule", sa.Text))
    op.add_column("quarantine", sa.Column("released_at", sa.BigInteger))
    named = sa.text("seq IS NOT NULL")
    op.create_index(
        "quarantine_by_seq",
        "quarantine",
        ["tenant", "seq", "rule"],
        unique=True,
        sqlite_where=named,
        postgresql_where=named,
    )
