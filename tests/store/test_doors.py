from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from streamauth.core.door.command import DoorAction
from streamauth.core.door.events import DoorMode, DoorState
from streamauth.errors import DoorError, DoorTaken, UnknownDoor
from streamauth.store.doors import HELD_S, Doors, DoorStanding
from streamauth.store.store import Store


class Clock:
    """Time by hand."""

    now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def doors(store: Store, clock: Clock) -> Doors:
    made = Doors(store._sealed, clock)
    made.report("front", DoorState.LOCKED, DoorMode.NORMAL, problem=False)
    return made


def test_how_a_door_stands(doors: Doors) -> None:
    doors.report("front", DoorState.HELD, DoorMode.LOCKDOWN, problem=True)
    seen = datetime.fromtimestamp(1_000_000, UTC)
    assert doors.get("front") == DoorStanding("front", DoorState.HELD, DoorMode.LOCKDOWN, True, seen)
    assert doors.mode_of("front") is DoorMode.LOCKDOWN
    assert doors.mode_of("new") is DoorMode.NORMAL
    doors.forget("front")
    assert doors.all() == []


def test_a_command_is_taken_once(doors: Doors) -> None:
    number = doors.tell("front", DoorAction.OPEN, 10)
    assert not doors.was_taken(number)
    (command,) = doors.take("front")
    assert (command.action, command.seconds) == (DoorAction.OPEN, 10)
    assert doors.was_taken(number)
    assert doors.take("front") == []


def test_a_command_is_withdrawn_or_taken_never_both(doors: Doors) -> None:
    first, second = doors.tell("front", DoorAction.OPEN), doors.tell("front", DoorAction.LOCK)
    assert doors.withdraw(first)
    assert [each.action for each in doors.take("front")] == ["lock"]
    assert not doors.withdraw(second)


def test_commands_come_in_order_and_for_their_door_alone(doors: Doors) -> None:
    doors.report("back", DoorState.LOCKED, DoorMode.NORMAL, problem=False)
    for action in (DoorAction.LOCKDOWN, DoorAction.NORMAL, DoorAction.OPEN):
        doors.tell("front", action)
    assert doors.take("back") == []
    assert [each.action for each in doors.take("front")] == ["lockdown", "normal", "open"]


@pytest.mark.parametrize("away_s", [10.5, 86_400, -10.5])
def test_what_an_unreachable_door_has_missed_is_never_carried_out(doors: Doors, clock: Clock, away_s: float) -> None:
    doors.tell("front", DoorAction.OPEN)
    clock.now_s += away_s
    assert doors.take("front") == []


def test_several_takers_share_out_commands(doors: Doors) -> None:
    for _ in range(20):
        doors.tell("front", DoorAction.OPEN)
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda _: doors.take("front"), range(8)))
    assert sum(map(len, taken)) == 20


def test_what_cannot_be_told(doors: Doors) -> None:
    with pytest.raises(UnknownDoor):
        doors.tell("nowhere", DoorAction.OPEN)
    with pytest.raises(UnknownDoor):
        doors.get("nowhere")
    with pytest.raises(UnknownDoor):
        doors.forget("nowhere")
    for seconds in (0, -1, 3601, float("nan")):
        with pytest.raises(DoorError):
            doors.tell("front", DoorAction.OPEN, seconds)


def test_two_kiosks_with_one_name(doors: Doors, clock: Clock) -> None:
    doors.claim("front", "one")
    doors.claim("front", "one")  # as after a crash: the same kiosk is not held up by itself
    with pytest.raises(DoorTaken):
        doors.claim("front", "two")
    doors.claim("back", "two")
    for moved_s in (HELD_S - 1, -(HELD_S - 1)):
        clock.now_s += moved_s
        with pytest.raises(DoorTaken):
            doors.claim("front", "two")
        clock.now_s -= moved_s
    doors.release("front", "two")  # not its own
    with pytest.raises(DoorTaken):
        doors.claim("front", "two")
    doors.release("front", "one")
    doors.claim("front", "two")
    clock.now_s += HELD_S + 1
    doors.claim("front", "one")
    assert doors.get("front").state is DoorState.LOCKED


def test_claiming_a_new_door_makes_it(doors: Doors) -> None:
    doors.claim("back", "one")
    assert doors.mode_of("back") is DoorMode.NORMAL
