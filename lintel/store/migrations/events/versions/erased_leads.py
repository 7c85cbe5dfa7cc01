"""Who was erased, by keyed digests, so that a later import brings nobody back."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the table of digests, and give each tenant a key and a count of their changes."""
    op.add_column("tenants", sa.Column("erasures", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("tenants", sa.Column("erasure_key", sa.Text))
    op.create_table(
        "erased_leads",
        sa.Column("tenant", sa.Integer, sa.ForeignKey("tenants.number"), primary_key=True, autoincrement=False),
        sa.Column("digest", sa.Text, primary_key=True),
        sqlite_with_rowid=False,
    )
