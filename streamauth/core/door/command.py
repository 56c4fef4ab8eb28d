"""Remote commands to a door, and when they are too old to be carried out."""

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from streamauth.core.door.door import MAX_UNLOCK_MS
from streamauth.errors import DoorError, StaleCommand

MAX_AGE_S = 10.0
"""Age from which a command is stale, in seconds; and how far ahead of this clock its sender's may be."""


class DoorAction(StrEnum):
    """What a door can be told."""

    OPEN = "open"
    LOCK = "lock"
    """Ends a running opening."""
    LOCKDOWN = "lockdown"
    EVACUATE = "evacuate"
    NORMAL = "normal"


@dataclass(frozen=True, slots=True)
class DoorCommand:
    """A command.

    Attributes:
        action: What to do.
        issued_s: When it was given, in seconds since the epoch.
        seconds: For ``open``: for how long; None for the strike time.
    """

    action: DoorAction
    issued_s: float
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.seconds is not None and not 0 < self.seconds <= MAX_UNLOCK_MS / 1000:
            raise DoorError("A door can be opened for more than 0 s and at most an hour.")


class Freshness:
    """Refuses what was kept for later, comes too late, or comes again.

    A broker that keeps a command gives it out at the next start, and a queue gives it out after an outage: doors have
    opened by themselves that way.
    """

    def __init__(self) -> None:
        self._last_s = float("-inf")

    def check(self, command: DoorCommand, now_s: float, *, retained: bool = False) -> None:
        """Take a command.

        Raises:
            StaleCommand: It was retained, is too old, is of the future, or is not newer than the one before.
        """
        age_s = now_s - command.issued_s
        if retained or not -MAX_AGE_S <= age_s <= MAX_AGE_S or command.issued_s <= self._last_s:
            raise StaleCommand
        self._last_s = command.issued_s


def parse_command(payload: bytes) -> DoorCommand:
    """A command from JSON: ``{"command": "open", "seconds": 5, "at": "2026-11-29T10:00:00+00:00"}``.

    Raises:
        DoorError: It is none.
    """
    try:
        fields = json.loads(payload)
        action = DoorAction(fields["command"])
        at = datetime.fromisoformat(fields["at"])
        seconds = fields.get("seconds")
        if at.tzinfo is None or isinstance(seconds, bool) or not isinstance(seconds, int | float | None):
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise DoorError(
            "A command is JSON with command (open, lock, lockdown, evacuate, normal), at (ISO 8601 with its zone) and, "
            "for open, seconds."
        ) from None
    return DoorCommand(action, at.timestamp(), None if seconds is None else float(seconds))
