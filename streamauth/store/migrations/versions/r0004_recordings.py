"""The speech of enrolled utterances, where it is to be kept."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "recordings",
        sa.Column(
            "enrollment_id",
            sa.Integer,
            sa.ForeignKey("enrollments.id", ondelete="CASCADE", name="fk_recordings_enrollment_id"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column(
            "profile_id",
            sa.String(36),
            sa.ForeignKey("profiles.id", ondelete="CASCADE", name="fk_recordings_profile_id"),
            nullable=False,
        ),
        sa.Column("audio", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_recordings_profile_id", "recordings", ["profile_id"])
