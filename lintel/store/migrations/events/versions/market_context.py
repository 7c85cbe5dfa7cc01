"""Market series, and how often they have changed."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the table of market series, and count its changes with each tenant."""
    op.add_column("tenants", sa.Column("context_changes", sa.BigInteger, nullable=False, server_default="0"))
    op.create_table(
        "context",
        sa.Column("tenant", sa.Integer, sa.ForeignKey("tenants.number"), primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("area", "metric")),
        *(
            sa.Column(name, sa.BigInteger, primary_key=True, autoincrement=False)
            for name in ("observed_at", "published_at")
        ),
        sa.Column("value", sa.Double, nullable=False),
        sqlite_with_rowid=False,
    )
