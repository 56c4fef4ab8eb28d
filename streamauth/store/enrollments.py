"""Enrollments in the store: the utterances that were taken, and what each of them changes."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, func, insert, select, update

from streamauth.core.ports import Voiceprint
from streamauth.errors import ProfileExists
from streamauth.store.audit import note
from streamauth.store.authentic import PROFILE
from streamauth.store.changes import touch
from streamauth.store.profile_keys import ProfileKey
from streamauth.store.recordings import put_recording
from streamauth.store.records import (
    EnrollmentRecord,
    phrase_bytes,
    record_of,
    rendering_bytes,
    scores_bytes,
    sealed_voiceprint,
)
from streamauth.store.schema import enrollments, profiles
from streamauth.store.sealed_database import StorePart
from streamauth.store.standing import Check
from streamauth.store.voiceprints import encoders_of, put_voiceprint


class Enrollments(StorePart):
    """Adding utterances, and reading them."""

    def add(
        self,
        profile_id: str,
        record: EnrollmentRecord,
        *,
        phrase: str | None = None,
        voiceprint: Voiceprint | None = None,
        keep_audio_s: float = 0.0,
        more: bool = False,
        check: Check | None = None,
    ) -> None:
        """Store an utterance, and what it brings about, in one transaction. Confirm it only after this.

        Args:
            profile_id: Whose it is.
            record: The utterance.
            phrase: The phrase it carries, which becomes the profile's if it has none.
            voiceprint: If the utterance completes the enrollment for its encoder.
            keep_audio_s: Most audio that is kept of the profile; the record's is left out where it would be more.
            more: It may be added to an enrollment that is complete, whose voiceprint is replaced.
            check: What the enrollment relies on, checked in the same transaction.

        Raises:
            UnknownProfile: The profile is gone.
            ProfileExists: It is enrolled for this encoder already, or has another phrase.
        """
        with self._sealed.write() as connection:
            now_ms = self._sealed.database.now_ms(connection)
            touch(self._sealed, connection, profile_id, now_ms)
            if check is not None:
                check(self._sealed, connection)
            key = self._sealed.profile_key(connection, profile_id)
            if not more and record.encoder_id in encoders_of(connection, profile_id):
                raise ProfileExists
            if phrase is not None:
                _agree_on_phrase(connection, key, profile_id, phrase)
            row_id = _put(connection, key, profile_id, record, now_ms)
            if record.audio is not None:
                put_recording(connection, key, profile_id, row_id, record.audio, keep_audio_s)
            if voiceprint is not None:
                put_voiceprint(connection, key, profile_id, record.encoder_id, voiceprint, now_ms)
                note(self._sealed, connection, "profile.enrolled", subject=profile_id)

    def correct_phrase(self, profile_id: str, phrase: str, *, check: Check | None = None) -> None:
        """Take other words for the pass phrase of an enrollment whose first utterance alone was taken.

        What was kept of how each of the former words was said goes with them.

        Args:
            profile_id: Whose it is.
            phrase: The phrase.
            check: What the correction relies on, checked in the same transaction.

        Raises:
            UnknownProfile: The profile is gone.
            ProfileExists: It has no utterance, several, or a voiceprint.
        """
        mine = enrollments.c.profile_id == profile_id
        with self._sealed.write() as connection:
            touch(self._sealed, connection, profile_id, self._sealed.database.now_ms(connection))
            if check is not None:
                check(self._sealed, connection)
            taken = connection.scalar(select(func.count()).select_from(enrollments).where(mine))
            row = profiles.c.id == profile_id
            former = connection.scalar(select(profiles.c.phrase).where(row))
            if taken != 1 or former is None or encoders_of(connection, profile_id):
                raise ProfileExists(
                    "The pass phrase can be corrected after the first utterance alone. Reset the profile to change it."
                )
            key = self._sealed.profile_key(connection, profile_id)
            if key.unseal(former, "phrase", profile_id) == phrase_bytes(phrase):
                return
            sealed = key.seal(phrase_bytes(phrase), "phrase", profile_id)
            connection.execute(update(profiles).where(row).values(phrase=sealed))
            connection.execute(update(enrollments).where(mine).values(pronunciation_scores=None))

    def of(self, profile_id: str, encoder_id: str) -> list[EnrollmentRecord]:
        """The confirmed utterances of a profile for one encoder, oldest first; none if it is unknown."""
        mine = (enrollments.c.profile_id == profile_id) & (enrollments.c.encoder_id == encoder_id)
        with self._sealed.read() as connection:
            self._sealed.check(connection, PROFILE, profile_id)
            rows = connection.execute(select(enrollments).where(mine).order_by(enrollments.c.id)).all()
            key = self._sealed.profile_key(connection, profile_id) if rows else None
        return [] if key is None else [record_of(row, key) for row in rows]

    def rebuild(self, profile_id: str, records: Sequence[EnrollmentRecord], voiceprint: Voiceprint) -> None:
        """Store an enrollment that was made anew, for another encoder, from the audio that is kept.

        Args:
            profile_id: Whose it is.
            records: Its utterances, all of one encoder, in place of an enrollment for it that was only begun.
            voiceprint: Of all of them.

        Raises:
            UnknownProfile: The profile is gone.
            ProfileExists: It is enrolled for this encoder already.
        """
        encoder_id = records[0].encoder_id
        with self._sealed.write() as connection:
            now_ms = self._sealed.database.now_ms(connection)
            touch(self._sealed, connection, profile_id, now_ms)
            key = self._sealed.profile_key(connection, profile_id)
            if encoder_id in encoders_of(connection, profile_id):
                raise ProfileExists
            begun = (enrollments.c.profile_id == profile_id) & (enrollments.c.encoder_id == encoder_id)
            connection.execute(delete(enrollments).where(begun))
            for record in records:
                _put(connection, key, profile_id, record, now_ms)
            put_voiceprint(connection, key, profile_id, encoder_id, voiceprint, now_ms)


def _agree_on_phrase(connection: Connection, key: ProfileKey, profile_id: str, phrase: str) -> None:
    row = profiles.c.id == profile_id
    sealed = connection.scalar(select(profiles.c.phrase).where(row))
    if sealed is None:
        fresh = key.seal(phrase_bytes(phrase), "phrase", profile_id)
        connection.execute(update(profiles).where(row).values(phrase=fresh))
    elif key.unseal(sealed, "phrase", profile_id) != phrase_bytes(phrase):
        raise ProfileExists("This profile was begun with another pass phrase. Reset it to change the phrase.")


def _put(connection: Connection, key: ProfileKey, profile_id: str, record: EnrollmentRecord, now_ms: int) -> int:
    whose, scores, rendering = (profile_id, record.encoder_id), record.pronunciation_scores, record.rendering
    values = {
        "profile_id": profile_id,
        "encoder_id": record.encoder_id,
        "speech_s": record.speech_s,
        "audio_s": record.audio_s,
        "created_ms": now_ms,
        "embedding": sealed_voiceprint(key, record.voiceprint, "enrollment", *whose),
        "pronunciation_scores": key.seal(scores_bytes(scores), "pronunciation scores", *whose) if scores else None,
        "rendering": None if rendering is None else key.seal(rendering_bytes(rendering), "rendering", *whose),
    }
    (row_id,) = connection.execute(insert(enrollments).values(values)).inserted_primary_key or (0,)
    return int(row_id)
