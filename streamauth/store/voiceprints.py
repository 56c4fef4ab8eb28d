"""Voiceprints: what profiles are compared by, one for each encoder and never mixed between encoders."""

from typing import NoReturn

from sqlalchemy import Connection, delete, func, insert, select

from streamauth.core.ports import Voiceprint
from streamauth.errors import EncoderChanged, ProfileNotEnrolled, UnknownProfile
from streamauth.store.authentic import PROFILE
from streamauth.store.profile_keys import ProfileKey
from streamauth.store.records import opened_voiceprint, sealed_voiceprint
from streamauth.store.schema import enrollments, profiles, voiceprints
from streamauth.store.sealed_database import StorePart


class Voiceprints(StorePart):
    """Reading voiceprints. An enrollment that is complete stores them (``Enrollments``)."""

    def get(self, profile_id: str, encoder_id: str) -> Voiceprint:
        """The voiceprint of a profile for one encoder.

        Raises:
            UnknownProfile: There is no such profile.
            ProfileNotEnrolled: Its enrollment is not complete.
            EncoderChanged: It is complete, but for another encoder.
        """
        mine = (voiceprints.c.profile_id == profile_id) & (voiceprints.c.encoder_id == encoder_id)
        with self._sealed.read() as connection:
            embedding = connection.scalar(select(voiceprints.c.embedding).where(mine))
            if embedding is None:
                explain_absence(connection, profile_id)
            self._sealed.check(connection, PROFILE, profile_id)
            key = self._sealed.profile_key(connection, profile_id)
            return opened_voiceprint(key, embedding, "voiceprint", profile_id, encoder_id)

    def encoders(self, profile_id: str) -> tuple[str, ...]:
        """Ids of the encoders that the enrollment is complete for, sorted."""
        with self._sealed.read() as connection:
            return encoders_of(connection, profile_id)


def encoders_of(connection: Connection, profile_id: str) -> tuple[str, ...]:
    """Ids of the encoders that a profile is enrolled for, sorted."""
    query = select(voiceprints.c.encoder_id).where(voiceprints.c.profile_id == profile_id)
    return tuple(sorted(connection.scalars(query)))


def explain_absence(connection: Connection, profile_id: str) -> NoReturn:
    """Tell why a profile has no voiceprint for an encoder.

    Raises:
        UnknownProfile: There is no such profile.
        EncoderChanged: It is enrolled for another encoder.
        ProfileNotEnrolled: It is not enrolled.
    """
    if connection.scalar(select(profiles.c.id).where(profiles.c.id == profile_id)) is None:
        raise UnknownProfile
    raise EncoderChanged if encoders_of(connection, profile_id) else ProfileNotEnrolled


def put_voiceprint(
    connection: Connection, key: ProfileKey, profile_id: str, encoder_id: str, voiceprint: Voiceprint, now_ms: int
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
            created_ms=now_ms,
            utterances=utterances,
            speech_s=speech_s,
            embedding=sealed_voiceprint(key, voiceprint, "voiceprint", profile_id, encoder_id),
        )
    )
