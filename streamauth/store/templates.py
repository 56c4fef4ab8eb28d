"""Templates: further voiceprints of a profile, of other rooms and devices, and the one that follows the voice.

A template has a label, unique to the profile. The one without a label is the enrolled voiceprint as very confident
accepts have moved it (``core/voice/adaptation``); the enrolled one itself is never changed.
"""

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from streamauth.core.ports import Voiceprint
from streamauth.errors import TooManyTemplates, UnknownProfile, UnknownTemplate
from streamauth.store.audit import note
from streamauth.store.authentic import PROFILE
from streamauth.store.changes import touch
from streamauth.store.names import stored_name
from streamauth.store.profile_keys import ProfileKey
from streamauth.store.records import opened_voiceprint, sealed_voiceprint
from streamauth.store.schema import templates, voiceprints
from streamauth.store.sealed_database import StorePart
from streamauth.store.standing import Check

FOLLOWING = ""
"""The label of the voiceprint that follows the voice."""
MAX_LABEL = 64
_BATCH = 500


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """A voiceprint beside the enrolled one.

    Attributes:
        label: The place or device; empty for the one that follows the voice.
        voiceprint: The voiceprint.
        updates: How many accepts have moved it.
    """

    label: str
    voiceprint: Voiceprint = field(repr=False)
    updates: int


class _Unmoved(Exception):
    """Nothing is to be changed."""


class Templates(StorePart):
    """Reading and changing templates."""

    def of(self, profile_id: str, encoder_id: str) -> list[Template]:
        """Those of a profile for one encoder, in order of their labels."""
        with self._sealed.read() as connection:
            self._sealed.check(connection, PROFILE, profile_id)
            found = templates_of(connection, partial(self._sealed.profile_key, connection), (profile_id,), encoder_id)
        return found[profile_id]

    def put(
        self,
        profile_id: str,
        encoder_id: str,
        label: str,
        voiceprint: Voiceprint,
        *,
        most: int,
        check: Check | None = None,
    ) -> None:
        """Store a voiceprint under a label, in place of an earlier one.

        Args:
            profile_id: Whose it is.
            encoder_id: The encoder that made it.
            label: Of 1 to 64 characters.
            voiceprint: The voiceprint.
            most: Labels that a profile may have.
            check: What it relies on, checked in the same transaction.

        Raises:
            BadProfileName: It cannot be a label.
            UnknownProfile: The profile is gone.
            TooManyTemplates: It has as many as it may.
        """
        label = stored_name(label)[:MAX_LABEL]
        mine = (templates.c.profile_id == profile_id) & (templates.c.encoder_id == encoder_id)
        with self._sealed.write() as connection:
            if check is not None:
                check(self._sealed, connection)
            now_ms = self._sealed.database.now_ms(connection)
            touch(self._sealed, connection, profile_id, now_ms)
            key = self._sealed.profile_key(connection, profile_id)
            connection.execute(delete(templates).where(mine, templates.c.label == label))
            there = connection.scalar(select(func.count()).where(mine, templates.c.label != FOLLOWING)) or 0
            if there >= most:
                raise TooManyTemplates
            connection.execute(
                insert(templates).values(
                    profile_id=profile_id,
                    encoder_id=encoder_id,
                    label=label,
                    updated_ms=now_ms,
                    updates=0,
                    embedding=sealed_voiceprint(key, voiceprint, "template", profile_id, encoder_id, label),
                )
            )
            note(self._sealed, connection, "template.added", subject=profile_id)

    def follow(
        self, profile_id: str, encoder_id: str, move: Callable[[Voiceprint, Voiceprint], Voiceprint | None]
    ) -> int | None:
        """Move the voiceprint that follows the voice, in one transaction.

        Args:
            profile_id: Whose it is.
            encoder_id: The encoder that made it.
            move: Gives the next one of (enrolled, present); None leaves it.

        Returns:
            How many accepts have moved it; None where it was left, or nothing is enrolled.
        """
        mine = (templates.c.profile_id == profile_id) & (templates.c.encoder_id == encoder_id)
        context = (profile_id, encoder_id)
        # where nothing moves, the transaction is undone, so that the profile does not count as changed
        with suppress(_Unmoved, UnknownProfile), self._sealed.write() as connection:
            now_ms = self._sealed.database.now_ms(connection)
            touch(self._sealed, connection, profile_id, now_ms)
            key = self._sealed.profile_key(connection, profile_id)
            embedding = connection.scalar(
                select(voiceprints.c.embedding).where(
                    voiceprints.c.profile_id == profile_id, voiceprints.c.encoder_id == encoder_id
                )
            )
            if embedding is None:
                raise _Unmoved
            enrolled = opened_voiceprint(key, embedding, "voiceprint", *context)
            row = connection.execute(select(templates).where(mine, templates.c.label == FOLLOWING)).one_or_none()
            moved = move(enrolled, enrolled if row is None else _template_of(row, key).voiceprint)
            if moved is None:
                raise _Unmoved
            values = {
                "updated_ms": now_ms,
                "updates": 1 if row is None else row.updates + 1,
                "embedding": sealed_voiceprint(key, moved, "template", *context, FOLLOWING),
            }
            if row is None:
                whose = {"profile_id": profile_id, "encoder_id": encoder_id, "label": FOLLOWING}
                connection.execute(insert(templates).values(**whose, **values))
            else:
                connection.execute(update(templates).where(mine, templates.c.label == FOLLOWING).values(**values))
            return int(values["updates"])
        return None

    def remove(self, profile_id: str, label: str) -> None:
        """Remove a template of a profile, for all encoders, and every trace of it.

        Raises:
            UnknownProfile: The profile is gone.
            UnknownTemplate: It has none of that label.
            StoreBusy, DiskFull: Where the message says so, it is done, but traces remain for now.
        """
        with self._sealed.erase() as connection:
            touch(self._sealed, connection, profile_id, self._sealed.database.now_ms(connection))
            mine = (templates.c.profile_id == profile_id) & (templates.c.label == label)
            if not connection.execute(delete(templates).where(mine)).rowcount:
                raise UnknownTemplate
            note(self._sealed, connection, "template.removed", subject=profile_id)

    def labels(self, profile_id: str) -> tuple[str, ...]:
        """The labels of a profile's templates, without the one that follows, sorted."""
        query = select(templates.c.label).where(templates.c.profile_id == profile_id, templates.c.label != FOLLOWING)
        with self._sealed.read() as connection:
            return tuple(sorted(connection.scalars(query.distinct())))


def templates_of(
    connection: Connection, key_of: Callable[[str], ProfileKey], profile_ids: Collection[str], encoder_id: str
) -> Mapping[str, list[Template]]:
    """The templates of profiles for one encoder, by profile, in order of their labels."""
    found: dict[str, list[Template]] = {profile_id: [] for profile_id in profile_ids}
    query = select(templates).where(templates.c.encoder_id == encoder_id).order_by(templates.c.label)
    wanted = list(found)
    for begin in range(0, len(wanted), _BATCH):
        of_these = templates.c.profile_id.in_(wanted[begin : begin + _BATCH])
        for row in connection.execute(query.where(of_these)):
            found[row.profile_id].append(_template_of(row, key_of(row.profile_id)))
    return found


def _template_of(row: Any, key: ProfileKey) -> Template:
    voiceprint = opened_voiceprint(key, row.embedding, "template", row.profile_id, row.encoder_id, row.label)
    return Template(row.label, voiceprint, row.updates)
