"""An open store: its database at the right schema, its key at hand. Base of the parts of ProfileStore.

Which key is in force is written in the database (the key check) and read anew in every transaction that needs
it. So a store that another process rotates goes on here with the new key, or fails with KeyWrong, and nothing
is ever sealed by a former key.
"""

import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, delete, exists, insert, select, update

from streamauth.errors import DiskFull, StoreBusy, StoreCorrupt, UnknownProfile
from streamauth.settings import StoreSettings
from streamauth.store.database import Database
from streamauth.store.door_plan import DoorPlan
from streamauth.store.doors import Doors
from streamauth.store.keys import KeySource
from streamauth.store.migrations import upgrade
from streamauth.store.outbox import Outbox
from streamauth.store.records import now_ms
from streamauth.store.schema import meta, profiles
from streamauth.store.sealing import SealingKey, key_id_of

_KEY_CHECK = "key_check"
_WIPE = "wipe"


class OpenStore:
    """A store with its key. Use ``open``; it may be shared by threads, and opened by several processes."""

    def __init__(self, database: Database, keys: KeySource) -> None:
        self._database = database
        self._keys = keys
        self._known_keys: dict[bytes, SealingKey] = {}
        self.outbox = Outbox(database)
        self.doors = Doors(database)
        self.door_plan = DoorPlan(database)

    @classmethod
    def open(
        cls, home: Path, settings: StoreSettings | None = None, environment: Mapping[str, str] | None = None
    ) -> Self:
        """Open the store of a data folder; make it, or bring it to the present schema, where needed.

        Args:
            home: The data folder, made if missing. The store is its ``streamauth.db`` and the key its
                ``sealing.key`` where the settings do not say otherwise.
            settings: Where store and key are.
            environment: Where the key variable is looked for; the process's own by default.

        Raises:
            BadSetting: The URL of the store cannot be used.
            StoreCorrupt, StoreTooNew: The database is damaged, another program's, or of a later version.
            KeyMissing, KeyWrong, KeyExposed: The key cannot be found, is another one, or is not kept secret.
            StoreBusy, DiskFull, StoreError: The database cannot be used now.
        """
        settings = settings or StoreSettings()
        database = Database(settings.url or home / "streamauth.db", busy_timeout_s=settings.busy_timeout_s)
        try:
            upgrade(database)
            store = cls(database, KeySource.of(home, settings, environment))
            store._unlock()
            store._finish_wipe()
        except BaseException:
            database.close()
            raise
        return store

    def close(self) -> None:
        """Close all connections. The store must not be used afterwards."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _key(self, connection: Connection) -> SealingKey:
        """The key in force in this transaction."""
        check = _meta(connection, _KEY_CHECK)
        if check is None:
            raise StoreCorrupt
        return self._key_of(key_id_of(check))

    def _key_of(self, key_id: bytes) -> SealingKey:
        if key_id not in self._known_keys:
            self._known_keys[key_id] = self._keys.find(key_id)
        return self._known_keys[key_id]

    def _unlock(self) -> None:
        """Find the key, and prove it on the key check; on first use, write the key check."""
        with self._database.read() as connection:
            check = _meta(connection, _KEY_CHECK)
        if check is None:
            with self._database.write() as connection:
                check = _meta(connection, _KEY_CHECK) or self._first_check(connection)
        self._key_of(key_id_of(check)).unseal(check, _KEY_CHECK)

    def _first_check(self, connection: Connection) -> bytes:
        if connection.scalar(select(exists().select_from(profiles))):
            raise StoreCorrupt  # somebody took the check away: never make a new key then
        check = self._keys.find_or_make().seal(b"", _KEY_CHECK)
        connection.execute(insert(meta).values(name=_KEY_CHECK, value=check))
        return check

    def _change_key(self, connection: Connection, key: SealingKey) -> None:
        """Put another key in force, in the transaction that seals everything by it."""
        self._known_keys[key.id] = key
        check = key.seal(b"", _KEY_CHECK)
        connection.execute(update(meta).where(meta.c.name == _KEY_CHECK).values(value=check))

    def _mark_wipe(self, connection: Connection) -> None:
        """Note, in the transaction that deletes, that the files must be wiped: a kill may come in between."""
        connection.execute(delete(meta).where(meta.c.name == _WIPE))
        connection.execute(insert(meta).values(name=_WIPE, value=secrets.token_bytes(16)))

    def _wipe(self) -> None:
        """Wipe the files if that is noted."""
        with self._database.read() as connection:
            mark = _meta(connection, _WIPE)
        if mark is None:
            return
        self._database.wipe()
        with self._database.write() as connection:
            # a newer mark is of a deletion that came after this wipe, and stays
            connection.execute(delete(meta).where(meta.c.name == _WIPE, meta.c.value == mark))

    def _wipe_now(self) -> None:
        try:
            self._wipe()
        except (StoreBusy, DiskFull) as error:
            raise type(error)(
                "It is deleted, but traces remain in the store's files: "
                + ("the disk is full." if isinstance(error, DiskFull) else "another process holds the store.")
                + " They are wiped when the store is next opened, or something else is deleted."
            ) from None

    def _finish_wipe(self) -> None:
        with suppress(StoreBusy, DiskFull):  # the note stays, and the store can be used meanwhile
            self._wipe()


def touch(connection: Connection, profile_id: str) -> int:
    """Note that a profile changes; give the moment, in milliseconds since the epoch.

    Raises:
        UnknownProfile: It is gone.
    """
    now = now_ms()
    changed = connection.execute(update(profiles).where(profiles.c.id == profile_id).values(updated_ms=now))
    if changed.rowcount != 1:
        raise UnknownProfile
    return now


def _meta(connection: Connection, name: str) -> bytes | None:
    value: bytes | None = connection.scalar(select(meta.c.value).where(meta.c.name == name))
    return value
