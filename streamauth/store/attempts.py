"""Attempts in the store: one row for each charged attempt; the rows of a profile are its failures in a row.

A row rather than a counter, because then a charge is taken back exactly, once, and without knowing what other
attempts did meanwhile.
"""

import math
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select

from streamauth.core.lockout import Allowed, AttemptOutcome, AttemptState, Delayed, Locked, judge_attempt
from streamauth.errors import AttemptDelayed, ProfileLocked, UnknownProfile
from streamauth.settings import AttemptSettings
from streamauth.store.schema import attempts, profiles
from streamauth.store.sealed_database import SealedDatabase


@dataclass(frozen=True, slots=True)
class AttemptToken:
    """An attempt that has begun and is charged.

    Attributes:
        profile_id: Whom it claims to be.
        charge_id: Which charge; later attempts have greater ones.
    """

    profile_id: str
    charge_id: int


class Attempts:
    """Charging attempts. The rule and its reason are in ``core.lockout``.

    Args:
        sealed: The open database with its key.
    """

    def __init__(self, sealed: SealedDatabase) -> None:
        self._sealed = sealed

    def begin(self, profile_id: str, settings: AttemptSettings) -> AttemptToken:
        """Charge a profile with an attempt before any audio is judged; call ``finish`` at its end.

        Judging and charging are one transaction that holds the profile's row: attempts begun at once, by whatever
        threads, processes and hosts, are judged one after the other. An attempt that never finishes stays charged.

        Args:
            profile_id: Whom the speaker claims to be.
            settings: The limits.

        Raises:
            AttemptDelayed: It is too soon; the message says how long to wait.
            ProfileLocked: There were too many failures.
            UnknownProfile: There is no such profile.
        """
        with self._sealed.write() as connection:
            found = select(profiles.c.id).where(profiles.c.id == profile_id)
            if connection.scalar(found.with_for_update()) is None:  # SQLite holds its lock already
                raise UnknownProfile
            now_s = self._sealed.database.now_s(connection)
            verdict = judge_attempt(_state(connection, profile_id), now_s, settings)
            if isinstance(verdict, Locked):
                raise ProfileLocked
            if isinstance(verdict, Delayed):
                wait_s = math.ceil(verdict.wait_s)
                raise AttemptDelayed(f"There were failed attempts. Wait {wait_s} s before the next one.")
            charge = insert(attempts).values(profile_id=profile_id, began_at_s=now_s)
            return AttemptToken(profile_id, connection.execute(charge.returning(attempts.c.id)).scalar_one())

    def finish(self, token: AttemptToken, outcome: AttemptOutcome) -> None:
        """Settle an attempt by its outcome. Safe to call again, and after the profile is gone.

        An accept clears the charges up to its own; those of attempts that began later and may still be under
        way stay.
        """
        if outcome is AttemptOutcome.REJECTED:
            return
        mine = attempts.c.id == token.charge_id
        if outcome is AttemptOutcome.ACCEPTED:
            mine = attempts.c.id <= token.charge_id
        with self._sealed.write() as connection:
            connection.execute(delete(attempts).where(attempts.c.profile_id == token.profile_id, mine))

    def standing(self, profile_id: str, settings: AttemptSettings) -> tuple[int, Allowed | Delayed | Locked]:
        """The failures in a row of a profile, and whether it may be tried now; 0 for one that does not exist."""
        with self._sealed.read() as connection:
            state = _state(connection, profile_id)
            return state.failures, judge_attempt(state, self._sealed.database.now_s(connection), settings)

    def unlock(self, profile_id: str) -> None:
        """Forget the failures of a profile.

        Raises:
            UnknownProfile: There is no such profile.
        """
        with self._sealed.write() as connection:
            if connection.scalar(select(profiles.c.id).where(profiles.c.id == profile_id)) is None:
                raise UnknownProfile
            connection.execute(delete(attempts).where(attempts.c.profile_id == profile_id))


def _state(connection: Connection, profile_id: str) -> AttemptState:
    counts = select(func.count(), func.max(attempts.c.began_at_s)).where(attempts.c.profile_id == profile_id)
    failures, last_failure_at_s = connection.execute(counts).one()
    return AttemptState(failures, last_failure_at_s)
