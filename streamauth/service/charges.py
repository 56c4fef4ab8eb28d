"""Charges: what an attempt costs the profiles that it is tried on, and the checks before an accept.

An attempt is charged at its first speech, before anything of it is told: whoever opens sessions and says nothing delays
nobody, and whoever says something has tried, whether he waits for the outcome or not.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from streamauth.core.lockout import AttemptOutcome
from streamauth.settings import AttemptSettings
from streamauth.store.attempts import AttemptToken
from streamauth.store.gallery import Enrolled
from streamauth.store.standing import Check, Standing
from streamauth.store.store import Store


class Charge(Protocol):
    """What an attempt costs."""

    def begin(self) -> None:
        """Charge it, once. Idempotent.

        Raises:
            AttemptDelayed, ProfileLocked: Others have failed meanwhile.
        """

    def settle(self, outcome: AttemptOutcome, name: str | None = None) -> None:
        """Say what came of it, and of an identification, who was accepted. The first call counts.

        Raises:
            StreamAuthError: Of an accept: something that it relies on is gone; the attempt stays charged.
        """

    def check(self) -> None:
        """Go on only where all that an accept relies on is still there.

        Raises:
            StreamAuthError: It is not.
        """


class ProfileCharge:
    """Of an attempt on one profile.

    Args:
        store: Where it is charged.
        standing: What the attempt relies on.
        limits: Of failed attempts.
        clears: Whether an accept clears earlier failures; else it only takes its own charge back.
    """

    def __init__(self, store: Store, standing: Standing, limits: AttemptSettings, *, clears: bool = True) -> None:
        self._store = store
        self._standing = standing
        self._limits = limits
        self._clears = clears
        self._token: AttemptToken | None = None
        self._over = False

    @property
    def profile_id(self) -> str:
        """Whom the attempt claims to be."""
        return self._standing.profile_id

    def begin(self) -> None:
        """See Charge."""
        if self._token is None and not self._over:
            self._token = self._store.attempts.begin(self._standing.profile_id, self._limits)

    def settle(self, outcome: AttemptOutcome, name: str | None = None) -> None:
        """See Charge."""
        if self._over:
            return
        if outcome is AttemptOutcome.ACCEPTED:
            self.begin()  # nothing is ever accepted that was not charged
        self._over = True
        if self._token is None:
            return
        if outcome is AttemptOutcome.ACCEPTED and not self._clears:
            profile_id, lock_after = self._standing.profile_id, self._limits.lock_after
            by = self._standing.key_id
            self._store.attempts.give_back(
                (self._token,), profile_id, self._standing.check, lock_after=lock_after, by=by
            )
            return
        check = self._standing.check if outcome is AttemptOutcome.ACCEPTED else None
        self._store.attempts.finish(self._token, outcome, check, by=self._standing.key_id)

    def check(self) -> None:
        """See Charge."""
        self._store.standings.check(self._standing.check)


class GroupCharge:
    """Of an identification: each candidate is charged where few are named, nobody where there are many.

    An accept takes the charges back and clears no earlier failures: a voice alone must not open more tries at a phrase.

    Args:
        store: Where it is charged.
        group: The candidates, by name.
        checks: What an accept of each of them is checked by.
        limits: Of failed attempts.
        charged: Whether the candidates are charged.
    """

    def __init__(
        self,
        store: Store,
        group: Mapping[str, Enrolled],
        checks: Callable[[Enrolled], Check],
        limits: AttemptSettings,
        *,
        charged: bool,
    ) -> None:
        self._store = store
        self._group = group
        self._checks = checks
        self._limits = limits
        self._charged = charged
        self._tokens: tuple[AttemptToken, ...] = ()
        self._begun = False
        self._over = False

    def begin(self) -> None:
        """See Charge."""
        if not self._begun and not self._over and self._charged:
            ids = [one.profile_id for one in self._group.values()]
            self._tokens = self._store.attempts.begin_all(ids, self._limits)
        self._begun = True

    def settle(self, outcome: AttemptOutcome, name: str | None = None) -> None:
        """See Charge."""
        if self._over:
            return
        self._over = True
        if outcome is AttemptOutcome.ACCEPTED and name is not None:
            one = self._group[name]
            self._store.attempts.give_back(
                self._tokens, one.profile_id, self._checks(one), lock_after=self._limits.lock_after
            )
        elif outcome is AttemptOutcome.NO_EVIDENCE and self._tokens:
            self._store.attempts.give_back(self._tokens)

    def check(self) -> None:
        """See Charge; an identification ends with its accept."""
