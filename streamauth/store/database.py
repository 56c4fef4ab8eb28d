"""The database of a store: connections and transactions. What differs between databases is in ``backends``."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sqlalchemy import URL, ColumnElement, Connection, Double, Table, bindparam, cast, create_engine, make_url
from sqlalchemy.exc import ArgumentError

from streamauth.errors import BadSetting
from streamauth.store.backends.backend import Backend, Mode
from streamauth.store.backends.postgres import PostgresBackend
from streamauth.store.backends.sqlite import SqliteBackend
from streamauth.store.faults import named_errors

_BACKENDS: dict[str, Callable[[URL, float], Backend]] = {"sqlite": SqliteBackend, "postgresql": PostgresBackend}


class Database:
    """A database by its address. It may be shared by threads, and opened by several processes at once.

    Args:
        location: A SQLAlchemy URL, or the path of an SQLite file, which is made if missing.
        busy_timeout_s: Longest wait for a lock or for a free connection, in seconds.
        clock: Seconds since the epoch, in place of the database's own clock.

    Raises:
        BadSetting: The URL cannot be used.
        StoreError: The file cannot be made.
    """

    def __init__(
        self, location: str | Path, *, busy_timeout_s: float, clock: Callable[[], float] | None = None
    ) -> None:
        url = _url(location)
        make_backend = _BACKENDS.get(url.get_backend_name())
        if make_backend is None:
            raise BadSetting("The store's URL names a database that is not supported here.")
        self._backend = make_backend(url, busy_timeout_s)
        self._clock = clock
        try:
            self.engine = create_engine(
                self._backend.url,
                hide_parameters=True,
                pool_timeout=busy_timeout_s,
                **self._backend.engine_options,
            )
        except (ArgumentError, ImportError):
            raise BadSetting("The store's URL names a database that is not supported here.") from None
        self._backend.prepare(self.engine)

    @property
    def name(self) -> str:
        """Tells this database from others on this machine; gives nothing of its address away."""
        return hashlib.sha256(self._backend.place.encode("utf-8")).hexdigest()[:16]

    @property
    def file(self) -> Path | None:
        """The database's file, where it is one."""
        return self._backend.file

    def read(self) -> AbstractContextManager[Connection]:
        """A transaction that only reads. It sees one state of the database from its beginning to its end."""
        return self._transaction("read")

    def write(self) -> AbstractContextManager[Connection]:
        """A transaction that writes. It is committed at the end, or undone by any exception.

        In SQLite it excludes all other writers. In other databases it excludes those that lock or change the same
        rows: lock a row before you decide by what you read.
        """
        return self._transaction("write")

    def count(self) -> AbstractContextManager[Connection]:
        """As ``write``, for what may be lost in a crash: it does not wait for the disk."""
        return self._transaction("count")

    def migrate(self) -> AbstractContextManager[Connection]:
        """A transaction that changes the schema, alone; foreign keys are not enforced where tables are rebuilt."""
        return self._transaction("migrate")

    @contextmanager
    def _transaction(self, mode: Mode) -> Iterator[Connection]:
        options = {"streamauth": mode, **self._backend.execution_options(mode)}
        with (
            named_errors(self._backend.named),
            self.engine.connect().execution_options(**options) as connection,
            connection.begin(),
        ):
            self._backend.begun(connection, mode)
            yield connection

    @staticmethod
    def writes(connection: Connection) -> bool:
        """Whether this connection is in a transaction that writes."""
        return bool(connection.get_execution_options()["streamauth"] != "read")

    def now_s(self, connection: Connection) -> float:
        """The time by the database's clock, which all processes share: seconds since the epoch."""
        return self._backend.now_s(connection) if self._clock is None else self._clock()

    def clock(self) -> "ColumnElement[float]":
        """As ``now_s``, as a part of a statement, so that it can be one only."""
        return self._backend.clock() if self._clock is None else cast(bindparam(None, self._clock()), Double)

    def now_ms(self, connection: Connection) -> int:
        """As ``now_s``, in whole milliseconds."""
        return int(self.now_s(connection) * 1000)

    def patient(self, connection: Connection) -> None:
        """Let this transaction take its time: it works on much of the store between its statements."""
        self._backend.patient(connection)

    def lock(self, connection: Connection, name: str) -> None:
        """Wait until no other writer holds this name; hold it until the transaction ends."""
        self._backend.lock(connection, name)

    def renumber(self, connection: Connection, tables: Sequence[Table]) -> None:
        """Make tables count on from the greatest id in them, after rows were put in with their ids."""
        self._backend.renumber(connection, tables)

    def wipe(self) -> None:
        """Remove all that was deleted from the files, where the database can do that.

        Raises:
            StoreBusy: Another process still reads an older state.
            DiskFull: There is no space to write it anew.
        """
        with named_errors(self._backend.named):
            self._backend.wipe(self.engine)

    def check(self) -> None:
        """Read every page, where the database can do that.

        Raises:
            StoreCorrupt: Something is damaged.
        """
        with self.read() as connection:
            self._backend.check(connection)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _url(location: str | Path) -> URL:
    if isinstance(location, Path) or "://" not in location:
        return URL.create("sqlite", database=str(location))
    try:
        return make_url(location)
    except (ArgumentError, ValueError):
        raise BadSetting("The store's URL cannot be read.") from None
