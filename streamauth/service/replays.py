"""Replays: trails of a profile's enrollment and attempts, read before an accept and kept after it."""

from collections.abc import Callable, Sequence
from functools import partial

from streamauth.core.events import Decided, Verdict
from streamauth.core.replay.trail import Trail
from streamauth.core.settings import ReplaySettings
from streamauth.errors import SessionInterrupted, SessionTimeout, StreamAuthError
from streamauth.store.store import Store


class Replays:
    """Reads and keeps trails, where recordings that are played again are to be refused.

    Args:
        store: Where trails are.
        settings: Whether they are refused, and what is kept for it.
    """

    def __init__(self, store: Store, settings: ReplaySettings) -> None:
        self._store = store
        self._settings = settings

    @property
    def refused(self) -> bool:
        """Whether what was heard before is refused."""
        return self._settings.refuse

    def earlier(self, profile_id: str | None, attempt_id: str | None = None) -> Sequence[Trail]:
        """The trails of a profile; none where replays are not refused, or it does not exist yet.

        Args:
            profile_id: The profile.
            attempt_id: Of the attempt that asks: what it sends again is left out, as ``store.trails`` says.
        """
        if not self._settings.refuse or profile_id is None:
            return ()
        return self._store.trails.of(profile_id, self._settings, attempt_id)

    def of(self, profile_id: str, attempt_id: str | None = None) -> Callable[[], Sequence[Trail]] | None:
        """Gives the trails of a profile when they are asked for; None where replays are not refused."""
        return partial(self.earlier, profile_id, attempt_id) if self._settings.refuse else None

    def keep(self, profile_id: str, trail: Trail, *, enrolled: bool = False) -> None:
        """Keep the trail of an attempt that was decided, or of an enrollment utterance that was taken."""
        if self._settings.refuse:
            self._store.trails.keep(profile_id, trail, self._settings, enrolled=enrolled)

    def keep_attempt(
        self, profile_id: str, attempt_id: str | None, outcome: Decided | StreamAuthError, trail: Trail
    ) -> None:
        """Keep the trail of an attempt on a profile.

        Whoever breaks a connection off and has recorded the voice must not play it again, so what was heard of a
        broken-off attempt is kept, too. One that failed by the server leaves a trail only where it has an id: else its
        client could not send it again.

        Args:
            profile_id: Whose attempt it was.
            attempt_id: The client's id of it.
            outcome: Its decision, or what it ended by without one.
            trail: What was heard.
        """
        leaves_one = isinstance(outcome, Decided | SessionInterrupted | SessionTimeout) or bool(attempt_id)
        if not self._settings.refuse or not leaves_one:
            return
        undecided = not isinstance(outcome, Decided) or outcome.verdict is Verdict.UNDECIDED
        self._store.trails.keep(
            profile_id, trail, self._settings, enrolled=False, attempt_id=attempt_id, undecided=undecided
        )
