"""Relay, door contact and exit button on the pins of a Raspberry Pi or its like, by gpiozero.

After a stop, a crash or a power cut a pin is an input. So wire a relay board that is released by a *high* pin and has
a resistor that pulls it low, or else a board that is released by a low pin may open the door then.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from streamauth.errors import DoorHardwareFailed


@dataclass(frozen=True, slots=True)
class GpioPins:
    """Pins by their number of the chip (``GPIO17`` is 17), None where nothing is wired.

    Attributes:
        relay: Releases the lock.
        contact: Closed to ground while the door is closed.
        exit_button: Closed to ground while it is pressed.
        relay_active_high: Whether a high pin releases the lock.
        bounce_s: Time for which a contact must hold still, in seconds.
    """

    relay: int | None = None
    contact: int | None = None
    exit_button: int | None = None
    relay_active_high: bool = True
    bounce_s: float = 0.05


class GpioDoor:
    """The hardware of a door on pins. See ``DoorHardware``.

    Args:
        pins: What is wired where.
        factory: gpiozero's pin factory; its own choice (lgpio) if None.
    """

    def __init__(self, pins: GpioPins, factory: Any = None) -> None:
        self._pins = pins
        self._factory = factory
        self._relay: Any = None
        self._inputs: list[Any] = []

    def begin(self, on_contact: Callable[[bool], None], on_exit: Callable[[], None]) -> None:
        """See ``DoorHardware``."""
        try:
            from gpiozero import Button, GPIOZeroError, OutputDevice
        except ImportError:
            raise DoorHardwareFailed("gpiozero is missing: pip install 'streamauth[gpio]'.") from None
        pins, factory = self._pins, self._factory
        bounce_s = pins.bounce_s or None
        try:
            if pins.relay is not None:
                self._relay = OutputDevice(
                    pins.relay, active_high=pins.relay_active_high, initial_value=False, pin_factory=factory
                )
            if pins.exit_button is not None:
                button = Button(pins.exit_button, pull_up=True, bounce_time=bounce_s, pin_factory=factory)
                self._inputs.append(button)
                button.when_pressed = lambda: on_exit()
            if pins.contact is not None:
                contact = Button(pins.contact, pull_up=True, bounce_time=bounce_s, pin_factory=factory)
                self._inputs.append(contact)
                contact.when_pressed = lambda: on_contact(False)
                contact.when_released = lambda: on_contact(True)
                on_contact(not contact.is_pressed)
        except (GPIOZeroError, OSError, ValueError) as error:
            self.close()
            raise DoorHardwareFailed(f"The pins cannot be used ({type(error).__name__}).") from None

    def set_unlocked(self, unlocked: bool) -> None:
        """See ``DoorHardware``."""
        if self._relay is None:
            return
        try:
            self._relay.value = unlocked
        except Exception as error:  # what a pin library raises is its own
            raise DoorHardwareFailed(f"The relay does not follow ({type(error).__name__}).") from None

    def close(self) -> None:
        """See ``DoorHardware``."""
        relay, self._relay = self._relay, None
        inputs, self._inputs = self._inputs, []
        for device in inputs:
            device.close()
        if relay is not None:
            relay.off()
            relay.close()
