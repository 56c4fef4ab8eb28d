"""The tables of doors: who may pass, the state of each door, its commands, and its events."""

from sqlalchemy import BigInteger, Boolean, Column, Double, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from streamauth.store.schema import Sealed, metadata

__all__ = [  # with the metadata, which is whole once this module is there
    "door_commands",
    "door_holidays",
    "door_people",
    "door_permissions",
    "door_pins",
    "door_schedules",
    "door_site",
    "doors",
    "metadata",
    "outbox",
]

outbox = Table(  # one row per event and output; the output "" is the log, see store.outbox
    "outbox",
    metadata,
    Column("sequence", Integer, primary_key=True),
    Column("message_id", String(36), nullable=False),
    Column("output", String(64), nullable=False),
    Column("door", String(64), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("person", String(128)),
    Column("reason", String(64), nullable=False),
    Column("area", String(64), nullable=False),
    Column("direction", String(8), nullable=False),
    Column("delivered_ms", BigInteger),  # null while it waits
    Column("claimed_until_s", Double),  # by whoever delivers it now
    Index(None, "output", "door", "delivered_ms", "sequence"),
    Index(None, "person", "area"),
    Index(None, "message_id"),
    sqlite_autoincrement=True,  # an order that never goes back
)

doors = Table(  # how each door stood when it was last heard of, see store.doors
    "doors",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("mode", String(16), nullable=False),
    Column("problem", Boolean, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
    Column("holder", String(36)),  # the kiosk that keeps it; null where none says so
)

door_commands = Table(  # one row per command that waits or was taken
    "door_commands",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("door", String(64), nullable=False),
    Column("action", String(16), nullable=False),
    Column("seconds", Double),
    Column("issued_ms", BigInteger, nullable=False),
    Column("taken_ms", BigInteger),
    Index(None, "door", "taken_ms"),
    sqlite_autoincrement=True,
)

door_people = Table(  # see store.door_plan
    "door_people",
    metadata,
    Column("name", String(128), primary_key=True),
    Column("profile", String(128)),
    Column("duress_profile", String(128)),
    Column("groups", String(1024), nullable=False),
    Column("valid_from", String(10)),
    Column("valid_until", String(10)),
    Column("suspended", Boolean, nullable=False),
    Column("needs_time", Boolean, nullable=False),
    Column("badge", String(64)),
    UniqueConstraint("badge"),
)

door_pins = Table(  # of each PIN only a slow hash
    "door_pins",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("person", String(128), ForeignKey("door_people.name", ondelete="CASCADE"), nullable=False),
    Column("duress", Boolean, nullable=False),
    UniqueConstraint("person", "duress"),
)

door_permissions = Table(
    "door_permissions",
    metadata,
    Column("subject", String(128), primary_key=True),
    Column("door", String(64), primary_key=True),
    Column("schedule", String(64), primary_key=True),
)

door_schedules = Table(  # one row per span
    "door_schedules",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(64), nullable=False),
    Column("days", String(64), nullable=False),
    Column("start", String(5), nullable=False),
    Column("end", String(5), nullable=False),
    Column("on_holidays", String(8), nullable=False),
)

door_holidays = Table(
    "door_holidays",
    metadata,
    Column("day", String(10), primary_key=True),
)

door_site = Table(  # what a kiosk's copy knows of its site, see store.site_state
    "door_site",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("value", Sealed, nullable=False),
)
