"""Errors of doors, of their access rules, and of the outputs of their events."""

from streamauth.errors.base import InputError, InternalError


class DoorError(InputError):
    """The door cannot be used in this way."""


class DoorTaken(DoorError):
    """Another kiosk keeps the door of this name. Stop it, or give this one's door another name (door.name)."""


class UnknownDoor(DoorError):
    """There is no door of this name. `streamauth doors list` shows all."""


class UnknownPerson(DoorError):
    """There is no person of this name. `streamauth doors export people` shows all."""


class BadSchedule(DoorError):
    """A schedule or holiday cannot be read."""


class BadPlan(DoorError):
    """A table of people, permissions, schedules or holidays cannot be read."""


class BadPin(DoorError):
    """A PIN has 4 to 8 digits and belongs to one person alone."""


class BadBadge(DoorError):
    """The badge cannot be read. Hold it to the reader again."""


class StaleCommand(DoorError):
    """The command is too old or was kept for later, and is not carried out. Send it anew."""


class OutputUnavailable(InternalError, retryable=True):
    """An output does not answer. What it is to be told waits and is sent again."""


class DoorHardwareFailed(InternalError):
    """The relay, the door contact or the exit button cannot be used. The door stays locked."""
