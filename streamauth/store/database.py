"""A database of profiles: connections, transactions, and for SQLite what makes it crash-safe and traceless.

SQLite runs with a write-ahead log and full synchronization, so that what was committed is there after a kill
or a power cut, and every writer takes the write lock when it begins, so that what it reads cannot change
before it writes. Everything specific to SQLite is in this file and in ``faults``.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from sqlalchemy import URL, Connection, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from streamauth.errors import BadSetting, StoreBusy, StoreCorrupt
from streamauth.store.faults import named_errors

_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "secure_delete = ON",  # what is deleted is overwritten at once
    "temp_store = MEMORY",  # nothing of the store goes into temporary files elsewhere
    "cell_size_check = ON",  # damaged pages are noticed early
    "trusted_schema = OFF",
)
_BEGIN = {
    "read": ("BEGIN",),
    "write": ("BEGIN IMMEDIATE",),
    # rebuilding a table drops the old one, which would cascade into its children
    "migrate": ("PRAGMA foreign_keys = OFF", "BEGIN IMMEDIATE"),
}
_RETRY_S = 0.01


class Database:
    """A database by its address; safe to use from several threads, and by several processes at once.

    Args:
        location: A SQLAlchemy URL, or the path of an SQLite file, which is made if missing.
        busy_timeout_s: Longest wait for a lock or for a free connection.

    Raises:
        BadSetting: The URL cannot be used.
        StoreError: The file cannot be made.
    """

    def __init__(self, location: str | Path, *, busy_timeout_s: float) -> None:
        url = _url(location)
        self.is_sqlite = url.get_backend_name() == "sqlite"
        options: dict[str, Any] = {"hide_parameters": True, "pool_timeout": busy_timeout_s}
        if self.is_sqlite:
            _make_file(url)
            options["connect_args"] = {"timeout": busy_timeout_s}
        else:
            options["pool_pre_ping"] = True
        try:
            self.engine = create_engine(url, **options)
        except (ArgumentError, ImportError):
            raise BadSetting("The store's URL names a database that is not supported here.") from None
        if self.is_sqlite:
            event.listen(self.engine, "connect", lambda connection, _: _on_connect(connection, busy_timeout_s))
            event.listen(self.engine, "begin", _on_begin)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads, and sees one state of the database all along."""
        with self._transaction("read") as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that holds the write lock; it is committed at the end, or undone by any exception."""
        with self._transaction("write") as connection:
            yield connection

    @contextmanager
    def migrate(self) -> Iterator[Connection]:
        """As ``write``, for changes of the schema: foreign keys are not enforced."""
        with self._transaction("migrate") as connection:
            connection.detach()  # closed at the end instead of lent again: foreign keys stay off in it
            yield connection

    @contextmanager
    def _transaction(self, mode: str) -> Iterator[Connection]:
        with (
            named_errors(),
            self.engine.connect().execution_options(streamauth=mode) as connection,
            connection.begin(),
        ):
            yield connection

    def wipe(self) -> None:
        """Remove all that was deleted from the files.

        ``secure_delete`` is not enough: when SQLite moves rows between pages, copies may stay behind in the
        unused part of a page, and the log keeps former pages. So the database is written anew and the log is
        emptied. Takes about 0.1 s per 1000 profiles. Does nothing where the database is not SQLite.

        Raises:
            StoreBusy: Another process still reads an older state.
            DiskFull: There is no space to write it anew.
        """
        if not self.is_sqlite:
            return
        with named_errors():
            connection = self.engine.raw_connection()
            try:
                connection.cursor().execute("VACUUM")
                (busy, _, _) = connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                connection.close()
        if busy:
            raise StoreBusy

    def check(self) -> None:
        """Read every page of the database.

        Raises:
            StoreCorrupt: Something is damaged. Other databases than SQLite have their own tools for this.
        """
        if not self.is_sqlite:
            return
        with self.read() as connection:
            results = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
            orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        if results != ["ok"] or orphans:
            raise StoreCorrupt

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _url(location: str | Path) -> URL:
    if isinstance(location, Path) or "://" not in location:
        return URL.create("sqlite", database=str(location))
    try:
        url = make_url(location)
    except (ArgumentError, ValueError):
        raise BadSetting("The store's URL cannot be read.") from None
    name = url.database or ""
    if url.get_backend_name() == "sqlite" and (name in ("", ":memory:") or name.startswith("file:")):
        raise BadSetting("An SQLite store needs the path of a file: sqlite:///relative or sqlite:////absolute.")
    return url


def _make_file(url: URL) -> None:
    path = Path(url.database or "")
    with named_errors():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # SQLite gives its log files the mode of the database file
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def _on_connect(connection: Any, busy_timeout_s: float) -> None:
    connection.isolation_level = None  # otherwise the driver would begin transactions of its own
    deadline_s = monotonic() + busy_timeout_s
    for pragma in _PRAGMAS:
        while True:
            try:
                connection.execute(f"PRAGMA {pragma}")
                break
            except sqlite3.OperationalError as error:
                # a new file's change to the write-ahead log does not wait for another process by itself
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or monotonic() > deadline_s:
                    raise
                sleep(_RETRY_S)


def _on_begin(connection: Connection) -> None:
    for statement in _BEGIN[connection.get_execution_options()["streamauth"]]:
        connection.exec_driver_sql(statement)
