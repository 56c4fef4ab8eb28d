"""Further voiceprints of a person beside the enrolled one: of other rooms and devices, and the one that follows.

A template has a label, unique to the person. The one without a label is the enrolled voiceprint as very confident
accepts have moved it (``core/adaptation``); the enrolled one itself is never changed.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from sqlalchemy import delete, func, insert, select, update

from streamauth.core.ports import Voiceprint
from streamauth.errors import TooManyTemplates, UnknownTemplate
from streamauth.store.opening import OpenStore, touch
from streamauth.store.records import checked_name, now_ms, voiceprint_bytes, voiceprint_from
from streamauth.store.schema import profiles, templates, voiceprints

FOLLOWING = ""
"""The label of the voiceprint that follows."""
MAX_LABEL = 64


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


class Templates(OpenStore):
    """What a person is compared by beside the enrolled voiceprint."""

    def templates(self, encoder_id: str, profile_ids: Collection[str]) -> dict[str, list[Template]]:
        """Those of profiles for one encoder, by profile, in order of their labels."""
        query = select(templates).where(templates.c.encoder_id == encoder_id).order_by(templates.c.label)
        if len(profile_ids) == 1:
            query = query.where(templates.c.profile_id.in_(profile_ids))
        found: dict[str, list[Template]] = {profile_id: [] for profile_id in profile_ids}
        with self._database.read() as connection:
            key = self._key(connection)
            rows = [row for row in connection.execute(query) if row.profile_id in found]
        for row in rows:
            data = key.unseal(row.embedding, "template", row.profile_id, encoder_id, row.label)
            found[row.profile_id].append(Template(row.label, voiceprint_from(data), row.updates))
        return found

    def put_template(self, profile_id: str, encoder_id: str, label: str, voiceprint: Voiceprint, *, most: int) -> None:
        """Store a voiceprint under a label, in place of an earlier one.

        Args:
            profile_id: Whose it is.
            encoder_id: The encoder that made it.
            label: Of 1 to 64 characters.
            voiceprint: The voiceprint.
            most: Labels that a profile may have.

        Raises:
            BadProfileName: It cannot be a label.
            UnknownProfile: The profile is gone.
            TooManyTemplates: It has as many as it may.
        """
        label = checked_name(label)[:MAX_LABEL]
        mine = (templates.c.profile_id == profile_id) & (templates.c.encoder_id == encoder_id)
        with self._database.write() as connection:
            now = touch(connection, profile_id)
            key = self._key(connection)
            connection.execute(delete(templates).where(mine, templates.c.label == label))
            there = connection.scalar(select(func.count()).where(mine, templates.c.label != FOLLOWING)) or 0
            if there >= most:
                raise TooManyTemplates
            connection.execute(
                insert(templates).values(
                    profile_id=profile_id,
                    encoder_id=encoder_id,
                    label=label,
                    updated_ms=now,
                    updates=0,
                    embedding=key.seal(voiceprint_bytes(voiceprint), "template", profile_id, encoder_id, label),
                )
            )

    def follow(
        self, profile_id: str, encoder_id: str, move: Callable[[Voiceprint, Voiceprint], Voiceprint | None]
    ) -> int | None:
        """Move the voiceprint that follows, in one transaction.

        Args:
            profile_id: Whose it is.
            encoder_id: The encoder that made it.
            move: Gives the next one of (enrolled, present); None leaves it.

        Returns:
            How many accepts have moved it; None where it was left, or nothing is enrolled.
        """
        mine = (templates.c.profile_id == profile_id) & (templates.c.encoder_id == encoder_id)
        context = (profile_id, encoder_id)
        with self._database.write() as connection:
            key = self._key(connection)
            sealed = connection.scalar(
                select(voiceprints.c.embedding).where(
                    voiceprints.c.profile_id == profile_id, voiceprints.c.encoder_id == encoder_id
                )
            )
            if sealed is None:
                return None
            enrolled = voiceprint_from(key.unseal(sealed, "voiceprint", *context))
            row = connection.execute(select(templates).where(mine, templates.c.label == FOLLOWING)).one_or_none()
            present = enrolled if row is None else voiceprint_from(key.unseal(row.embedding, "template", *context, ""))
            moved = move(enrolled, present)
            if moved is None:
                return None
            values = {
                "updated_ms": now_ms(),
                "updates": 1 if row is None else row.updates + 1,
                "embedding": key.seal(voiceprint_bytes(moved), "template", *context, FOLLOWING),
            }
            if row is None:
                whose = {"profile_id": profile_id, "encoder_id": encoder_id, "label": FOLLOWING}
                connection.execute(insert(templates).values(**whose, **values))
            else:
                connection.execute(update(templates).where(mine, templates.c.label == FOLLOWING).values(**values))
            return int(values["updates"])

    def remove_template(self, profile_id: str, label: str) -> None:
        """Remove a template of a profile, for all encoders, and every trace of it.

        Raises:
            UnknownTemplate: It has none of that label.
            StoreBusy, DiskFull: Where the message says so, it is done, but traces remain for now.
        """
        with self._database.write() as connection:
            mine = (templates.c.profile_id == profile_id) & (templates.c.label == label)
            if not connection.execute(delete(templates).where(mine)).rowcount:
                raise UnknownTemplate
            self._mark_wipe(connection)
        self._wipe_now()

    def labels(self, profile_id: str) -> tuple[str, ...]:
        """The labels of a profile's templates, without the one that follows, sorted."""
        query = (
            select(templates.c.label)
            .join(profiles)
            .where(templates.c.profile_id == profile_id, templates.c.label != FOLLOWING)
            .distinct()
        )
        with self._database.read() as connection:
            return tuple(sorted(connection.scalars(query)))
