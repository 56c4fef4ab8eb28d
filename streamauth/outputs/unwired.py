"""A door without wiring: for a first look, or where an output alone works the lock."""

import logging
from collections.abc import Callable

_LOG = logging.getLogger(__name__)


class UnwiredDoor:
    """Releases nothing, and says so once. See ``DoorHardware``."""

    def begin(self, on_contact: Callable[[bool], None], on_exit: Callable[[], None]) -> None:
        """See ``DoorHardware``."""
        _LOG.warning("No lock is wired: set door.relay_pin or door.unlock_command.")

    def set_unlocked(self, unlocked: bool) -> None:
        """See ``DoorHardware``."""

    def close(self) -> None:
        """See ``DoorHardware``."""
