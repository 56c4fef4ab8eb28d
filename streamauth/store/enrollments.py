"""Enrollments and voiceprints in the store, never mixed between encoders."""

from collections.abc import Sequence
from typing import Any, NoReturn

from sqlalchemy import Connection, delete, func, insert, select, update

from streamauth.core.ports import SAMPLE_RATE_HZ, Voiceprint
from streamauth.errors import (
    EncoderChanged,
    NobodyToIdentify,
    ProfileExists,
    ProfileNotEnrolled,
    UnknownProfile,
)
from streamauth.store.opening import OpenStore, touch
from streamauth.store.records import (
    EnrollmentRecord,
    Profile,
    audio_bytes,
    audio_seconds,
    checked_name,
    fits_bytes,
    fits_of,
    phrase_bytes,
    profile_of,
    utc,
    voiceprint_bytes,
    voiceprint_from,
)
from streamauth.store.schema import DEFAULT_TENANT, enrollments, profiles, recordings, voiceprints
from streamauth.store.sealing import SealingKey


class Enrollments(OpenStore):
    """What profiles are compared by."""

    def add_enrollment(
        self,
        profile_id: str,
        record: EnrollmentRecord,
        *,
        phrase: str | None = None,
        voiceprint: Voiceprint | None = None,
        keep_audio_s: float = 0.0,
        more: bool = False,
    ) -> None:
        """Store an utterance, and what it brings about, in one transaction. Confirm it only after this.

        Args:
            profile_id: Whose it is.
            record: The utterance.
            phrase: The phrase it carries, which becomes the profile's if it has none.
            voiceprint: If the utterance completes the enrollment for its encoder.
            keep_audio_s: Most audio that is kept of the profile; the record's is left out where it would be more.
            more: It may be added to an enrollment that is complete, whose voiceprint is replaced.

        Raises:
            UnknownProfile: The profile is gone.
            ProfileExists: It is enrolled for this encoder already, or has another phrase.
        """
        with self._database.write() as connection:
            now = touch(connection, profile_id)
            key = self._key(connection)
            if not more and record.encoder_id in encoders_of(connection, profile_id):
                raise ProfileExists
            if phrase is not None:
                _agree_on_phrase(connection, key, profile_id, phrase)
            row_id = put_enrollment(connection, key, profile_id, record, now)
            kept_s = audio_seconds(_kept_bytes(connection, profile_id))
            if record.audio is not None and kept_s + record.audio.size / SAMPLE_RATE_HZ <= keep_audio_s:
                sealed = key.seal(audio_bytes(record.audio), "recording", profile_id, str(row_id))
                values = {"enrollment_id": row_id, "profile_id": profile_id, "audio": sealed}
                connection.execute(insert(recordings).values(values))
            if voiceprint is not None:
                put_voiceprint_row(connection, key, profile_id, record.encoder_id, voiceprint, now)

    def put_voiceprint(self, profile_id: str, encoder_id: str, voiceprint: Voiceprint) -> None:
        """Store a voiceprint in place of an earlier one of the same encoder.

        Raises:
            UnknownProfile: The profile is gone.
        """
        with self._database.write() as connection:
            now = touch(connection, profile_id)
            put_voiceprint_row(connection, self._key(connection), profile_id, encoder_id, voiceprint, now)

    def enrollments(self, profile_id: str, encoder_id: str) -> list[EnrollmentRecord]:
        """The confirmed utterances of a profile for one encoder, oldest first; none if it is unknown."""
        mine = (enrollments.c.profile_id == profile_id) & (enrollments.c.encoder_id == encoder_id)
        with self._database.read() as connection:
            key = self._key(connection)
            rows = connection.execute(select(enrollments).where(mine).order_by(enrollments.c.id)).all()
        return [record_of(key, row) for row in rows]

    def enrolled_encoders(self, profile_id: str) -> tuple[str, ...]:
        """Ids of the encoders that the enrollment is complete for, sorted."""
        with self._database.read() as connection:
            return encoders_of(connection, profile_id)

    def voiceprint(self, profile_id: str, encoder_id: str) -> Voiceprint:
        """The voiceprint of a profile for one encoder.

        Raises:
            UnknownProfile: There is no such profile.
            ProfileNotEnrolled: Its enrollment is not complete.
            EncoderChanged: It is complete, but for another encoder.
        """
        mine = (voiceprints.c.profile_id == profile_id) & (voiceprints.c.encoder_id == encoder_id)
        with self._database.read() as connection:
            sealed = connection.scalar(select(voiceprints.c.embedding).where(mine))
            if sealed is None:
                _explain_absence(connection, profile_id)
            return _unsealed(self._key(connection), sealed, profile_id, encoder_id)

    def voiceprints(
        self, encoder_id: str, *, names: Sequence[str] | None = None, tenant: str = DEFAULT_TENANT
    ) -> list[tuple[Profile, Voiceprint]]:
        """The voiceprints of a tenant's profiles for one encoder, by name.

        Args:
            encoder_id: The encoder in use.
            names: Only these profiles, which must all be enrolled; every enrolled one if None.
            tenant: Whose profiles.

        Raises:
            UnknownProfile, ProfileNotEnrolled: One that is named is not there, or not enrolled.
            EncoderChanged: One that is named, or everyone, is enrolled for another encoder only.
            NobodyToIdentify: No profile is enrolled, or none was named.
        """
        query = (
            select(profiles, voiceprints.c.embedding)
            .outerjoin(
                voiceprints,
                (voiceprints.c.profile_id == profiles.c.id) & (voiceprints.c.encoder_id == encoder_id),
            )
            .where(profiles.c.tenant_id == tenant)
            .order_by(profiles.c.name)
        )
        wanted = None if names is None else {checked_name(name) for name in names}
        if wanted is not None:
            query = query.where(profiles.c.name.in_(wanted))
        with self._database.read() as connection:
            rows = connection.execute(query).all()
            if wanted is not None:
                if len(rows) < len(wanted):
                    raise UnknownProfile
                for row in rows:
                    if row.embedding is None:
                        _explain_absence(connection, row.id)
            enrolled = [row for row in rows if row.embedding is not None]
            if not enrolled:
                elsewhere = select(voiceprints).join(profiles).where(profiles.c.tenant_id == tenant).exists()
                raise EncoderChanged if rows and connection.scalar(select(elsewhere)) else NobodyToIdentify
            key = self._key(connection)
        return [(profile_of(row, key), _unsealed(key, row.embedding, row.id, encoder_id)) for row in enrolled]


