"""Attempts in the store: one row for each charged attempt; the rows of a profile are its failures in a row.

A row rather than a counter, because then a charge is taken back exactly, once, and without knowing what other
attempts did meanwhile.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select, update

from streamauth.core.lockout import Allowed, AttemptOutcome, AttemptState, Delayed, Locked, judge_attempt
from streamauth.errors import AttemptDelayed, ProfileLocked, UnknownProfile
from streamauth.settings import AttemptSettings
from streamauth.store.audit import note
from streamauth.store.authentic import CHARGES, PROFILE
from streamauth.store.schema import attempts, profiles
from streamauth.store.sealed_database import SealedDatabase, StorePart
from streamauth.store.standing import Check

_USE_STEP_MS = 86_400_000
"""The time of the last accept is kept to the day: an accept must not always write a profile."""


@dataclass(frozen=True, slots=True)
class AttemptToken:
    """An attempt that has begun and is charged.

    Attributes:
        profile_id: Whom it claims to be.
        charge_id: Which charge; later attempts have greater ones.
        lock_after: Failures in a row that lock the profile.
    """

    profile_id: str
    charge_id: int
    lock_after: int


@dataclass(frozen=True, slots=True)
class Charge:
    """A charge as two stores can compare it.

    Attributes:
        profile_id: Whose it is.
        began_at_s: When its attempt began, in seconds since the epoch.
    """

    profile_id: str
    began_at_s: float


class Attempts(StorePart):
    """Charging attempts. The rule and its reason are in ``core.lockout``."""

    def begin(self, profile_id: str, settings: AttemptSettings) -> AttemptToken:
        """Charge a profile with an attempt before anything of it is told; call ``finish`` at its end.

        Raises:
            AttemptDelayed: It is too soon; the message says how long to wait.
            ProfileLocked: There were too many failures.
            UnknownProfile: There is no such profile.
        """
        return self.begin_all((profile_id,), settings)[0]

    def begin_all(self, profile_ids: Sequence[str], settings: AttemptSettings) -> tuple[AttemptToken, ...]:
        """Charge several profiles with one attempt, or none of them where one may not be tried.

        Judging and charging are one transaction that holds the profiles' rows: attempts begun at once, by whatever
        threads, processes and hosts, are judged one after the other. An attempt that never finishes stays charged.

        Raises:
            AttemptDelayed, ProfileLocked, UnknownProfile: As ``begin``.
        """
        tokens = []
        with self._sealed.write() as connection:
            now_s = self._sealed.database.now_s(connection)
            for profile_id in sorted(set(profile_ids)):  # in one order, so that no two wait for each other
                found = select(profiles.c.id).where(profiles.c.id == profile_id)
                if connection.scalar(found.with_for_update()) is None:  # SQLite holds its lock already
                    raise UnknownProfile
                self._sealed.change(connection, CHARGES, profile_id)
                check_verdict(judge_attempt(_state(connection, profile_id), now_s, settings))
                charge = insert(attempts).values(profile_id=profile_id, began_at_s=now_s).returning(attempts.c.id)
                charge_id = connection.execute(charge).scalar_one()
                tokens.append(AttemptToken(profile_id, charge_id, settings.lock_after))
        return tuple(tokens)

    def finish(
        self, token: AttemptToken, outcome: AttemptOutcome, check: Check | None = None, *, by: str | None = None
    ) -> None:
        """Settle an attempt by its outcome. Safe to call again.

        An accept clears the charges up to its own; those of attempts that began later and may still be under
        way stay.

        Args:
            token: Of the attempt.
            outcome: What came of it.
            check: Of an accept: what it relies on, checked in the same transaction.
            by: The API key behind it, for the audit log.

        Raises:
            ProfileLocked: An accept, and others have locked the profile meanwhile.
            StreamAuthError: What ``check`` raises; the attempt stays charged.
        """
        mine = (attempts.c.profile_id == token.profile_id) & (attempts.c.id == token.charge_id)
        with self._sealed.write() as connection:
            if outcome is not AttemptOutcome.REJECTED:
                self._sealed.change(connection, CHARGES, token.profile_id)
            if outcome is AttemptOutcome.ACCEPTED:
                _check_accept(self._sealed, connection, token.profile_id, token.lock_after, (token,), check)
                mine = (attempts.c.profile_id == token.profile_id) & (attempts.c.id <= token.charge_id)
            if outcome is not AttemptOutcome.REJECTED:
                connection.execute(delete(attempts).where(mine))
            note(self._sealed, connection, "attempt", subject=token.profile_id, outcome=outcome, actor=by)

    def give_back(
        self,
        tokens: Sequence[AttemptToken],
        accepted: str | None = None,
        check: Check | None = None,
        *,
        lock_after: int = 1_000_000,
        by: str | None = None,
    ) -> None:
        """Take charges back, and no earlier ones: what several profiles were charged with does not clear one.

        Args:
            tokens: Of the attempt; none where nobody was charged.
            accepted: The profile that was accepted; None where nothing was compared.
            check: What that accept relies on, checked in the same transaction.
            lock_after: Failures of others in a row with which the accepted one counts as locked.
            by: The API key behind it, for the audit log.

        Raises:
            ProfileLocked: The accepted one is.
            StreamAuthError: What ``check`` raises; the charges stay.
        """
        with self._sealed.write() as connection:
            if accepted is not None:
                _check_accept(self._sealed, connection, accepted, lock_after, tokens, check)
                note(self._sealed, connection, "identification", subject=accepted, outcome="accepted", actor=by)
            for token in tokens:
                mine = (attempts.c.profile_id == token.profile_id) & (attempts.c.id == token.charge_id)
                self._sealed.change(connection, CHARGES, token.profile_id)
                connection.execute(delete(attempts).where(mine))

    def refused(self, settings: AttemptSettings) -> frozenset[str]:
        """The profiles that may not be tried now: locked or delayed."""
        counts = select(attempts.c.profile_id, func.count(), func.max(attempts.c.began_at_s))
        with self._sealed.read() as connection:
            now_s = self._sealed.database.now_s(connection)
            rows = connection.execute(counts.group_by(attempts.c.profile_id)).all()
        return frozenset(
            profile_id
            for profile_id, failures, last_s in rows
            if not isinstance(judge_attempt(AttemptState(failures, last_s), now_s, settings), Allowed)
        )

    def standing(self, profile_id: str, settings: AttemptSettings) -> tuple[int, Allowed | Delayed | Locked]:
        """The failures in a row of a profile, and whether it may be tried now; 0 for one that does not exist."""
        with self._sealed.read() as connection:
            self._sealed.check(connection, CHARGES, profile_id)
            state = _state(connection, profile_id)
            return state.failures, judge_attempt(state, self._sealed.database.now_s(connection), settings)

    def charges(self, profile_ids: Collection[str]) -> set[Charge]:
        """The charges of profiles."""
        wanted = frozenset(profile_ids)
        with self._sealed.read() as connection:
            rows = connection.execute(select(attempts.c.profile_id, attempts.c.began_at_s)).all()
            for profile_id in wanted:
                self._sealed.check(connection, CHARGES, profile_id)
        return {Charge(row.profile_id, row.began_at_s) for row in rows if row.profile_id in wanted}

    def change_charges(self, *, add: Collection[Charge], drop: Collection[Charge]) -> None:
        """Take over what another store has charged and cleared; charges of profiles that are not here are left out."""
        if not add and not drop:
            return
        with self._sealed.write() as connection:
            for profile_id in sorted({charge.profile_id for charge in (*add, *drop)}):
                found = select(profiles.c.id).where(profiles.c.id == profile_id)
                if connection.scalar(found.with_for_update()) is None:
                    continue
                self._sealed.change(connection, CHARGES, profile_id)
                of_it = attempts.c.profile_id == profile_id
                gone = [charge.began_at_s for charge in drop if charge.profile_id == profile_id]
                connection.execute(delete(attempts).where(of_it, attempts.c.began_at_s.in_(gone)))
                for charge in add:
                    if charge.profile_id == profile_id:
                        values = {"profile_id": profile_id, "began_at_s": charge.began_at_s}
                        connection.execute(insert(attempts).values(values))

    def unlock(self, profile_id: str) -> None:
        """Forget the failures of a profile.

        Raises:
            UnknownProfile: There is no such profile.
        """
        with self._sealed.write() as connection:
            if connection.scalar(select(profiles.c.id).where(profiles.c.id == profile_id)) is None:
                raise UnknownProfile
            self._sealed.forget(connection, CHARGES, profile_id)
            connection.execute(delete(attempts).where(attempts.c.profile_id == profile_id))
            note(self._sealed, connection, "profile.unlocked", subject=profile_id)


def check_verdict(verdict: Allowed | Delayed | Locked) -> None:
    """Go on only where an attempt may begin.

    Raises:
        AttemptDelayed, ProfileLocked: It may not.
    """
    if isinstance(verdict, Locked):
        raise ProfileLocked
    if isinstance(verdict, Delayed):
        wait_s = math.ceil(verdict.wait_s)
        raise AttemptDelayed(f"There were failed attempts. Wait {wait_s} s before the next one.")


def _check_accept(
    sealed: SealedDatabase,
    connection: Connection,
    profile_id: str,
    lock_after: int,
    own: Sequence[AttemptToken],
    check: Check | None,
) -> None:
    held = select(profiles.c.id).where(profiles.c.id == profile_id)
    connection.execute(held.with_for_update())
    sealed.check(connection, CHARGES, profile_id)
    sealed.check(connection, PROFILE, profile_id)
    now_ms = sealed.database.now_ms(connection)
    used_ms = connection.scalar(select(profiles.c.used_ms).where(profiles.c.id == profile_id))
    if used_ms is None or now_ms - used_ms >= _USE_STEP_MS:
        sealed.change(connection, PROFILE, profile_id)
        connection.execute(update(profiles).where(profiles.c.id == profile_id).values(used_ms=now_ms))
    if check is not None:
        check(sealed, connection)
    others = attempts.c.id.not_in([token.charge_id for token in own])
    failures = connection.scalar(select(func.count()).where(attempts.c.profile_id == profile_id, others))
    if (failures or 0) >= lock_after:
        raise ProfileLocked


def _state(connection: Connection, profile_id: str) -> AttemptState:
    counts = select(func.count(), func.max(attempts.c.began_at_s)).where(attempts.c.profile_id == profile_id)
    failures, last_failure_at_s = connection.execute(counts).one()
    return AttemptState(failures, last_failure_at_s)
