"""API keys, session tokens, and the keys that sign verdicts."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("scopes", sa.String(64), nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("used_ms", sa.BigInteger),
        sa.Column("revoked_ms", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_api_keys_tenant_id", ondelete="CASCADE"),
    )
    op.create_table(
        "session_tokens",
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("purpose", sa.LargeBinary, nullable=False),
        sa.Column("expires_at_s", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_session_tokens"),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name="fk_session_tokens_key_id", ondelete="CASCADE"),
    )
    op.create_index("ix_session_tokens_key_id", "session_tokens", ["key_id"])
    op.create_table(
        "signing_keys",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("public", sa.LargeBinary, nullable=False),
        sa.Column("private", sa.LargeBinary, nullable=False),
        sa.Column("created_at_s", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_signing_keys"),
    )