def _explain_absence(connection: Connection, profile_id: str) -> NoReturn:
    if connection.scalar(select(profiles.c.id).where(profiles.c.id == profile_id)) is None:
        raise UnknownProfile
    raise EncoderChanged if encoders_of(connection, profile_id) else ProfileNotEnrolled


def encoders_of(connection: Connection, profile_id: str) -> tuple[str, ...]:
    """Ids of the encoders that a profile is enrolled for, sorted."""
    query = select(voiceprints.c.encoder_id).where(voiceprints.c.profile_id == profile_id)
    return tuple(sorted(connection.scalars(query)))


def _agree_on_phrase(connection: Connection, key: SealingKey, profile_id: str, phrase: str) -> None:
    row = profiles.c.id == profile_id
    sealed = connection.scalar(select(profiles.c.phrase).where(row))
    if sealed is None:
        fresh = key.seal(phrase_bytes(phrase), "phrase", profile_id)
        connection.execute(update(profiles).where(row).values(phrase=fresh))
    elif key.unseal(sealed, "phrase", profile_id) != phrase_bytes(phrase):
        raise ProfileExists("This profile was begun with another pass phrase. Reset it to change the phrase.")


def record_of(key: SealingKey, row: Any) -> EnrollmentRecord:
    """The utterance of a row of the table ``enrollments``, without its audio."""
    whose = (row.profile_id, row.encoder_id)
    return EnrollmentRecord(
        row.encoder_id,
        voiceprint_from(key.unseal(row.embedding, "enrollment", *whose)),
        row.speech_s,
        row.audio_s,
        () if row.fits is None else fits_of(key.unseal(row.fits, "fits", *whose)),
        utc(row.created_ms),
    )


def put_enrollment(connection: Connection, key: SealingKey, profile_id: str, record: EnrollmentRecord, now: int) -> int:
    """Store an utterance; give the id of its row."""
    whose = (profile_id, record.encoder_id)
    values = {
        "profile_id": profile_id,
        "encoder_id": record.encoder_id,
        "speech_s": record.speech_s,
        "audio_s": record.audio_s,
        "created_ms": now,
        "embedding": key.seal(voiceprint_bytes(record.voiceprint), "enrollment", *whose),
        "fits": key.seal(fits_bytes(record.fits), "fits", *whose) if record.fits else None,
    }
    (row_id,) = connection.execute(insert(enrollments).values(values)).inserted_primary_key or (0,)
    return int(row_id)


def _kept_bytes(connection: Connection, profile_id: str) -> int:
    mine = recordings.c.profile_id == profile_id
    return int(connection.scalar(select(func.sum(func.length(recordings.c.audio))).where(mine)) or 0)


def put_voiceprint_row(
    connection: Connection, key: SealingKey, profile_id: str, encoder_id: str, voiceprint: Voiceprint, now: int
) -> None:
    """Store a voiceprint in place of an earlier one of the same encoder."""
    taken = (enrollments.c.profile_id == profile_id) & (enrollments.c.encoder_id == encoder_id)
    sums = select(func.count(), func.coalesce(func.sum(enrollments.c.speech_s), 0.0)).where(taken)
    utterances, speech_s = connection.execute(sums).one()
    former = (voiceprints.c.profile_id == profile_id) & (voiceprints.c.encoder_id == encoder_id)
    connection.execute(delete(voiceprints).where(former))
    connection.execute(
        insert(voiceprints).values(
            profile_id=profile_id,
            encoder_id=encoder_id,
            created_ms=now,
            utterances=utterances,
            speech_s=speech_s,
            embedding=key.seal(voiceprint_bytes(voiceprint), "voiceprint", profile_id, encoder_id),
        )
    )


def _unsealed(key: SealingKey, sealed: bytes, profile_id: str, encoder_id: str) -> Voiceprint:
    return voiceprint_from(key.unseal(sealed, "voiceprint", profile_id, encoder_id))
