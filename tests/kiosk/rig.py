"""A door without a door: mock pins, a store of its own, and a receiver that remembers."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from gpiozero.pins.mock import MockFactory, MockPin

from streamauth.core.door.door import Door, DoorRule
from streamauth.core.door.events import DoorMode
from streamauth.core.door.message import DoorMessage
from streamauth.errors import OutputUnavailable
from streamauth.kiosk.delivery import Courier
from streamauth.kiosk.keeper import DoorKeeper
from streamauth.kiosk.recorder import Recorder
from streamauth.outputs.gpio import GpioDoor, GpioPins
from streamauth.settings import StoreSettings
from tests.store.helpers import opened

DOOR = "front"
PINS = GpioPins(relay=17, contact=27, exit_button=22, bounce_s=0.0)


def eventually(condition: Callable[[], object], within_s: float = 60.0) -> None:
    """Wait until something holds."""
    deadline, pause_s = time.monotonic() + within_s, 0.005
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(pause_s)
        pause_s = min(0.05, 1.2 * pause_s)  # what takes long is looked at less often


class WiredPin(MockPin):  # type: ignore[misc]
    """A pin that a wire may hold down, however it is set up."""

    wired_low = False

    def _set_pull(self, value: str) -> None:
        super()._set_pull(value)
        if self.wired_low:
            self.drive_low()


def closed_door() -> MockFactory:
    """Pins of a door that is closed."""
    factory = MockFactory(pin_class=WiredPin)
    factory.pin(PINS.contact).wired_low = True
    return factory


@dataclass
class Memory:
    """A sink that remembers, and can be away."""

    name: str = "memory"
    got: list[DoorMessage] = field(default_factory=list)
    away: bool = False
    closed: bool = False

    def deliver(self, message: DoorMessage) -> None:
        if self.away:
            raise OutputUnavailable
        self.got.append(message)

    def close(self) -> None:
        self.closed = True


class MockDoor:
    """A keeper on mock pins with a store. Use as a context manager.

    Args:
        folder: Of the store.
        rule: How the door is built.
        mode: In which it starts.
    """

    def __init__(self, folder: Path, rule: DoorRule | None = None, mode: DoorMode = DoorMode.NORMAL) -> None:
        self.store = opened(folder, StoreSettings(busy_timeout_s=20))
        self.outbox = self.store.outbox
        self.factory = closed_door()
        self.couriers: list[Courier] = []
        self.recorder = Recorder(self.outbox, ["memory"], self._wake, retry_s=0.05)
        rule = rule or DoorRule(strike_ms=1_500, held_ms=300, exit_ms=1_500)
        self.keeper = DoorKeeper(
            DOOR,
            Door(rule, mode),
            GpioDoor(PINS, self.factory),
            self.recorder,
            area="house",
            direction="in",
            record_within_s=20.0,
        )

    def __enter__(self) -> "MockDoor":
        self.recorder.start()
        self.keeper.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.keeper.close()
        self.recorder.close()
        self.factory.close()
        self.store.close()

    def deliver_to(self, sink: Memory) -> Courier:
        """Begin to deliver events to a sink."""
        courier = Courier(self.outbox, sink, DOOR, first_retry_s=0.01)
        self.couriers.append(courier)
        courier.start()
        return courier

    def _wake(self) -> None:
        for courier in self.couriers:
            courier.wake()

    @property
    def relay(self) -> bool:
        """Whether the relay is drawn."""
        return bool(self.factory.pin(17).state)

    def pulses_s(self) -> list[float]:
        """How long the relay was drawn each time, in seconds."""
        states = self.factory.pin(17).states
        return [float(then.timestamp) for now, then in pairwise(states) if now.state]

    def open_door(self) -> None:
        self.factory.pin(27).drive_high()

    def close_door(self) -> None:
        self.factory.pin(27).drive_low()

    def press_exit(self) -> None:
        self.factory.pin(22).drive_low()
        self.factory.pin(22).drive_high()

    def kinds(self) -> list[str]:
        """What the log has, in order."""
        return [message.kind.value for message in self.outbox.log()]

    def wait_for(self, *kinds: str) -> None:
        """Wait until these were logged."""
        eventually(lambda: set(kinds) <= set(self.kinds()))
