"""Copies of a whole store into another database: what moves from SQLite to PostgreSQL, or back."""

from typing import Any

from sqlalchemy import Connection, Table, func, insert, select

from streamauth.errors import InputError, StoreCorrupt
from streamauth.store.door_schema import metadata
from streamauth.store.schema import PASSING, meta
from streamauth.store.sealed_database import OWN_NAMES, SealedDatabase

_PAGE = 200
_MADE_WITH_A_STORE = ("meta", "tenants", "counters", "ledger")


def copy_store(source: SealedDatabase, target: SealedDatabase) -> dict[str, int]:
    """Copy everything into a store that nothing was put into yet, in one transaction.

    Values stay sealed as they are, so both stores must have the same sealing key.

    Returns:
        How many rows each table has; the same in both.

    Raises:
        InputError: The other store is not empty, or has another key.
        StoreCorrupt: The copy does not hold what it should; nothing was copied.
    """
    with source.read() as reading, target.write() as writing:
        source.database.patient(reading)
        target.database.patient(writing)
        if source.key(reading).id != target.key(writing).id:
            raise InputError("The two stores have different sealing keys. Give the new store the key of the old one.")
        tables = [table for table in metadata.sorted_tables if table.name not in PASSING]
        if any(_count(writing, table) for table in tables if table.name not in _MADE_WITH_A_STORE):
            raise InputError("The other store is not empty.")
        for name in reversed(_MADE_WITH_A_STORE):
            table = metadata.tables[name]
            writing.execute(table.delete().where(table.c.name.not_in(OWN_NAMES)) if table is meta else table.delete())
        counts = {table.name: _copy(reading, writing, table) for table in tables}
        target.database.renumber(writing, tables)
        for table in tables:
            if table is not meta and _count(writing, table) != _count(reading, table):
                raise StoreCorrupt
    return counts


def _copy(reading: Connection, writing: Connection, table: Table) -> int:
    keys = tuple(table.primary_key)
    query = select(table).order_by(*keys)
    if table is meta:
        query = query.where(meta.c.name.not_in(OWN_NAMES))
    rows: list[dict[str, Any]] = []
    count = 0
    for row in reading.execution_options(yield_per=_PAGE).execute(query).mappings():
        rows.append(dict(row))
        if len(rows) == _PAGE:
            writing.execute(insert(table), rows)
            count, rows = count + len(rows), []
    if rows:
        writing.execute(insert(table), rows)
    return count + len(rows)


def _count(connection: Connection, table: Table) -> int:
    return int(connection.scalar(select(func.count()).select_from(table)) or 0)
