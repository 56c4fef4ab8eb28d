"""What an accept relies on: read when an attempt begins, checked in the transaction that settles its accept.

A profile that was deleted, reset or enrolled anew meanwhile, and an API key that was revoked, make a running session
worthless.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from streamauth.errors import Unauthorized, VoiceprintChanged
from streamauth.store.api_keys import is_good
from streamauth.store.authentic import API_KEY, PROFILE
from streamauth.store.schema import api_keys, enrollments, voiceprints
from streamauth.store.sealed_database import SealedDatabase, StorePart
from streamauth.store.voiceprints import explain_absence

Check = Callable[[SealedDatabase, Connection], None]
"""Raises where something that an accept relies on is gone; called inside of the transaction that settles it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What an attempt on one profile relies on, as it was when it began.

    Attributes:
        profile_id: Whom it claims to be.
        encoder_id: The encoder of the voiceprint.
        enrolled_ms: When the voiceprint was made, in milliseconds since the epoch.
        key_id: The API key behind the attempt; None for a program of this machine.
    """

    profile_id: str
    encoder_id: str
    enrolled_ms: int
    key_id: str | None = None

    def check(self, sealed: SealedDatabase, connection: Connection) -> None:
        """Go on only where all of it is as it was.

        Raises:
            UnknownProfile: The profile is gone.
            ProfileNotEnrolled, EncoderChanged: Its enrollment is gone.
            VoiceprintChanged: It was enrolled anew.
            Unauthorized: The API key was revoked.
            StoreTampered: Its rows are not as streamauth wrote them.
        """
        check_key(sealed, connection, self.key_id)
        sealed.check(connection, PROFILE, self.profile_id)
        if _enrolled_ms(connection, self.profile_id, self.encoder_id) != self.enrolled_ms:
            raise VoiceprintChanged


class Standings(StorePart):
    """Finding and checking what attempts rely on."""

    def of(self, profile_id: str, encoder_id: str, key_id: str | None = None) -> Standing:
        """What an attempt that begins now relies on.

        Raises:
            UnknownProfile, ProfileNotEnrolled, EncoderChanged: There is no voiceprint.
        """
        with self._sealed.read() as connection:
            self._sealed.check(connection, PROFILE, profile_id)
            return Standing(profile_id, encoder_id, _enrolled_ms(connection, profile_id, encoder_id), key_id)

    def check_key(self, key_id: str | None) -> None:
        """Go on only where an API key is good; None is that of a program of this machine.

        Raises:
            Unauthorized: It was revoked.
        """
        if key_id is not None:
            self.check(lambda sealed, connection: check_key(sealed, connection, key_id))

    def check(self, check: Check) -> None:
        """Check something now, in a transaction of its own."""
        with self._sealed.read() as connection:
            check(self._sealed, connection)


def check_key(sealed: SealedDatabase, connection: Connection, key_id: str | None) -> None:
    """Go on only where an API key is good; None is that of a program of this machine.

    Raises:
        Unauthorized: It was revoked, or has ended.
    """
    if key_id is None:
        return
    row = connection.execute(select(api_keys).where(api_keys.c.id == key_id)).one_or_none()
    if row is None or not is_good(row, sealed.database.now_ms(connection)):
        raise Unauthorized
    sealed.check(connection, API_KEY, key_id)


def _enrolled_ms(connection: Connection, profile_id: str, encoder_id: str) -> int:
    mine = (voiceprints.c.profile_id == profile_id) & (voiceprints.c.encoder_id == encoder_id)
    enrolled_ms = connection.scalar(select(voiceprints.c.created_ms).where(mine))
    if enrolled_ms is None:
        explain_absence(connection, profile_id)
    return int(enrolled_ms)


def enrolling_check(profile_id: str, encoder_id: str, utterances: int, key_id: str | None) -> Check:
    """What an utterance of an enrollment relies on: the API key, and as many earlier utterances as its session knows.

    It raises

        Unauthorized: The API key was revoked.
        VoiceprintChanged: The profile was reset meanwhile.
    """
    mine = (enrollments.c.profile_id == profile_id) & (enrollments.c.encoder_id == encoder_id)

    def check(sealed: SealedDatabase, connection: Connection) -> None:
        check_key(sealed, connection, key_id)
        if (connection.scalar(select(func.count()).select_from(enrollments).where(mine)) or 0) < utterances:
            raise VoiceprintChanged

    return check
