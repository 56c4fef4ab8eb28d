"""SQLite below the store: a write-ahead log with full synchronization, one writer at a time, traces wiped.

What was committed is there after a kill or a power cut. Every writer takes the write lock when it begins, so that
what it reads cannot change before it writes.
"""

import os
import sqlite3
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from sqlalchemy import URL, ColumnElement, Connection, Double, Engine, Table, bindparam, cast, event

from streamauth.errors import BadSetting, DiskFull, StoreBusy, StoreCorrupt, StoreError
from streamauth.store.backends.backend import Mode
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
_BEGIN: dict[Mode, tuple[str, ...]] = {
    "read": ("BEGIN",),
    "write": ("PRAGMA synchronous = FULL", "BEGIN IMMEDIATE"),
    # does not wait for the disk: the next "write" takes what stands before it in the log along
    "count": ("PRAGMA synchronous = NORMAL", "BEGIN IMMEDIATE"),
    # rebuilding a table drops the old one, which would cascade into its children
    "migrate": ("PRAGMA synchronous = FULL", "PRAGMA foreign_keys = OFF", "BEGIN IMMEDIATE"),
}
_RETRY_S = 0.01
_BY_CODE: dict[int, type[StoreError]] = {
    sqlite3.SQLITE_CORRUPT: StoreCorrupt,
    sqlite3.SQLITE_NOTADB: StoreCorrupt,
    sqlite3.SQLITE_FULL: DiskFull,
    sqlite3.SQLITE_IOERR_SHMSIZE: DiskFull,  # no room for the shared memory of the write-ahead log
    sqlite3.SQLITE_BUSY: StoreBusy,
    sqlite3.SQLITE_LOCKED: StoreBusy,
}


class SqliteBackend:
    """A file of SQLite, made if missing.

    Args:
        url: Of the file.
        busy_timeout_s: Longest wait for a lock.

    Raises:
        BadSetting: The URL names no file.
        StoreError: The file cannot be made.
    """

    def __init__(self, url: URL, busy_timeout_s: float) -> None:
        name = url.database or ""
        if name in ("", ":memory:") or name.startswith("file:"):
            raise BadSetting("An SQLite store needs the path of a file: sqlite:///relative or sqlite:////absolute.")
        self._busy_timeout_s = busy_timeout_s
        self.url = url
        self.file: Path | None = Path(name)
        self.place = str(Path(name).resolve())
        with named_errors():
            self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # SQLite gives its log files the mode of the database file
            os.close(os.open(self.file, os.O_RDWR | os.O_CREAT, 0o600))

    @property
    def engine_options(self) -> dict[str, Any]:
        """See ``Backend``."""
        return {"connect_args": {"timeout": self._busy_timeout_s}}

    def prepare(self, engine: Engine) -> None:
        """See ``Backend``."""
        event.listen(engine, "connect", self._on_connect)
        event.listen(engine, "begin", _on_begin)

    def execution_options(self, mode: Mode) -> Mapping[str, Any]:
        """See ``Backend``."""
        return {}

    def begun(self, connection: Connection, mode: Mode) -> None:
        """See ``Backend``."""
        if mode == "migrate":
            connection.detach()  # closed at the end instead of lent again: foreign keys stay off in it

    def now_s(self, connection: Connection) -> float:
        """See ``Backend``: the database has no clock but that of this machine."""
        return time.time()

    def clock(self) -> "ColumnElement[float]":
        """See ``Backend``."""
        return cast(bindparam(None, time.time()), Double)

    def patient(self, connection: Connection) -> None:
        """See ``Backend``: a process that is gone holds nothing here, so there are no such limits."""

    def lock(self, connection: Connection, name: str) -> None:
        """See ``Backend``: a writer holds the whole database already."""

    def renumber(self, connection: Connection, tables: Sequence[Table]) -> None:
        """See ``Backend``: SQLite does that by itself."""

    def wipe(self, engine: Engine) -> None:
        """Write the database anew and empty its log.

        ``secure_delete`` is not enough: when SQLite moves rows between pages, copies may stay behind in the
        unused part of a page, and the log keeps former pages. Takes about 0.1 s per 1000 profiles; errors as of
        ``Database.wipe``.
        """
        connection = engine.raw_connection()
        try:
            connection.cursor().execute("VACUUM")
            (busy, _, _) = connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            connection.close()
        if busy:
            raise StoreBusy

    def check(self, connection: Connection) -> None:
        """See ``Backend``: every page is read."""
        results = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
        orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        if results != ["ok"] or orphans:
            raise StoreCorrupt

    def named(self, error: BaseException) -> StoreError | None:
        """See ``Backend``."""
        code = getattr(error, "sqlite_errorcode", None)
        if isinstance(code, int):
            kind = _BY_CODE.get(code) or _BY_CODE.get(code & 0xFF)  # the low byte is the primary code
            if kind is not None:
                return kind()
        if isinstance(error, sqlite3.OperationalError) and str(error).startswith("Could not decode"):
            return StoreCorrupt()
        name = getattr(error, "sqlite_errorname", None)
        return None if name is None else StoreError(f"The store cannot be read or written ({name}).")

    def _on_connect(self, connection: Any, _: object) -> None:
        connection.isolation_level = None  # otherwise the driver would begin transactions of its own
        deadline_s = monotonic() + self._busy_timeout_s
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
