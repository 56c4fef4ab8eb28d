"""Maintenance of a whole store: another key, and a check of everything."""

from pathlib import Path

from sqlalchemy import select

from streamauth.errors import InputError, StoreTampered
from streamauth.store.audit import Audit, note, reseal
from streamauth.store.authentic import Forged
from streamauth.store.copying import copy_store
from streamauth.store.private import exposed
from streamauth.store.records import profile_of
from streamauth.store.schema import (
    profiles,
)
from streamauth.store.sealed_database import StorePart
from streamauth.store.sealed_values import reseal_values, sealed_values
from streamauth.store.sealing import SealingKey


class Maintenance(StorePart):
    """What an operator does to a store."""

    def rotate_key(self, new: SealingKey | None = None) -> None:
        """Seal everything by another key, in one transaction.

        A new key file is on the disk before the store is sealed by it and becomes the current one after that,
        so that the store opens whenever this is cut off. The former key stays beside as
        ``sealing.key.old-<id>``: backups and other stores may need it; delete it when none does. Other
        processes that have the store open go on, unless their key came from the environment.

        Args:
            new: The new key; a random one if None. Must be given where the key comes from the environment or
                a command, which must give the new key from then on.

        Raises:
            InputError: No new key was given where it must be, or it is the present one.
            StoreBusy, DiskFull, StoreError: Nothing was changed.
        """
        if new is None:
            if not self._sealed.keys.is_file:
                raise InputError("The key does not come from a file here: the new key must be given.")
            new = SealingKey.generate()
        with self._sealed.write() as connection:
            self._sealed.database.patient(connection)
            self._sealed.hold_key(connection)
            current = self._sealed.key(connection)
            if current.id == new.id:
                raise InputError("The new key is the present one.")
            if next(self._sealed.authentic.forged(connection, current), None) is not None:
                raise StoreTampered
            self._sealed.keys.stage(new)
            reseal_values(connection, current, new)
            reseal(connection, current, new)
            self._sealed.authentic.rebuild(connection, current, new)
            self._sealed.change_key(connection, new)
            note(self._sealed, connection, "key.rotated")
            self._sealed.mark_wipe(connection)
        self._sealed.keys.settle(new)
        self._sealed.wipe()

    def copy_to(self, other: "Maintenance") -> dict[str, int]:
        """Copy everything into another store; see ``store.copying``.

        Raises:
            InputError: The other store is not empty, or has another key.
        """
        return copy_store(self._sealed, other._sealed)

    def forged(self) -> list[Forged]:
        """All rows that streamauth did not write, or that were taken out.

        Raises:
            StoreTampered: What proves it was tampered with itself.
        """
        with self._sealed.read() as connection:
            self._sealed.database.patient(connection)
            return list(self._sealed.authentic.forged(connection, self._sealed.key(connection)))

    def accept_older(self) -> None:
        """Go on from the state of the database that is there, such as a backup, although a newer one was seen."""
        with self._sealed.write() as connection:
            self._sealed.authentic.accept_older(connection, self._sealed.key(connection))
            note(self._sealed, connection, "store.older_accepted")

    def exposed(self) -> list[Path]:
        """Files of the database that other users can read or write, and its folder where they can write it."""
        file = self._sealed.database.file
        return [] if file is None else exposed(file)

    @property
    def key_beside(self) -> Path | None:
        """The key file, where it lies in the folder of the database: whoever copies that has both."""
        file, keys = self._sealed.database.file, self._sealed.keys
        beside = file is not None and keys.is_file and keys.file.resolve().parent == file.resolve().parent
        return keys.file if beside else None

    @property
    def version_file(self) -> tuple[Path, str]:
        """The file that remembers how far the store has come, and why it cannot be kept; empty while it can."""
        found = self._sealed.authentic.high_water
        return found.path, found.fault

    def check(self) -> None:
        """Read everything there is.

        Raises:
            StoreCorrupt: Something is damaged, or sealed for another place.
            AuditBroken, StoreTampered: Something was not written by streamauth.
        """
        self._sealed.database.check()
        Audit(self._sealed).verify()
        with self._sealed.read() as connection:
            self._sealed.database.patient(connection)
            key = self._sealed.key(connection)
            if next(self._sealed.authentic.forged(connection, key), None) is not None:
                raise StoreTampered
            for row in connection.execute(select(profiles)):
                profile_of(row, key)
            for _, cells in sealed_values(connection):
                for cell in cells:
                    cell.opened(key)
