from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from streamauth.core.door.access import Direction, PassbackRule, Permission, Person
from streamauth.core.door.events import Denial
from streamauth.kiosk.gate import Gate, GateRule
from streamauth.store.door_plan import PersonRow, SpanRow
from tests.kiosk.rig import DOOR, MockDoor

BERLIN = ZoneInfo("Europe/Berlin")
NOON_S = datetime(2026, 11, 30, 12, tzinfo=BERLIN).timestamp()
NIGHT_S = datetime(2026, 11, 30, 18, 30, tzinfo=BERLIN).timestamp()
RULE = GateRule(BERLIN, area="house")


@pytest.fixture
def door(tmp_path: Path) -> Iterator[MockDoor]:
    with MockDoor(tmp_path) as made:
        plan = made.store.door_plan
        plan.put_people([PersonRow(Person("ada"))])
        plan.put_people([PersonRow(Person("old", needs_time=True))])
        plan.put_people([PersonRow(Person("bob"))])
        plan.replace_schedules([SpanRow("office", "mon-fri", "08:00", "18:00")])
        plan.replace_permissions([Permission("ada", DOOR, "office"), Permission("old", DOOR)])
        yield made


def gate(door: MockDoor, rule: GateRule = RULE, now_s: float = NOON_S) -> Gate:
    return Gate(rule, door.store.door_plan, door.outbox, door.keeper, lambda: now_s)


def test_who_may_pass_passes(door: MockDoor) -> None:
    assert gate(door).decide("ada") is None
    assert door.relay


@pytest.mark.parametrize(
    ("name", "now_s", "denial"),
    [
        ("ada", NIGHT_S, Denial.OUTSIDE_SCHEDULE),
        ("bob", NOON_S, Denial.NO_PERMISSION),
        ("eve", NOON_S, Denial.UNKNOWN_PERSON),
        (None, NOON_S, Denial.UNKNOWN_PERSON),
    ],
)
def test_who_may_not_is_recorded(door: MockDoor, name: str | None, now_s: float, denial: Denial) -> None:
    assert gate(door, now_s=now_s).decide(name) is denial
    assert not door.relay
    door.wait_for("denied")
    (denied,) = [message for message in door.outbox.log() if message.kind == "denied"]
    assert (denied.person, denied.reason) == (name, denial)


def test_the_time_zone_of_the_door_counts(door: MockDoor) -> None:
    elsewhere = replace(RULE, zone=ZoneInfo("America/New_York"))
    assert gate(door, elsewhere, NIGHT_S).decide("ada") is None


def test_who_needs_it_gets_more_time(door: MockDoor) -> None:
    assert gate(door, replace(RULE, extended_ms=60_000)).decide("old") is None
    assert door.keeper._door.next_ms is not None
    assert door.keeper._door.next_ms - door.keeper._beat_ms > 50_000


def pass_through(door: MockDoor) -> None:
    door.open_door()
    door.close_door()
    door.wait_for("passed", "closed")


def test_passing_back(door: MockDoor) -> None:
    import time

    hard = replace(RULE, passback=PassbackRule.HARD)
    now_s = time.time()
    assert gate(door, hard, now_s).decide("old") is None
    pass_through(door)
    assert gate(door, hard, now_s).decide("old") is Denial.PASSBACK
    assert not door.relay
    soft = replace(RULE, passback=PassbackRule.SOFT)
    assert gate(door, soft, now_s).decide("old") is None
    door.wait_for("passback")
    out = replace(hard, direction=Direction.OUT)
    assert gate(door, out, now_s).decide("old") is None
    assert gate(door, hard, now_s + 50_000).decide("old") is None


def test_a_broken_plan_lets_nobody_pass(door: MockDoor) -> None:
    with door.store._sealed.database.write() as connection:
        connection.exec_driver_sql("UPDATE door_people SET valid_from = 'soon'")
    assert gate(door).decide("old") is Denial.FAILED
    assert not door.relay
