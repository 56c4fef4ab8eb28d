"""The door itself: when its lock is released, and what is an alarm.

    locked --grant--> granted --opened--> open --too long--> held
       |                 |                  |                  |
       |                 +--strike time--> locked <--closed----+
       +--opened without a grant--> forced --closed--> locked

Rules that hold whatever happens:

* The lock is released only by a grant, the exit button (where it is wired to do so) or evacuation, and never longer
  than the time that belongs to it.
* A new ``Door`` is locked: after a crash or a power cut nothing is left of an earlier grant. Lockdown survives, as
  whoever makes the door passes it in; evacuation does not.
* Time comes from outside, in milliseconds of a monotonic clock; a time that goes back counts as no time passed.
"""

from dataclasses import dataclass

from streamauth.core.door.events import Denial, DoorEvent, DoorEventKind, DoorMode, DoorState
from streamauth.errors import InputError

MAX_UNLOCK_MS = 3_600_000
"""The longest time that one grant may release the lock, in milliseconds."""


@dataclass(frozen=True, slots=True)
class DoorRule:
    """How a door is built.

    Attributes:
        strike_ms: Time that the lock is released after a grant or an exit, in milliseconds.
        held_ms: Time after which an open door is held open, in milliseconds.
        exit_ms: Time after the exit button in which an opening is no alarm, in milliseconds.
        has_contact: Whether a contact tells if the door is open. Without it there is no forced and no held.
        relock_on_opening: Whether the lock falls back as soon as the door opens.
        exit_unlocks: Whether the exit button releases the lock too; not where a handle does.

    Raises:
        InputError: A time is not positive or above ``MAX_UNLOCK_MS``.
    """

    strike_ms: int = 5_000
    held_ms: int = 30_000
    exit_ms: int = 5_000
    has_contact: bool = True
    relock_on_opening: bool = True
    exit_unlocks: bool = True

    def __post_init__(self) -> None:
        if not all(0 < each <= MAX_UNLOCK_MS for each in (self.strike_ms, self.held_ms, self.exit_ms)):
            raise InputError("The times of a door must be above 0 and at most an hour.")


@dataclass(frozen=True, slots=True)
class Grant:
    """Somebody may pass.

    Attributes:
        person: Who; None for an operator who opens from afar.
        unlock_ms: Time that the lock is released in place of the strike time, in milliseconds.
        stays_unlocked: Whether it stays released for all of that time, for many people, however the door moves.
        reason: What brought it about.

    Raises:
        InputError: The time is not positive or above ``MAX_UNLOCK_MS``.
    """

    person: str | None = None
    unlock_ms: int | None = None
    stays_unlocked: bool = False
    reason: str = "voice"

    def __post_init__(self) -> None:
        if self.unlock_ms is not None and not 0 < self.unlock_ms <= MAX_UNLOCK_MS:
            raise InputError("A door can be opened for more than 0 s and at most an hour.")


