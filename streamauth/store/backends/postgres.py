"""PostgreSQL below the store: for several processes and hosts (needs the extra ``postgres``).

A transaction that reads sees one state of the database (REPEATABLE READ). A transaction that writes locks the rows it
decides by (READ COMMITTED). No statement waits for a lock longer than the store's time limit, and a connection whose
server does not answer is given up. A host that vanishes in the middle of a transaction may hold locks that all others
need, so the server ends a transaction that says nothing for half of that limit.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import URL, ColumnElement, Connection, Double, Engine, Table, func, literal_column, select, text

from streamauth.errors import BadSetting, DiskFull, ExtraMissing, StoreBusy, StoreCorrupt, StoreError, StoreUnavailable
from streamauth.store.backends.backend import Mode

_DRIVERS = ("postgresql", "postgresql+psycopg")
_MIGRATION = "migration"
_STATEMENT_FACTOR = 6
"""A statement may take so many times the limit of a lock."""
_LEAST_IDLE_MS = 1000
_ALIVE = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3}
"""Either side asks after five seconds of silence whether the other is there, and gives it up after six more."""
_BY_STATE: dict[str, type[StoreError]] = {
    "40001": StoreBusy,  # could not serialize
    "40P01": StoreBusy,  # deadlock
    "53300": StoreBusy,  # too many connections
    "55P03": StoreBusy,  # a lock was held for too long
    "57014": StoreBusy,  # a statement took too long
    "53100": DiskFull,
    "25006": StoreUnavailable,  # a standby, which cannot write
    "25P03": StoreUnavailable,  # this process said nothing for too long
    "XX001": StoreCorrupt,
    "XX002": StoreCorrupt,
}
_BY_CLASS: dict[str, type[StoreError]] = {"08": StoreUnavailable, "57": StoreUnavailable}
_REFUSED = {
    "28": "The store's database does not accept this user or password.",
    "3D": "The store's server has no database of that name.",
    "42": "The store's database does not let this user do what it must.",
}


class PostgresBackend:
    """A PostgreSQL database.

    Args:
        url: Of the database: ``postgresql://user@host/name``.
        busy_timeout_s: Longest wait for a lock, and for a connection to be made.

    Raises:
        BadSetting: The URL names another driver than psycopg.
        ExtraMissing: The driver is not installed.
    """

    def __init__(self, url: URL, busy_timeout_s: float) -> None:
        if url.drivername not in _DRIVERS:
            raise BadSetting("The URL of a PostgreSQL store begins with postgresql:// and names no other driver.")
        try:
            import psycopg  # noqa: F401
        except ImportError:
            raise ExtraMissing("A store in PostgreSQL needs the driver: pip install 'streamauth[postgres]'.") from None
        self._busy_timeout_s = busy_timeout_s
        self.file: Path | None = None
        self.place = f"{url.host or url.query.get('host')}:{url.port or 5432}/{url.database}"
        self.url = url.set(drivername="postgresql+psycopg")

    @property
    def engine_options(self) -> dict[str, Any]:
        """See ``Backend``."""
        lock_ms = max(1, int(self._busy_timeout_s * 1000))
        limits = {
            "lock_timeout": lock_ms,
            "statement_timeout": lock_ms * _STATEMENT_FACTOR,
            "idle_in_transaction_session_timeout": max(_LEAST_IDLE_MS, lock_ms // 2),
            **{f"tcp_{name}": value for name, value in _ALIVE.items()},
        }
        connect = {
            "connect_timeout": max(2, int(self._busy_timeout_s)),  # libpq takes 1 for 2
            "tcp_user_timeout": lock_ms,  # a cut network is noticed although nothing comes back
            **_ALIVE,
            "application_name": "streamauth",
            "prepare_threshold": None,  # works behind a pooler that shares connections by transaction
            "options": " ".join(f"-c {name}={value}" for name, value in limits.items()),
        }
        return {"pool_pre_ping": True, "connect_args": connect}

    def prepare(self, engine: Engine) -> None:
        """See ``Backend``."""

    def execution_options(self, mode: Mode) -> Mapping[str, Any]:
        """See ``Backend``."""
        if mode == "read":
            return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        return {"isolation_level": "READ COMMITTED"}

    def begun(self, connection: Connection, mode: Mode) -> None:
        """See ``Backend``."""
        if mode == "migrate":
            self.patient(connection)
            self.lock(connection, _MIGRATION)

    def now_s(self, connection: Connection) -> float:
        """See ``Backend``: now, not when the transaction began, as it may have waited for a lock."""
        return float(connection.scalar(select(self.clock())) or 0.0)

    def clock(self) -> "ColumnElement[float]":
        """See ``Backend``."""
        return literal_column("extract(epoch from clock_timestamp())::double precision", Double)

    def patient(self, connection: Connection) -> None:
        """See ``Backend``."""
        for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
            connection.execute(text(f"SET LOCAL {limit} = 0"))

    def lock(self, connection: Connection, name: str) -> None:
        """See ``Backend``."""
        number = int.from_bytes(hashlib.sha256(f"streamauth {name}".encode()).digest()[:8], "big", signed=True)
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})

    def renumber(self, connection: Connection, tables: Sequence[Table]) -> None:
        """See ``Backend``."""
        for table in tables:
            column = table.autoincrement_column
            if column is None or column.foreign_keys:
                continue
            sequence = func.pg_get_serial_sequence(table.name, column.name)
            if connection.scalar(select(sequence)) is None:
                continue  # ids that are given, not counted
            greatest = connection.scalar(select(func.max(column)))
            if greatest is not None:
                connection.execute(select(func.setval(sequence, greatest)))

    def wipe(self, engine: Engine) -> None:
        """See ``Backend``: PostgreSQL reuses the space of deleted rows by itself (autovacuum)."""

    def check(self, connection: Connection) -> None:
        """See ``Backend``: PostgreSQL has tools of its own for that (data checksums, pg_amcheck)."""

    def named(self, error: BaseException) -> StoreError | None:
        """See ``Backend``."""
        import psycopg

        if not isinstance(error, psycopg.Error):
            return None
        state = error.sqlstate
        if state is None:
            # no answer of the server: it is away, or the connection was cut
            return StoreUnavailable() if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) else None
        kind = _BY_STATE.get(state) or _BY_CLASS.get(state[:2])
        if kind is not None:
            return kind()
        if state[:2] in _REFUSED:
            return StoreError(_REFUSED[state[:2]])
        return StoreError(f"The store cannot be read or written ({type(error).__name__}).")
