"""How the words of a pass phrase were said."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column."""
    op.add_column("enrollments", sa.Column("fits", sa.LargeBinary))