class Door:
    """One door. Each method takes the time, and gives what happened; read ``unlocked`` after each call.

    Args:
        rule: How it is built.
        mode: Lockdown where the door was in it before a restart. It never starts in evacuation.
    """

    def __init__(self, rule: DoorRule, mode: DoorMode = DoorMode.NORMAL) -> None:
        self.rule = rule
        self.mode = DoorMode.LOCKDOWN if mode is DoorMode.LOCKDOWN else DoorMode.NORMAL
        self._now_ms: int | None = None
        self._open: bool | None = None
        self._forced = False
        self._held = False
        self._held_at_ms: int | None = None
        self._grant: Grant | None = None
        self._unlocked_until_ms: int | None = None
        self._stays_unlocked = False
        self._granted_while_open = False
        self._rightful_until_ms: int | None = None
        self._events: list[DoorEvent] = []

    @property
    def unlocked(self) -> bool:
        """Whether the lock is released at the time of the last call."""
        return self.mode is DoorMode.EVACUATION or self._unlocked_until_ms is not None

    @property
    def is_open(self) -> bool | None:
        """Whether the door is open; None while nothing has told it."""
        return self._open

    @property
    def state(self) -> DoorState:
        """How the door stands at the time of the last call."""
        if self._forced:
            return DoorState.FORCED
        if self._open:
            return DoorState.HELD if self._held else DoorState.OPEN
        return DoorState.GRANTED if self.unlocked else DoorState.LOCKED

    @property
    def next_ms(self) -> int | None:
        """The next time at which ``advance`` changes something by itself; None if never."""
        times = (self._unlocked_until_ms, self._rightful_until_ms, self._held_at_ms)
        return min((time for time in times if time is not None), default=None)

    def advance(self, at_ms: int) -> list[DoorEvent]:
        """Let time pass."""
        self._pass(at_ms)
        return self._told()

    def grant(self, at_ms: int, grant: Grant) -> list[DoorEvent]:
        """Release the lock for somebody; refused in lockdown."""
        now_ms = self._pass(at_ms)
        if self.mode is DoorMode.LOCKDOWN:
            self._tell(DoorEventKind.DENIED, grant.person, Denial.LOCKDOWN)
            return self._told()
        self._tell(DoorEventKind.GRANTED, grant.person, grant.reason)
        until_ms = now_ms + (grant.unlock_ms or self.rule.strike_ms)
        if not (self._stays_unlocked and (self._unlocked_until_ms or 0) > until_ms):
            self._unlocked_until_ms, self._stays_unlocked = until_ms, grant.stays_unlocked
        if self.rule.has_contact and not self._open:
            self._grant = grant
            return self._told()
        # nothing will tell that this person opens it: there is no contact, or another one holds the door for them
        self._tell(DoorEventKind.PASSED, grant.person)
        self._granted_while_open = bool(self._open)
        if self._open and not self._forced and not self._held:
            self._begin_holding(until_ms)
        return self._told()

    def request_exit(self, at_ms: int) -> list[DoorEvent]:
        """The exit button: an opening is rightful for a while, in every mode."""
        now_ms = self._pass(at_ms)
        self._tell(DoorEventKind.EXIT)
        self._rightful_until_ms = max(now_ms + self.rule.exit_ms, self._rightful_until_ms or 0)
        if self.rule.exit_unlocks and not self._stays_unlocked:
            self._unlocked_until_ms = max(now_ms + self.rule.strike_ms, self._unlocked_until_ms or 0)
        return self._told()

    def contact(self, at_ms: int, *, is_open: bool) -> list[DoorEvent]:
        """The door contact tells how the door is; telling the same again changes nothing."""
        now_ms = self._pass(at_ms)
        if not self.rule.has_contact or self._open is is_open:
            return self._told()
        before, self._open = self._open, is_open
        if is_open:
            self._opened(now_ms, found=before is None)
        elif before is not None:
            self._closed()
        return self._told()

    def set_mode(self, at_ms: int, mode: DoorMode) -> list[DoorEvent]:
        """Begin or end lockdown or evacuation. Every running grant ends."""
        now_ms = self._pass(at_ms)
        if mode is self.mode:
            return self._told()
        self.mode = mode
        self._tell(DoorEventKind.MODE, None, mode)
        self._relock()
        self._grant = None
        if mode is DoorMode.EVACUATION:
            self._end_alarms()
        elif self._open and not self._forced and not self._held and self._held_at_ms is None:
            self._begin_holding(now_ms)
        return self._told()

    def revoke(self, at_ms: int) -> list[DoorEvent]:
        """End every running grant: the lock falls back at once, except in evacuation."""
        self._pass(at_ms)
        self._relock()
        self._grant = None
        return self._told()

    def _pass(self, at_ms: int) -> int:
        now_ms = self._now_ms = at_ms if self._now_ms is None else max(at_ms, self._now_ms)
        if self._unlocked_until_ms is not None and now_ms >= self._unlocked_until_ms:
            self._relock()
            if self._grant is not None and not self._open:
                self._tell(DoorEventKind.UNUSED, self._grant.person)
                self._grant = None
        if self._rightful_until_ms is not None and now_ms >= self._rightful_until_ms:
            self._rightful_until_ms = None
        if self._held_at_ms is not None and now_ms >= self._held_at_ms:
            self._held_at_ms = None
            self._held = True
            self._tell(DoorEventKind.HELD)
        return now_ms

    def _opened(self, now_ms: int, *, found: bool) -> None:
        # a door that stands open when the kiosk starts may be so rightfully; if it stays, it is held
        rightful = self.unlocked or self._rightful_until_ms is not None or found
        if not rightful:
            self._forced = True
            self._tell(DoorEventKind.FORCED)
            return
        self._tell(DoorEventKind.OPENED, None, "found_open" if found else "")
        if self._grant is not None:
            self._tell(DoorEventKind.PASSED, self._grant.person)
            self._grant = None
        if self.mode is not DoorMode.EVACUATION:
            self._begin_holding(self._unlocked_until_ms or now_ms if self._stays_unlocked else now_ms)
        self._rightful_until_ms = None
        if self.rule.relock_on_opening and not self._stays_unlocked:
            self._relock()

    def _closed(self) -> None:
        self._tell(DoorEventKind.CLOSED)
        self._end_alarms()
        if not self._stays_unlocked and not self._granted_while_open:
            self._relock()
        self._granted_while_open = False

    def _begin_holding(self, from_ms: int) -> None:
        self._held_at_ms = from_ms + self.rule.held_ms

    def _end_alarms(self) -> None:
        self._held_at_ms = None
        if self._forced:
            self._forced = False
            self._tell(DoorEventKind.FORCED_ENDED)
        if self._held:
            self._held = False
            self._tell(DoorEventKind.HELD_ENDED)

    def _relock(self) -> None:
        self._unlocked_until_ms = None
        self._stays_unlocked = False

    def _tell(self, kind: DoorEventKind, person: str | None = None, reason: str = "") -> None:
        self._events.append(DoorEvent(self._now_ms or 0, kind, person, str(reason)))

    def _told(self) -> list[DoorEvent]:
        events, self._events = self._events, []
        return events
