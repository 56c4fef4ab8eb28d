"""What the store needs of a database beside SQL. A new database is one more class with these methods."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from sqlalchemy import URL, ColumnElement, Connection, Engine, Table

from streamauth.errors import StoreError

Mode = Literal["read", "write", "count", "migrate"]
"""What a transaction does: read one state of the database; write; write what may be lost; or change the schema."""


class Backend(Protocol):
    """One kind of database."""

    url: URL
    """Of the database, with the driver to use."""

    @property
    def place(self) -> str:
        """What tells this database from others, without a user or a password."""

    @property
    def file(self) -> Path | None:
        """Its file, where it is one."""

    @property
    def engine_options(self) -> dict[str, Any]:
        """Arguments of ``create_engine``."""

    def prepare(self, engine: Engine) -> None:
        """Set up a new engine."""

    def execution_options(self, mode: Mode) -> Mapping[str, Any]:
        """Execution options of a transaction."""

    def begun(self, connection: Connection, mode: Mode) -> None:
        """Called when a transaction has begun."""

    def now_s(self, connection: Connection) -> float:
        """The database's clock: seconds since the epoch."""

    def clock(self) -> "ColumnElement[float]":
        """The same as a part of a statement."""

    def patient(self, connection: Connection) -> None:
        """Lift the limits of time for the rest of this transaction: much is worked on between its statements."""

    def lock(self, connection: Connection, name: str) -> None:
        """Wait until no other transaction holds this name; hold it until the transaction ends."""

    def renumber(self, connection: Connection, tables: Sequence[Table]) -> None:
        """Make tables count on from the greatest id in them."""

    def wipe(self, engine: Engine) -> None:
        """Remove all that was deleted from the files, as far as the database can."""

    def check(self, connection: Connection) -> None:
        """Read everything, as far as the database can check itself.

        Raises:
            StoreCorrupt: Something is damaged.
        """

    def named(self, error: BaseException) -> StoreError | None:
        """The named error for an error of the driver; None where it is not known."""
