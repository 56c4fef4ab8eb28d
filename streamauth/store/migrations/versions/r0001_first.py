"""The first schema: tenants, profiles, enrollments, voiceprints, attempts and the key check."""

import time

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make all tables, and the default tenant."""
    op.create_table(
        "meta",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_meta"),
    )
    tenants = op.create_table(
        "tenants",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tenants"),
    )
    op.create_table(
        "profiles",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("locale", sa.String(35), nullable=False),
        sa.Column("phrase", sa.LargeBinary),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("updated_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_profiles"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_profiles_tenant_id", ondelete="CASCADE"),
        sa.UniqueConstraint("tenant_id", "name", name="uq_profiles_tenant_id"),
        sa.CheckConstraint("kind IN ('text_dependent', 'text_independent')", name=op.f("ck_profiles_kind")),
    )
    op.create_table(
        "enrollments",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("profile_id", sa.String(36), nullable=False),
        sa.Column("encoder_id", sa.String(255), nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("speech_s", sa.Double, nullable=False),
        sa.Column("audio_s", sa.Double, nullable=False),
        sa.Column("embedding", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_enrollments"),
        sa.ForeignKeyConstraint(["profile_id"], ["profiles.id"], name="fk_enrollments_profile_id", ondelete="CASCADE"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_enrollments_profile_id", "enrollments", ["profile_id", "encoder_id"])
    op.create_table(
        "voiceprints",
        sa.Column("profile_id", sa.String(36), nullable=False),
        sa.Column("encoder_id", sa.String(255), nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("utterances", sa.Integer, nullable=False),
        sa.Column("speech_s", sa.Double, nullable=False),
        sa.Column("embedding", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("profile_id", "encoder_id", name="pk_voiceprints"),
        sa.ForeignKeyConstraint(["profile_id"], ["profiles.id"], name="fk_voiceprints_profile_id", ondelete="CASCADE"),
    )
    op.create_table(
        "attempts",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("profile_id", sa.String(36), nullable=False),
        sa.Column("began_at_s", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_attempts"),
        sa.ForeignKeyConstraint(["profile_id"], ["profiles.id"], name="fk_attempts_profile_id", ondelete="CASCADE"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_attempts_profile_id", "attempts", ["profile_id"])
    op.bulk_insert(tenants, [{"id": "default", "created_ms": time.time_ns() // 1_000_000}])
