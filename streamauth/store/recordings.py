"""Enrolled speech in the store, where it is kept, and enrollments made anew from it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import delete, select

from streamauth.core.ports import Voiceprint
from streamauth.errors import ProfileExists
from streamauth.store.enrollments import encoders_of, put_enrollment, put_voiceprint_row, record_of
from streamauth.store.opening import OpenStore, touch
from streamauth.store.records import EnrollmentRecord, audio_of
from streamauth.store.schema import enrollments, recordings


class Recordings(OpenStore):
    """The speech that profiles were enrolled with."""

    def kept_audio(self, profile_id: str) -> list[EnrollmentRecord]:
        """The utterances of the latest complete enrollment of a profile whose audio is kept wholly, oldest first.

        Empty where there is no such enrollment.
        """
        query = (
            select(enrollments, recordings.c.audio)
            .outerjoin(recordings, recordings.c.enrollment_id == enrollments.c.id)
            .where(enrollments.c.profile_id == profile_id)
            .order_by(enrollments.c.id)
        )
        with self._database.read() as connection:
            key = self._key(connection)
            complete = encoders_of(connection, profile_id)
            taken: dict[str, list[Any]] = {}
            for row in connection.execute(query):
                taken.setdefault(row.encoder_id, []).append(row)
        whole = [rows for encoder, rows in taken.items() if encoder in complete and all(row.audio for row in rows)]
        return [
            replace(record_of(key, row), audio=audio_of(key.unseal(row.audio, "recording", profile_id, str(row.id))))
            for row in (whole[-1] if whole else ())
        ]

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
        with self._database.write() as connection:
            now = touch(connection, profile_id)
            key = self._key(connection)
            if encoder_id in encoders_of(connection, profile_id):
                raise ProfileExists
            begun = (enrollments.c.profile_id == profile_id) & (enrollments.c.encoder_id == encoder_id)
            connection.execute(delete(enrollments).where(begun))
            for record in records:
                put_enrollment(connection, key, profile_id, record, now)
            put_voiceprint_row(connection, key, profile_id, encoder_id, voiceprint, now)

    def forget_audio(self, *profile_ids: str) -> None:
        """Remove every trace of the audio that is kept of profiles.

        Raises:
            StoreBusy, DiskFull: Where the message says so, it is done, but traces remain for now.
        """
        with self._database.write() as connection:
            connection.execute(delete(recordings).where(recordings.c.profile_id.in_(profile_ids)))
            self._mark_wipe(connection)
        self._wipe_now()
