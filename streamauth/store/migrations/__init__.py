"""Brings a store to the schema of this code, from any earlier revision or from nothing."""

from pathlib import Path

from sqlalchemy import Connection, String, column, inspect, select, table

from streamauth.errors import StoreCorrupt, StoreTooNew
from streamauth.store.database import Database
from streamauth.store.schema import SCHEMA_VERSION, VERSION_TABLE


def upgrade(database: Database) -> None:
    """Make or migrate the tables where needed, in one transaction.

    Raises:
        StoreTooNew: A later version of streamauth wrote it.
        StoreCorrupt: It is a database of another program, or damaged.
    """
    with database.read() as connection:
        if _version(connection) == SCHEMA_VERSION:
            return
    with database.migrate() as connection:
        if _version(connection) != SCHEMA_VERSION:  # another process may have been quicker
            _migrate(connection)


def _version(connection: Connection) -> str | None:
    inspector = inspect(connection)
    if not inspector.has_table(VERSION_TABLE):
        if inspector.get_table_names():
            raise StoreCorrupt
        return None
    query = select(column("version_num", String)).select_from(table(VERSION_TABLE))
    versions = [str(version) for version in connection.scalars(query)]
    if len(versions) != 1 or not versions[0].isdecimal():
        raise StoreCorrupt
    if int(versions[0]) > int(SCHEMA_VERSION):
        raise StoreTooNew
    return versions[0]


def _migrate(connection: Connection) -> None:
    # imported here: opening an up-to-date store must be quick
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    command.upgrade(config, SCHEMA_VERSION)
