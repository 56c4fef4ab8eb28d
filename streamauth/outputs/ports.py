"""The two interfaces of a door: its hardware, and the receivers of its events."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from streamauth.core.door.events import DoorMode, DoorState
from streamauth.core.door.message import DoorMessage


class DoorHardware(Protocol):
    """Lock, door contact and exit button of one door."""

    def begin(self, on_contact: Callable[[bool], None], on_exit: Callable[[], None]) -> None:
        """Lock the door and begin to watch it.

        Args:
            on_contact: Called from any thread with whether the door is open, once at the begin and at each change.
            on_exit: Called from any thread when the exit button is pressed.

        Raises:
            DoorHardwareFailed: Something of it cannot be used.
        """

    def set_unlocked(self, unlocked: bool) -> None:
        """Release the lock, or let it fall back.

        Raises:
            DoorHardwareFailed: It does not follow.
        """

    def close(self) -> None:
        """Lock the door and give everything back. Idempotent."""


class Sink(Protocol):
    """Somebody who is told what happens at a door. Called by one thread of its own."""

    @property
    def name(self) -> str:
        """By which the outbox knows it; stays the same over restarts."""

    def deliver(self, message: DoorMessage) -> None:
        """Tell it; comes back when the receiver has the message.

        Raises:
            OutputUnavailable: It has not, or that is unknown: the message is sent again later.
        """

    def close(self) -> None:
        """Give everything back. Idempotent."""


@dataclass(frozen=True, slots=True)
class DoorView:
    """How a door stands, for those who show it.

    Attributes:
        state: Locked, granted, open, held or forced.
        mode: Normal, lockdown or evacuation.
        unlocked: Whether the lock is released.
        is_open: Whether the door is open; None where nothing tells.
        problem: Whether something at the door needs an operator.
    """

    state: DoorState
    mode: DoorMode
    unlocked: bool
    is_open: bool | None
    problem: bool
