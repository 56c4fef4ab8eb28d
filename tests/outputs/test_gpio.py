from collections.abc import Iterator

import pytest
from gpiozero.pins.mock import MockFactory

from streamauth.errors import DoorHardwareFailed
from streamauth.outputs.gpio import GpioDoor, GpioPins
from tests.kiosk.rig import WiredPin

PINS = GpioPins(relay=17, contact=27, exit_button=22, bounce_s=0.0)


@pytest.fixture
def factory() -> Iterator[MockFactory]:
    made = MockFactory(pin_class=WiredPin)
    yield made
    made.close()


class Seen:
    """What a door told."""

    def __init__(self) -> None:
        self.contacts: list[bool] = []
        self.exits = 0

    def exit(self) -> None:
        self.exits += 1


def begun(factory: MockFactory, pins: GpioPins = PINS) -> tuple[GpioDoor, Seen]:
    door, seen = GpioDoor(pins, factory), Seen()
    door.begin(seen.contacts.append, seen.exit)
    return door, seen


def test_the_relay_follows_and_is_off_before_and_after(factory: MockFactory) -> None:
    door, _ = begun(factory)
    relay = factory.pin(17)
    assert relay.function == "output"
    assert relay.state == 0
    door.set_unlocked(True)
    assert relay.state == 1
    door.set_unlocked(False)
    assert relay.state == 0
    door.set_unlocked(True)
    door.close()
    assert relay.state == 0
    assert relay.function == "input"
    door.close()


def test_a_relay_that_a_low_pin_releases(factory: MockFactory) -> None:
    door, _ = begun(factory, GpioPins(relay=17, relay_active_high=False))
    relay = factory.pin(17)
    states = [state.state for state in relay.states if state.timestamp >= 0]
    assert states[-1] == 1, "locked"
    door.set_unlocked(True)
    assert relay.state == 0
    door.set_unlocked(False)
    assert relay.state == 1
    door.close()


def test_setting_the_relay_up_gives_no_pulse(factory: MockFactory) -> None:
    relay = factory.pin(17)
    relay.clear_states()
    door, _ = begun(factory)
    assert not any(state.state for state in relay.states)
    door.close()


def test_the_contact_tells_how_the_door_is_at_once_and_at_each_change(factory: MockFactory) -> None:
    factory.pin(27).wired_low = True
    door, seen = begun(factory)
    assert seen.contacts == [False]
    factory.pin(27).drive_high()
    factory.pin(27).drive_low()
    assert seen.contacts == [False, True, False]
    door.close()


def test_a_cut_wire_is_an_open_door(factory: MockFactory) -> None:
    door, seen = begun(factory)
    assert seen.contacts == [True]
    door.close()


def test_the_exit_button(factory: MockFactory) -> None:
    door, seen = begun(factory)
    factory.pin(22).drive_low()
    factory.pin(22).drive_high()
    assert seen.exits == 1
    door.close()


def test_a_pin_that_is_taken(factory: MockFactory) -> None:
    door, _ = begun(factory)
    with pytest.raises(DoorHardwareFailed):
        begun(factory)
    door.close()


def test_a_relay_that_fails(factory: MockFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    door, _ = begun(factory)

    def fails(self: object, state: object) -> None:
        raise OSError

    monkeypatch.setattr(type(factory.pin(17)), "_set_state", fails)
    with pytest.raises(DoorHardwareFailed):
        door.set_unlocked(True)
    monkeypatch.undo()
    door.close()
