from collections.abc import Iterator
from pathlib import Path

import pytest

from streamauth.core.door.command import DoorAction, DoorCommand
from streamauth.core.door.door import DoorRule, Grant
from streamauth.core.door.events import Denial, DoorMode
from streamauth.errors import DiskFull, DoorHardwareFailed
from tests.kiosk.rig import MockDoor, eventually

ADA = Grant("ada")


@pytest.fixture
def door(tmp_path: Path) -> Iterator[MockDoor]:
    with MockDoor(tmp_path) as made:
        yield made


def test_the_relay_is_drawn_for_the_strike_time(door: MockDoor) -> None:
    assert door.keeper.admit(ADA) is None
    assert door.relay
    eventually(lambda: not door.relay)
    (pulse_s,) = door.pulses_s()
    assert 1.45 <= pulse_s < 30
    door.wait_for("unused")
    assert door.kinds()[0] == "started"
    assert door.kinds()[-2:] == ["granted", "unused"]


def test_opening_relocks_and_is_a_passage(door: MockDoor) -> None:
    door.keeper.admit(ADA)
    door.open_door()
    assert not door.relay
    door.close_door()
    door.wait_for("passed", "closed")
    (passed,) = [message for message in door.outbox.log() if message.kind == "passed"]
    assert (passed.person, passed.area, passed.direction) == ("ada", "house", "in")


def test_forced_and_held(door: MockDoor) -> None:
    door.open_door()
    door.wait_for("forced")
    door.close_door()
    door.wait_for("forced_ended")
    door.keeper.admit(ADA)
    door.open_door()
    door.wait_for("held")
    door.close_door()
    door.wait_for("held_ended")


def test_the_exit_button(door: MockDoor) -> None:
    door.press_exit()
    assert door.relay
    door.open_door()
    door.close_door()
    door.wait_for("exit", "closed")
    assert "forced" not in door.kinds()


def test_duress_is_recorded_with_the_grant_and_shown_nowhere(door: MockDoor) -> None:
    assert door.keeper.admit(ADA, duress=True) is None
    assert door.relay
    door.wait_for("granted")
    assert "duress" not in door.kinds()
    found = []
    while (waiting := door.outbox.next("memory", "front")) is not None:
        found.append(waiting[1].kind.value)
        door.outbox.delivered(waiting[0], 1)
    assert found[found.index("granted") + 1] == "duress"


def test_commands(door: MockDoor) -> None:
    door.keeper.obey(DoorCommand(DoorAction.OPEN, 0.0, 60))
    assert door.relay
    door.keeper.obey(DoorCommand(DoorAction.LOCK, 0.0))
    assert not door.relay
    door.keeper.obey(DoorCommand(DoorAction.EVACUATE, 0.0))
    assert door.relay
    door.keeper.obey(DoorCommand(DoorAction.LOCKDOWN, 0.0))
    assert not door.relay
    assert door.keeper.admit(ADA) is Denial.LOCKDOWN
    door.keeper.obey(DoorCommand(DoorAction.OPEN, 0.0, 60))
    assert not door.relay
    door.keeper.obey(DoorCommand(DoorAction.NORMAL, 0.0))
    assert door.keeper.admit(ADA) is None


def test_nobody_passes_without_a_record(door: MockDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise DiskFull

    with monkeypatch.context() as patch:
        patch.setattr(type(door.outbox), "record", full)
        assert door.keeper.admit(ADA) is Denial.FAILED
        assert not door.relay
        assert door.keeper.view.problem
        # people may leave, and alarms wait for the disk
        door.press_exit()
        assert door.relay
        assert door.keeper.admit(ADA) is Denial.FAILED
    door.wait_for("denied", "exit")
    assert "granted" not in door.kinds()
    eventually(lambda: not door.keeper.view.problem)
    assert door.keeper.admit(ADA) is None


def test_a_relay_that_does_not_draw_is_no_grant(door: MockDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise DoorHardwareFailed

    with monkeypatch.context() as patch:
        patch.setattr("streamauth.outputs.gpio.GpioDoor.set_unlocked", broken)
        assert door.keeper.admit(ADA) is Denial.FAILED
        assert door.keeper.view.problem
    eventually(lambda: not door.keeper.view.problem)
    assert not door.relay


def test_closing_locks(tmp_path: Path) -> None:
    with MockDoor(tmp_path, DoorRule(strike_ms=60_000)) as door:
        door.keeper.admit(ADA)
        assert door.relay
        pin = door.factory.pin(17)
    assert pin.state == 0


@pytest.mark.parametrize("mode", DoorMode)
def test_it_starts_locked_in_every_mode(tmp_path: Path, mode: DoorMode) -> None:
    with MockDoor(tmp_path, mode=mode) as door:
        assert not door.relay
        assert (door.keeper.admit(ADA) is Denial.LOCKDOWN) is (mode is DoorMode.LOCKDOWN)
