"""Maintenance of a whole store: another key, and a check of everything."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, bindparam, select, tuple_

from streamauth.errors import InputError, StoreTampered
from streamauth.store.audit import Audit, note, reseal
from streamauth.store.authentic import Forged
from streamauth.store.copying import copy_store
from streamauth.store.door_schema import door_site
from streamauth.store.private import exposed
from streamauth.store.records import profile_of
from streamauth.store.schema import (
    audit,
    enrollments,
    profiles,
    prompts,
    recordings,
    session_tokens,
    signing_keys,
    templates,
    trails,
    voiceprints,
)
from streamauth.store.sealed_database import SealedDatabase
from streamauth.store.sealing import SealingKey

_BATCH = 500
_AUDIO_BATCH = 8


@dataclass(frozen=True, slots=True)
class _Cell:
    """A sealed value: the primary key of its row, the value, its context."""

    key: dict[str, Any]
    sealed: bytes
    context: tuple[str, ...]


class Maintenance:
    """What an operator does to a store.

    Args:
        sealed: The open database with its key.
    """

    def __init__(self, sealed: SealedDatabase) -> None:
        self._sealed = sealed

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
            self._sealed.hold_key(connection)
            current = self._sealed.key(connection)
            if current.id == new.id:
                raise InputError("The new key is the present one.")
            if next(self._sealed.authentic.forged(connection, current), None) is not None:
                raise StoreTampered
            self._sealed.keys.stage(new)
            for column, cells in _sealed(connection):
                table = column.table
                mine = [key == bindparam(f"key_{key.name}") for key in table.primary_key]
                connection.execute(
                    table.update().where(*mine).values({column.name: bindparam("sealed")}),
                    [
                        {f"key_{name}": value for name, value in cell.key.items()}
                        | {"sealed": new.seal(current.unseal(cell.sealed, *cell.context), *cell.context)}
                        for cell in cells
                    ],
                )
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
            key = self._sealed.key(connection)
            if next(self._sealed.authentic.forged(connection, key), None) is not None:
                raise StoreTampered
            for row in connection.execute(select(profiles)):
                profile_of(row, key)
            for _, cells in _sealed(connection):
                for cell in cells:
                    key.unseal(cell.sealed, *cell.context)


def _sealed(connection: Connection) -> Iterator[tuple["Column[Any]", list[_Cell]]]:
    """All sealed values, in batches from one column."""
    for column, purpose, parts in (
        (profiles.c.phrase, "phrase", ("id",)),
        (enrollments.c.embedding, "enrollment", ("profile_id", "encoder_id")),
        (enrollments.c.pronunciation_scores, "pronunciation scores", ("profile_id", "encoder_id")),
        (enrollments.c.rendering, "rendering", ("profile_id", "encoder_id")),
        (voiceprints.c.embedding, "voiceprint", ("profile_id", "encoder_id")),
        (templates.c.embedding, "template", ("profile_id", "encoder_id", "label")),
        (recordings.c.audio, "recording", ("profile_id", "enrollment_id")),
        (audit.c.entry, "audit", ("number",)),
        (trails.c.trail, "trail", ("profile_id",)),
        (prompts.c.words, "prompt", ("id",)),
        (session_tokens.c.purpose, "session token", ("hash",)),
        (signing_keys.c.private, "signing key", ("id",)),
        (door_site.c.value, "site state", ("name",)),
    ):
        keys = tuple(column.table.primary_key)
        batch = _AUDIO_BATCH if column is recordings.c.audio else _BATCH
        query = select(column.table).where(column.is_not(None)).order_by(*keys).limit(batch)
        page = query
        while rows := connection.execute(page).mappings().all():
            yield (
                column,
                [
                    _Cell(
                        {key.name: row[key] for key in keys},
                        row[column],
                        (purpose, *(str(row[part]) for part in parts)),
                    )
                    for row in rows
                ],
            )
            page = query.where(tuple_(*keys) > tuple_(*(rows[-1][key] for key in keys)))
