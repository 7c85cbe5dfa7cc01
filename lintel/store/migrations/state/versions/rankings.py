"""How the open leads of a tenant ranked in each nightly run, and scores by time, so that old ones can go."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the table and the index."""
    op.create_table(
        "rankings",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("as_of", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("bundle", sa.Text, primary_key=True),
        sa.Column("ranking", sa.Text, nullable=False),
    )
    op.create_index("scores_by_time", "scores", ["tenant", "as_of"])
