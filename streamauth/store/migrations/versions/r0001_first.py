"""The first schema: every table, the default tenant, and the counter of changes.

Nothing was released yet, so this makes the tables as the code has them. The first release freezes it: from then on a
revision stands alone, and says each change by itself (CONTRIBUTING.md).
"""

import time

from alembic import op
from sqlalchemy import insert

from streamauth.store.door_schema import metadata
from streamauth.store.schema import DEFAULT_TENANT, PASSING, counters, tenants

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make all tables."""
    connection = op.get_bind()
    metadata.create_all(connection)
    if connection.dialect.name == "postgresql":
        for table in PASSING:
            op.execute(f"ALTER TABLE {table} SET UNLOGGED")
    connection.execute(insert(tenants).values(id=DEFAULT_TENANT, created_ms=time.time_ns() // 1_000_000))
    connection.execute(insert(counters).values(name="change", value=0))
