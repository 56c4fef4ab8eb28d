"""Doors: outbox, doors and their commands, people, PINs, permissions, schedules, holidays."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the tables."""
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
        sa.PrimaryKeyConstraint("sequence", name="pk_outbox"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outbox_output", "outbox", ["output", "door", "delivered_ms", "sequence"])
    op.create_index("ix_outbox_person", "outbox", ["person", "area"])
    op.create_table(
        "doors",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("mode", sa.String(16), nullable=False),
        sa.Column("problem", sa.Boolean, nullable=False),
        sa.Column("seen_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_doors"),
    )
    op.create_table(
        "door_commands",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("door", sa.String(64), nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("seconds", sa.Double),
        sa.Column("issued_ms", sa.BigInteger, nullable=False),
        sa.Column("taken_ms", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_door_commands"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_door_commands_door", "door_commands", ["door", "taken_ms"])
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
        sa.PrimaryKeyConstraint("name", name="pk_door_people"),
        sa.UniqueConstraint("badge", name="uq_door_people_badge"),
    )
    op.create_table(
        "door_pins",
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("person", sa.String(128), nullable=False),
        sa.Column("duress", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_door_pins"),
        sa.ForeignKeyConstraint(["person"], ["door_people.name"], name="fk_door_pins_person", ondelete="CASCADE"),
        sa.UniqueConstraint("person", "duress", name="uq_door_pins_person"),
    )
    op.create_table(
        "door_permissions",
        sa.Column("subject", sa.String(128), nullable=False),
        sa.Column("door", sa.String(64), nullable=False),
        sa.Column("schedule", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("subject", "door", "schedule", name="pk_door_permissions"),
    )
    op.create_table(
        "door_schedules",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("days", sa.String(64), nullable=False),
        sa.Column("start", sa.String(5), nullable=False),
        sa.Column("end", sa.String(5), nullable=False),
        sa.Column("on_holidays", sa.String(8), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_door_schedules"),
    )
    op.create_table(
        "door_holidays",
        sa.Column("day", sa.String(10), nullable=False),
        sa.PrimaryKeyConstraint("day", name="pk_door_holidays"),
    )
