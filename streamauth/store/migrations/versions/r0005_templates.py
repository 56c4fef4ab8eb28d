"""Further voiceprints of a person, and those that follow a voice."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "templates",
        sa.Column(
            "profile_id",
            sa.String(36),
            sa.ForeignKey("profiles.id", ondelete="CASCADE", name="fk_templates_profile_id"),
            nullable=False,
        ),
        sa.Column("encoder_id", sa.String(255), nullable=False),
        sa.Column("label", sa.String(64), nullable=False),
        sa.Column("updated_ms", sa.BigInteger, nullable=False),
        sa.Column("updates", sa.Integer, nullable=False),
        sa.Column("embedding", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("profile_id", "encoder_id", "label", name="pk_templates"),
    )
