"""Replays: trails of a profile's enrollment and attempts, read before an accept and kept after it."""

from collections.abc import Callable, Sequence
from functools import partial

from streamauth.core.replay.trail import Trail
from streamauth.core.settings import ReplaySettings
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

    def earlier(self, profile_id: str | None) -> Sequence[Trail]:
        """The trails of a profile; none where replays are not refused, or it does not exist yet."""
        if not self._settings.refuse or profile_id is None:
            return ()
        return self._store.trails.of(profile_id, self._settings)

    def of(self, profile_id: str) -> Callable[[], Sequence[Trail]] | None:
        """Gives the trails of a profile when they are asked for; None where replays are not refused."""
        return partial(self.earlier, profile_id) if self._settings.refuse else None

    def keep(self, profile_id: str, trail: Trail, *, enrolled: bool = False) -> None:
        """Keep the trail of an attempt that was decided, or of an enrollment utterance that was taken."""
        if self._settings.refuse:
            self._store.trails.keep(profile_id, trail, self._settings, enrolled=enrolled)
