"""Keeps one door: the pure ``Door``, its hardware, its timers, and the record of what happens.

The keeper's own thread works the timers, so that the lock falls back in time whatever else hangs. Within a call the
lock is worked first and the record written after that, except for a grant, which is recorded before the lock is
released.
"""

import logging
import threading
import time
import uuid
from collections.abc import Callable, Sequence

from streamauth.core.door.command import DoorAction, DoorCommand
from streamauth.core.door.door import Door, Grant
from streamauth.core.door.events import Denial, DoorEvent, DoorEventKind, DoorMode
from streamauth.core.door.message import DoorMessage
from streamauth.errors import StreamAuthError
from streamauth.kiosk.recorder import Recorder
from streamauth.outputs.ports import DoorHardware, DoorView

_LOG = logging.getLogger(__name__)
_IDLE_S = 0.5
_RECORD_WITHIN_S = 2.0
_DEAD_MS = 5_000


class DoorKeeper:
    """One door. Start it, and close it at last; its methods may be called by any thread.

    Args:
        name: Of the door.
        door: Its state; locked.
        hardware: Lock, contact and button.
        recorder: Takes what happens.
        area: Which area a passage enters or leaves; empty where nobody asks.
        direction: ``in`` or ``out``; likewise.
        on_view: Called with how the door stands, after each change.
        record_within_s: Longest wait for the record of a grant, in seconds; nobody passes without one.
    """

    def __init__(
        self,
        name: str,
        door: Door,
        hardware: DoorHardware,
        recorder: Recorder,
        *,
        area: str = "",
        direction: str = "",
        on_view: Callable[[DoorView], None] = lambda view: None,
        record_within_s: float = _RECORD_WITHIN_S,
    ) -> None:
        self.name = name
        self._door = door
        self._hardware = hardware
        self._recorder = recorder
        self._area, self._direction = area, direction
        self._on_view = on_view
        self._record_within_s = record_within_s
        self._changed = threading.Condition(threading.RLock())
        self._relay: bool | None = None
        self._hardware_failed = False
        self._troubles: set[str] = set()
        self._told: DoorView | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="door-keeper", daemon=True)
        self._beat_ms = _clock_ms()

    def start(self) -> None:
        """Lock the door, begin to watch it, and record that it started.

        Raises:
            DoorHardwareFailed: The hardware cannot be used.
        """
        self.report(DoorEventKind.STARTED)
        self._hardware.begin(self._contact, self.request_exit)
        with self._changed:
            self._work([])
        self._thread.start()

    def close(self) -> None:
        """Lock the door and give the hardware back. Idempotent."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()
        try:
            self._hardware.close()
        except StreamAuthError as error:
            _LOG.error("The door's hardware cannot be closed [%s].", error.code)

    @property
    def view(self) -> DoorView:
        """How the door stands."""
        with self._changed:
            door = self._door
            problem = self._hardware_failed or self._recorder.failing or bool(self._troubles)
            return DoorView(door.state, door.mode, door.unlocked, door.is_open, problem)

    @property
    def lives(self) -> bool:
        """Whether the door's timers are worked."""
        return self._thread.is_alive() and _clock_ms() - self._beat_ms < _DEAD_MS

    def admit(self, grant: Grant, *, duress: bool = False) -> Denial | None:
        """Let somebody pass: record it, then release the lock.

        Args:
            grant: Who, and for how long.
            duress: Whether they are threatened; nothing at the door is different then.

        Returns:
            Why not; None where the lock is released.
        """
        with self._changed:
            if self._door.mode is DoorMode.LOCKDOWN:
                self._work(self._door.grant(_clock_ms(), grant))
                return Denial.LOCKDOWN
        messages = [self._message(DoorEventKind.GRANTED, grant.person, grant.reason)]
        if duress:
            messages.append(self._message(DoorEventKind.DURESS, grant.person))
        if not self._recorder.commit(messages, self._record_within_s):
            self.report(DoorEventKind.DENIED, grant.person, Denial.FAILED)
            return Denial.FAILED
        with self._changed:
            events = self._door.grant(_clock_ms(), grant)
            self._work([event for event in events if event.kind is not DoorEventKind.GRANTED])
            if any(event.kind is DoorEventKind.DENIED for event in events):
                return Denial.LOCKDOWN  # it came in between
            if self._relay is not True:
                self._work([*self._door.revoke(_clock_ms()), self._denied(grant)])
                return Denial.FAILED
        return None

    def request_exit(self) -> None:
        """The exit button was pressed."""
        with self._changed:
            self._work(self._door.request_exit(_clock_ms()))

    def obey(self, command: DoorCommand) -> None:
        """Carry out an operator's command, whose freshness was checked."""
        modes = {
            DoorAction.LOCKDOWN: DoorMode.LOCKDOWN,
            DoorAction.EVACUATE: DoorMode.EVACUATION,
            DoorAction.NORMAL: DoorMode.NORMAL,
        }
        if command.action is DoorAction.OPEN:
            unlock_ms = None if command.seconds is None else max(1, round(command.seconds * 1000))
            self.admit(Grant(None, unlock_ms, stays_unlocked=unlock_ms is not None, reason="operator"))
            return
        with self._changed:
            if command.action is DoorAction.LOCK:
                self._work(self._door.revoke(_clock_ms()))
            else:
                self._work(self._door.set_mode(_clock_ms(), modes[command.action]))

    def report(self, kind: DoorEventKind, person: str | None = None, reason: str = "") -> None:
        """Record something that does not move the door: a denial, a ring, a microphone."""
        self._recorder.put([self._message(kind, person, reason)])

    def set_trouble(self, name: str, there: bool) -> None:
        """Something beside the door needs an operator, such as its microphone, or no longer does."""
        with self._changed:
            if there:
                self._troubles.add(name)
            else:
                self._troubles.discard(name)
            self._work([])

    def _contact(self, is_open: bool) -> None:
        with self._changed:
            self._work(self._door.contact(_clock_ms(), is_open=is_open))

    def _run(self) -> None:
        with self._changed:
            while not self._closed:
                self._work(self._door.advance(_clock_ms()))
                self._beat_ms = _clock_ms()
                next_ms = self._door.next_ms
                wait_s = _IDLE_S if next_ms is None else (next_ms - self._beat_ms) / 1000
                self._changed.wait(max(0.0, min(wait_s, _IDLE_S)))

    def _work(self, events: Sequence[DoorEvent]) -> None:
        """Work the relay, then record and tell. Called with the lock held."""
        wanted = self._door.unlocked
        if self._relay is not wanted:
            try:
                self._hardware.set_unlocked(wanted)
                self._relay, self._hardware_failed = wanted, False
            except StreamAuthError as error:
                if not self._hardware_failed:
                    _LOG.error("The lock does not follow [%s].", error.code)
                self._relay, self._hardware_failed = None, True  # tried again with the next beat
        self._recorder.put([self._message(event.kind, event.person, event.reason) for event in events])
        view = self.view
        if view != self._told:
            self._told = view
            self._on_view(view)
        self._changed.notify_all()

    def _denied(self, grant: Grant) -> DoorEvent:
        return DoorEvent(_clock_ms(), DoorEventKind.DENIED, grant.person, Denial.FAILED)

    def _message(self, kind: DoorEventKind, person: str | None, reason: str = "") -> DoorMessage:
        passage = kind is DoorEventKind.PASSED
        return DoorMessage(
            str(uuid.uuid4()),
            self.name,
            kind,
            time.time_ns() // 1_000_000,
            person,
            str(reason),
            self._area if passage else "",
            self._direction if passage else "",
        )


def _clock_ms() -> int:
    return time.monotonic_ns() // 1_000_000
