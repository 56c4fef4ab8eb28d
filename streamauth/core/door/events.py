"""What happens at a door, in the words that every output uses."""

from dataclasses import dataclass
from enum import StrEnum


class DoorEventKind(StrEnum):
    """What happened."""

    STARTED = "started"
    """The kiosk started; the door is locked."""
    GRANTED = "granted"
    """Somebody may pass; the lock was released for a while."""
    DENIED = "denied"
    """Somebody may not pass."""
    PASSED = "passed"
    """The door was opened after a grant; without a door contact, right after the grant."""
    UNUSED = "unused"
    """Nobody opened the door after a grant."""
    EXIT = "exit"
    """Somebody pressed the exit button."""
    OPENED = "opened"
    """The door was opened rightfully."""
    CLOSED = "closed"
    """The door was closed."""
    FORCED = "forced"
    """The door was opened although it was locked: an alarm until it is closed."""
    FORCED_ENDED = "forced_ended"
    """A forced door was closed again, or evacuation began."""
    HELD = "held"
    """The door has been open for too long: an alarm until it is closed."""
    HELD_ENDED = "held_ended"
    """A door that was held open was closed again, or evacuation began."""
    MODE = "mode"
    """The door's mode was changed."""
    DURESS = "duress"
    """Somebody passes under threat. Nothing at the door shows it."""
    PASSBACK = "passback"
    """Somebody passed twice the same way; only noted, as the rule is a soft one."""
    RING = "ring"
    """A visitor rang."""
    MICROPHONE_LOST = "microphone_lost"
    """The microphone gives no more audio."""
    MICROPHONE_FOUND = "microphone_found"
    """The microphone gives audio again."""
    CLOCK_JUMPED = "clock_jumped"
    """The wall clock was set."""
    CUT_OFF = "cut_off"
    """The kiosk does not reach its site; it goes on with what it knows."""
    RECONNECTED = "reconnected"
    """The kiosk reaches its site again."""
    CHECKED = "checked"
    """The self-check ended."""


class DoorMode(StrEnum):
    """What an operator has made of the door."""

    NORMAL = "normal"
    """Who has a grant may pass."""
    LOCKDOWN = "lockdown"
    """No grants. The exit button still works: people may always leave."""
    EVACUATION = "evacuation"
    """The lock is released. A help, never a fire release: that is wiring of its own."""


class DoorState(StrEnum):
    """How the door stands."""

    LOCKED = "locked"
    GRANTED = "granted"
    """Closed, and the lock is released."""
    OPEN = "open"
    HELD = "held"
    FORCED = "forced"


class Denial(StrEnum):
    """Why somebody may not pass. For operators; the visitor is told no more than is needed to try again."""

    NOT_RECOGNIZED = "not_recognized"
    """The voice or the words did not match."""
    HEARD_BEFORE = "heard_before"
    """The voice is that of a recording that was heard before."""
    UNDECIDED = "undecided"
    """There was too little to decide by."""
    LOCKED_OUT = "locked_out"
    """Too many failed attempts."""
    UNKNOWN_PERSON = "unknown_person"
    """Nobody has this badge, PIN or voice."""
    SUSPENDED = "suspended"
    """The person is suspended."""
    NOT_YET_VALID = "not_yet_valid"
    """The person's first day is still to come."""
    EXPIRED = "expired"
    """The person's last day is over."""
    NO_PERMISSION = "no_permission"
    """The person may never pass this door."""
    OUTSIDE_SCHEDULE = "outside_schedule"
    """The person may pass this door, but not now."""
    PASSBACK = "passback"
    """The person is inside already, or outside already."""
    LOCKDOWN = "lockdown"
    """The door is in lockdown."""
    OUT_OF_DATE = "out_of_date"
    """The kiosk has been cut off from its site for so long that it does not know any more who may pass."""
    FAILED = "failed"
    """Something failed inside; nobody is let in by a failure."""


@dataclass(frozen=True, slots=True)
class DoorEvent:
    """One thing that happened at a door.

    Attributes:
        at_ms: When, by the monotonic clock of the kiosk, in milliseconds.
        kind: What.
        person: Who, where somebody is known; the person's name in the access plan.
        reason: Of a denial, a ``Denial``; of a grant, an exit or a mode, what brought it about; else empty.
    """

    at_ms: int
    kind: DoorEventKind
    person: str | None = None
    reason: str = ""
