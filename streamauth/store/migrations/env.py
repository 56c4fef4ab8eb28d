"""Alembic's environment; run by ``upgrade`` with a connection that is already in a transaction."""

from alembic import context

from streamauth.store.door_schema import metadata
from streamauth.store.schema import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,  # SQLite changes a table by rebuilding it
)
context.run_migrations()
