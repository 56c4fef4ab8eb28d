"""The first schema: every table, the default tenant, and the counter of changes."""

import time

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make all tables."""
    op.create_table(
        "audit",
        sa.Column("number", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("entry", sa.LargeBinary, nullable=False),
        sa.Column("link", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit")),
    )
    counters = op.create_table(
        "counters",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("value", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counters")),
    )
    op.create_table(
        "door_commands",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("door", sa.String(64), nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("seconds", sa.Double),
        sa.Column("issued_ms", sa.BigInteger, nullable=False),
        sa.Column("taken_ms", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_door_commands")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_door_commands_door"), "door_commands", ["door", "taken_ms"], unique=False)
    op.create_table(
        "door_holidays",
        sa.Column("day", sa.String(10), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_door_holidays")),
    )
    op.create_table(
        "door_people",
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("profile", sa.String(128)),
        sa.Column("duress_profile", sa.String(128)),
        sa.Column("groups", sa.String(1024), nullable=False),
        sa.Column("valid_from", sa.String(10)),
        sa.Column("valid_until", sa.String(10)),
        sa.Column("suspended", sa.Boolean, nullable=False),
        sa.Column("needs_time", sa.Boolean, nullable=False),
        sa.Column("badge", sa.String(64)),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_door_people")),
        sa.UniqueConstraint("badge", name=op.f("uq_door_people_badge")),
    )
    op.create_table(
        "door_permissions",
        sa.Column("subject", sa.String(128), nullable=False),
        sa.Column("door", sa.String(64), nullable=False),
        sa.Column("schedule", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("subject", "door", "schedule", name=op.f("pk_door_permissions")),
    )
    op.create_table(
        "door_schedules",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("days", sa.String(64), nullable=False),
        sa.Column("start", sa.String(5), nullable=False),
        sa.Column("end", sa.String(5), nullable=False),
        sa.Column("on_holidays", sa.String(8), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_door_schedules")),
    )
    op.create_table(
        "door_site",
        sa.Column("name", sa.String(16), nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_door_site")),
    )
    op.create_table(
        "doors",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("mode", sa.String(16), nullable=False),
        sa.Column("problem", sa.Boolean, nullable=False),
        sa.Column("seen_ms", sa.BigInteger, nullable=False),
        sa.Column("holder", sa.String(36)),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_doors")),
    )
    op.create_table(
        "ledger",
        sa.Column("place", sa.String(32).with_variant(sa.String(32, collation="C"), "postgresql"), nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("place", name=op.f("pk_ledger")),
    )
    op.create_table(
        "meta",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_meta")),
    )
    op.create_table(
        "outbox",
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("message_id", sa.String(36), nullable=False),
        sa.Column("output", sa.String(64), nullable=False),
        sa.Column("door", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("person", sa.String(128)),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("area", sa.String(64), nullable=False),
        sa.Column("direction", sa.String(8), nullable=False),
        sa.Column("delivered_ms", sa.BigInteger),
        sa.Column("claimed_until_s", sa.Double),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_outbox")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_outbox_message_id"), "outbox", ["message_id"], unique=False)
    op.create_index(op.f("ix_outbox_output"), "outbox", ["output", "door", "delivered_ms", "sequence"], unique=False)
    op.create_index(op.f("ix_outbox_person"), "outbox", ["person", "area"], unique=False)
    op.create_table(
        "rates",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("level", sa.Double, nullable=False),
        sa.Column("at_s", sa.Double, nullable=False),
        sa.Column("full_s", sa.Double, nullable=False),
        sa.Column("enough", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_rates")),
    )
    op.create_index(op.f("ix_rates_full_s"), "rates", ["full_s"], unique=False)
    op.create_table(
        "holds",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("process", sa.String(32), nullable=False),
        sa.Column("held", sa.Integer, nullable=False),
        sa.Column("until_s", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("name", "process", name=op.f("pk_holds")),
    )
    op.create_index(op.f("ix_holds_until_s"), "holds", ["until_s"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        for table in ("rates", "holds"):
            op.execute(f"ALTER TABLE {table} SET UNLOGGED")
    op.create_table(
        "removals",
        sa.Column("change", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("change", name=op.f("pk_removals")),
    )
    op.create_table(
        "signing_keys",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("public", sa.LargeBinary, nullable=False),
        sa.Column("private", sa.LargeBinary, nullable=False),
        sa.Column("created_at_s", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signing_keys")),
    )
    tenants = op.create_table(
        "tenants",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenants")),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("scopes", sa.String(64), nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("expires_ms", sa.BigInteger),
        sa.Column("used_ms", sa.BigInteger),
        sa.Column("revoked_ms", sa.BigInteger),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_api_keys_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
    )
    op.create_table(
        "door_pins",
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("person", sa.String(128), nullable=False),
        sa.Column("duress", sa.Boolean, nullable=False),
        sa.ForeignKeyConstraint(["person"], ["door_people.name"], name=op.f("fk_door_pins_person"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_door_pins")),
        sa.UniqueConstraint("person", "duress", name=op.f("uq_door_pins_person")),
    )
    op.create_table(
        "profiles",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(128).with_variant(sa.String(128, collation="C"), "postgresql"), nullable=False),
        sa.Column("looks", sa.String(512), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("locale", sa.String(35), nullable=False),
        sa.Column("phrase", sa.LargeBinary),
        sa.Column("own_key", sa.LargeBinary, nullable=False),
        sa.Column("consent", sa.String(64)),
        sa.Column("consent_ms", sa.BigInteger),
        sa.Column("used_ms", sa.BigInteger),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("updated_ms", sa.BigInteger, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("change", sa.BigInteger, nullable=False),
        sa.CheckConstraint("kind IN ('text_dependent', 'text_independent')", name=op.f("ck_profiles_kind")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_profiles_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_profiles")),
        sa.UniqueConstraint("number", name=op.f("uq_profiles_number")),
        sa.UniqueConstraint("tenant_id", "looks", name=op.f("uq_profiles_looks")),
        sa.UniqueConstraint("tenant_id", "name", name=op.f("uq_profiles_tenant_id")),
    )
    op.create_index(op.f("ix_profiles_change"), "profiles", ["change"], unique=False)
    op.create_table(
        "attempts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("profile_id", sa.String(36), nullable=False),
        sa.Column("began_at_s", sa.Double, nullable=False),
        sa.ForeignKeyConstraint(
            ["profile_id"], ["profiles.id"], name=op.f("fk_attempts_profile_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_attempts_profile_id"), "attempts", ["profile_id"], unique=False)
    op.create_table(
        "enrollments",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("profile_id", sa.String(36), nullable=False),
        sa.Column("encoder_id", sa.String(255), nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("speech_s", sa.Double, nullable=False),
        sa.Column("audio_s", sa.Double, nullable=False),
        sa.Column("embedding", sa.LargeBinary, nullable=False),
        sa.Column("pronunciation_scores", sa.LargeBinary),
        sa.Column("rendering", sa.LargeBinary),
        sa.ForeignKeyConstraint(
            ["profile_id"], ["profiles.id"], name=op.f("fk_enrollments_profile_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrollments")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_enrollments_profile_id"), "enrollments", ["profile_id", "encoder_id"], unique=False)
    op.create_table(
        "prompts",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("profile_id", sa.String(36)),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("words", sa.LargeBinary, nullable=False),
        sa.Column("expires_at_s", sa.Double, nullable=False),
        sa.ForeignKeyConstraint(
            ["profile_id"], ["profiles.id"], name=op.f("fk_prompts_profile_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_prompts_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prompts")),
    )
    op.create_index(op.f("ix_prompts_tenant_id"), "prompts", ["tenant_id", "profile_id"], unique=False)
    op.create_table(
        "session_tokens",
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("purpose", sa.LargeBinary, nullable=False),
        sa.Column("expires_at_s", sa.Double, nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name=op.f("fk_session_tokens_key_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_session_tokens")),
    )
    op.create_index(op.f("ix_session_tokens_key_id"), "session_tokens", ["key_id"], unique=False)
    op.create_table(
        "sign_ins",
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("began_at_s", sa.Double, nullable=False),
        sa.Column("used_at_s", sa.Double, nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name=op.f("fk_sign_ins_key_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_sign_ins")),
    )
    op.create_index(op.f("ix_sign_ins_key_id"), "sign_ins", ["key_id"], unique=False)
    op.create_table(
        "templates",
        sa.Column("profile_id", sa.String(36), nullable=False),
        sa.Column("encoder_id", sa.String(255), nullable=False),
        sa.Column("label", sa.String(64), nullable=False),
        sa.Column("updated_ms", sa.BigInteger, nullable=False),
        sa.Column("updates", sa.Integer, nullable=False),
        sa.Column("embedding", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(
            ["profile_id"], ["profiles.id"], name=op.f("fk_templates_profile_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("profile_id", "encoder_id", "label", name=op.f("pk_templates")),
    )
    op.create_table(
        "trails",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("profile_id", sa.String(36), nullable=False),
        sa.Column("made_ms", sa.BigInteger, nullable=False),
        sa.Column("enrolled", sa.Boolean, nullable=False),
        sa.Column("trail", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(["profile_id"], ["profiles.id"], name=op.f("fk_trails_profile_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trails")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_trails_profile_id"), "trails", ["profile_id"], unique=False)
    op.create_table(
        "voiceprints",
        sa.Column("profile_id", sa.String(36), nullable=False),
        sa.Column("encoder_id", sa.String(255), nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("utterances", sa.Integer, nullable=False),
        sa.Column("speech_s", sa.Double, nullable=False),
        sa.Column("embedding", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(
            ["profile_id"], ["profiles.id"], name=op.f("fk_voiceprints_profile_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("profile_id", "encoder_id", name=op.f("pk_voiceprints")),
    )
    op.create_table(
        "recordings",
        sa.Column(
            "enrollment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("profile_id", sa.String(36), nullable=False),
        sa.Column("audio", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(
            ["enrollment_id"], ["enrollments.id"], name=op.f("fk_recordings_enrollment_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["profile_id"], ["profiles.id"], name=op.f("fk_recordings_profile_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("enrollment_id", name=op.f("pk_recordings")),
    )
    op.create_index(op.f("ix_recordings_profile_id"), "recordings", ["profile_id"], unique=False)
    op.bulk_insert(tenants, [{"id": "default", "created_ms": time.time_ns() // 1_000_000}])
    op.bulk_insert(counters, [{"name": "change", "value": 0}])
