"""Recordings: the speech of enrollments, where a setting says that it is kept."""

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from streamauth.core.ports import SAMPLE_RATE_HZ, Samples
from streamauth.store.authentic import PROFILE
from streamauth.store.profile_keys import ProfileKey
from streamauth.store.records import EnrollmentRecord, audio_bytes, audio_of, audio_seconds, record_of
from streamauth.store.schema import enrollments, recordings
from streamauth.store.sealed_database import StorePart
from streamauth.store.voiceprints import encoders_of


class Recordings(StorePart):
    """Reading and deleting kept speech. Each enrolled utterance brings its own (``Enrollments``)."""

    def of(self, profile_id: str) -> list[EnrollmentRecord]:
        """The utterances of the latest complete enrollment of a profile whose audio is kept wholly, oldest first.

        Empty where there is no such enrollment.
        """
        query = (
            select(enrollments, recordings.c.audio)
            .outerjoin(recordings, recordings.c.enrollment_id == enrollments.c.id)
            .where(enrollments.c.profile_id == profile_id)
            .order_by(enrollments.c.id)
        )
        with self._sealed.read() as connection:
            self._sealed.check(connection, PROFILE, profile_id)
            key = self._sealed.profile_key(connection, profile_id)
            complete = encoders_of(connection, profile_id)
            taken: dict[str, list[Any]] = {}
            for row in connection.execute(query):
                taken.setdefault(row.encoder_id, []).append(row)
        whole = [rows for encoder, rows in taken.items() if encoder in complete and all(row.audio for row in rows)]
        return [
            replace(record_of(row, key), audio=audio_of(key.unseal(row.audio, "recording", profile_id, str(row.id))))
            for row in (whole[-1] if whole else ())
        ]

    def delete(self, *profile_ids: str) -> None:
        """Remove every trace of the audio that is kept of profiles.

        Raises:
            StoreBusy, DiskFull: Where the message says so, it is done, but traces remain for now.
        """
        with self._sealed.erase() as connection:
            connection.execute(delete(recordings).where(recordings.c.profile_id.in_(profile_ids)))


def put_recording(
    connection: Connection, key: ProfileKey, profile_id: str, enrollment_id: int, audio: Samples, most_s: float
) -> None:
    """Keep the speech of an utterance, unless more than ``most_s`` of the profile would then be kept."""
    size = select(func.sum(func.length(recordings.c.audio))).where(recordings.c.profile_id == profile_id)
    kept_s = audio_seconds(int(connection.scalar(size) or 0))
    if kept_s + audio.size / SAMPLE_RATE_HZ > most_s:
        return
    sealed = key.seal(audio_bytes(audio), "recording", profile_id, str(enrollment_id))
    values = {"enrollment_id": enrollment_id, "profile_id": profile_id, "audio": sealed}
    connection.execute(insert(recordings).values(values))
