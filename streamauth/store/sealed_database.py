"""The database of a store together with the key that seals what is in it. Every part of the store holds one.

Which key is in force is written in the database (the key check) and read anew in every transaction that needs
it. So a store that another process rotates goes on here with the new key, or fails with KeyWrong, and nothing
is ever sealed by a former key.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, delete, exists, insert, select, update

from streamauth.errors import DiskFull, StoreBusy, StoreCorrupt, UnknownProfile
from streamauth.store import ledger
from streamauth.store.authentic import Authentic, Unit
from streamauth.store.database import Database
from streamauth.store.high_water import HighWater
from streamauth.store.keys import KeySource
from streamauth.store.profile_keys import ProfileKey
from streamauth.store.schema import api_keys, meta, profiles
from streamauth.store.schema import ledger as ledger_table
from streamauth.store.sealing import SealingKey, key_id_of

_KEY_CHECK = "key_check"
_WIPE = "wipe"
_SECRET_BYTES = 32
API_KEY_SECRET = "api_key_secret"  # noqa: S105 - the name of a row
"""By what API keys are hashed."""
OWN_NAMES = (_KEY_CHECK, _WIPE)
"""What belongs to this database alone, and is not copied to another one."""


class SealedDatabase:
    """A database and its sealing key.

    Args:
        database: At the present schema.
        keys: Where the key is found.
        version_file: What remembers how far the database has come.
        refuse_older: Whether an older one than was seen is an error.

    Attributes:
        database: The database.
        keys: Where the key is found.
        authentic: Tells rows that streamauth wrote from others.
    """

    def __init__(
        self, database: Database, keys: KeySource, version_file: Path | None = None, *, refuse_older: bool = True
    ) -> None:
        self.database = database
        self.keys = keys
        path = version_file or keys.file.with_name(f"streamauth-{database.name}.version")
        self.authentic = Authentic(database, HighWater(path), refuse_older)
        self._known_keys: dict[bytes, SealingKey] = {}

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads; see ``Database.read``."""
        seen = self.authentic.version
        with self.database.read() as connection:
            self.authentic.begun(connection, seen)
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that writes; see ``Database.write``. What it changed is marked as ours at its end."""
        version = None
        with self.database.write() as connection:
            self.authentic.begun(connection)
            connection.info.pop(_KEY_CHECK, None)
            yield connection
            if self.authentic.has_changes(connection):
                version = self.authentic.settle(connection, self.key(connection))
        if version is not None:
            self.authentic.committed(version)

    def check(self, connection: Connection, unit: Unit, *id_: str) -> None:
        """Go on only where the rows of a unit are ours, see ``Authentic.check``."""
        self.authentic.check(connection, self.key(connection), unit, *id_)

    def change(self, connection: Connection, unit: Unit, *id_: str) -> None:
        """Check the rows of a unit before this transaction changes them, see ``Authentic.change``."""
        self.authentic.change(connection, self.key(connection), unit, *id_)

    def made(self, connection: Connection, unit: Unit, *id_: str) -> None:
        """Note a unit that this transaction has just made, see ``Authentic.made``."""
        self.authentic.made(connection, self.key(connection), unit, *id_)

    def forget(self, connection: Connection, unit: Unit, *id_: str) -> None:
        """Note that this transaction removes the rows of a unit, see ``Authentic.forget``."""
        self.authentic.forget(connection, unit, *id_)

    def drop(self, connection: Connection, unit: Unit, key: "Column[str]", condition: ColumnElement[bool]) -> None:
        """Delete rows that each are a unit, known by a key; those that another transaction deletes are skipped."""
        # else two could wait for each other
        those = select(key).where(condition).with_for_update(skip_locked=True)
        for gone in connection.scalars(delete(key.table).where(key.in_(those)).returning(key)):
            self.forget(connection, unit, gone)

    def key(self, connection: Connection) -> SealingKey:
        """The key in force in this transaction. Where it writes, the key is not changed before its end.

        Raises:
            KeyMissing, KeyWrong, KeyExposed: It cannot be found.
        """
        query, writes = _meta_query(_KEY_CHECK), self.database.writes(connection)
        if writes and _KEY_CHECK in connection.info:
            return self._key_of(connection.info[_KEY_CHECK])
        if writes:
            query = query.with_for_update(read=True)  # SQLite has one writer at a time already
        check: bytes | None = connection.scalar(query)
        if check is None:
            raise StoreCorrupt
        key_id = key_id_of(check)
        if writes:
            connection.info[_KEY_CHECK] = key_id
        return self._key_of(key_id)

    def profile_key(self, connection: Connection, profile_id: str) -> ProfileKey:
        """The key of a profile, which seals all that is kept of a person.

        Raises:
            UnknownProfile: It is gone.
            StoreCorrupt: Its key was changed.
        """
        query = select(profiles.c.id, profiles.c.tenant_id, profiles.c.own_key).where(profiles.c.id == profile_id)
        row = connection.execute(query).one_or_none()
        if row is None:
            raise UnknownProfile
        return ProfileKey.of(self.key(connection), row)

    def secret(self, connection: Connection, name: str) -> bytes:
        """A secret of this store, which lies sealed in it.

        Raises:
            StoreCorrupt: It is missing or damaged.
        """
        sealed = _meta(connection, name)
        if sealed is None:
            raise StoreCorrupt
        return self.key(connection).unseal(sealed, name)

    def unlock(self) -> None:
        """Find the key and prove it on the key check; on first use, write the key check.

        Raises:
            KeyMissing, KeyWrong, KeyExposed: It cannot be found, or is another one.
            StoreRolledBack: The database is older than this machine has seen.
        """
        with self.read() as connection:
            check = _meta(connection, _KEY_CHECK)
        if check is None:
            with self.write() as connection:
                self.database.lock(connection, _KEY_CHECK)
                check = _meta(connection, _KEY_CHECK) or self._first_check(connection)
        self._key_of(key_id_of(check)).unseal(check, _KEY_CHECK)
        seen = self.authentic.high_water.read()
        with self.read() as connection:
            self.authentic.opened(connection, self.key(connection), seen)

    def hold_key(self, connection: Connection) -> None:
        """Wait until nobody seals, and let nobody seal until this transaction ends."""
        connection.execute(_meta_query(_KEY_CHECK).with_for_update())

    def change_key(self, connection: Connection, key: SealingKey) -> None:
        """Put another key in force, in the transaction that seals everything by it."""
        self._known_keys[key.id] = key
        check = key.seal(b"", _KEY_CHECK)
        connection.execute(update(meta).where(meta.c.name == _KEY_CHECK).values(value=check))
        connection.info[_KEY_CHECK] = key.id

    @contextmanager
    def erase(self) -> Iterator[Connection]:
        """A transaction that deletes, after which no trace of what it deleted stays in the files.

        Raises:
            StoreBusy, DiskFull: Where the message says so, it is deleted, but traces remain for now.
        """
        with self.write() as connection:
            yield connection
            self.mark_wipe(connection)
        self.wipe()

    def mark_wipe(self, connection: Connection) -> None:
        """Note, in the transaction that deletes, that the files must be wiped: a kill may come in between."""
        self.database.lock(connection, _WIPE)
        mark = secrets.token_bytes(16)
        if not connection.execute(update(meta).where(meta.c.name == _WIPE).values(value=mark)).rowcount:
            connection.execute(insert(meta).values(name=_WIPE, value=mark))

    def wipe(self) -> None:
        """Wipe the files if that is noted.

        Raises:
            StoreBusy, DiskFull: They cannot be wiped now; the note stays.
        """
        try:
            self._wipe()
        except (StoreBusy, DiskFull) as error:
            raise type(error)(
                "It is deleted, but traces remain in the store's files: "
                + ("the disk is full." if isinstance(error, DiskFull) else "another process holds the store.")
                + " They are wiped when the store is next opened, or something else is deleted."
            ) from None

    def finish_wipe(self) -> None:
        """Wipe the files if an earlier deletion could not."""
        with suppress(StoreBusy, DiskFull):  # the note stays, and the store can be used meanwhile
            self._wipe()

    def _key_of(self, key_id: bytes) -> SealingKey:
        if key_id not in self._known_keys:
            self._known_keys[key_id] = self.keys.find(key_id)
        return self._known_keys[key_id]

    def _first_check(self, connection: Connection) -> bytes:
        for table in (profiles, api_keys, ledger_table):
            if connection.scalar(select(exists().select_from(table))):
                raise StoreCorrupt  # somebody took the check away: never make a new key then
        key = self.keys.find_or_make()
        check = key.seal(b"", _KEY_CHECK)
        connection.execute(insert(meta).values(name=_KEY_CHECK, value=check))
        ledger.begin(connection, key)
        sealed = key.seal(secrets.token_bytes(_SECRET_BYTES), API_KEY_SECRET)
        connection.execute(insert(meta).values(name=API_KEY_SECRET, value=sealed))
        return check

    def _wipe(self) -> None:
        with self.read() as connection:
            mark = _meta(connection, _WIPE)
        if not mark:
            return
        self.database.wipe()
        with self.write() as connection:
            # a newer mark is of a deletion that came after this wipe, and stays
            connection.execute(delete(meta).where(meta.c.name == _WIPE, meta.c.value == mark))


class StorePart:
    """What the store does for one concern."""

    def __init__(self, sealed: SealedDatabase) -> None:
        self._sealed = sealed


def _meta_query(name: str) -> Select[Any]:
    return select(meta.c.value).where(meta.c.name == name)


def _meta(connection: Connection, name: str) -> bytes | None:
    value: bytes | None = connection.scalar(_meta_query(name))
    return value
