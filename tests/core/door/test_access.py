from datetime import date, datetime

import pytest

from streamauth.core.door.access import (
    AccessPlan,
    Direction,
    Passage,
    Permission,
    Person,
    passes_back,
)
from streamauth.core.door.events import Denial
from streamauth.core.door.schedule import Holidays, Schedule, parse_span

NOON = datetime(2026, 11, 30, 12)
NIGHT = datetime(2026, 11, 30, 2)
PEOPLE = (
    Person("ada", "ada", groups=frozenset({"staff"})),
    Person("bob", "bob"),
    Person("eve", "eve", groups=frozenset({"staff"}), suspended=True),
    Person("new", "new", groups=frozenset({"staff"}), valid_from=date(2026, 12, 1)),
    Person("old", "old", groups=frozenset({"staff"}), valid_until=date(2026, 11, 29)),
    Person("now", "now", groups=frozenset({"staff"}), valid_from=date(2026, 11, 30), valid_until=date(2026, 11, 30)),
    Person("staff", "x"),
)
PLAN = AccessPlan(
    {person.name: person for person in PEOPLE},
    (Permission("@staff", "front", "office"), Permission("bob", "*"), Permission("ada", "lab", "gone")),
    {"office": Schedule((parse_span("mon-fri", "08:00", "18:00"),))},
    Holidays(),
)


@pytest.mark.parametrize(
    ("who", "door", "when", "expected"),
    [
        ("ada", "front", NOON, None),
        ("ada", "front", NIGHT, Denial.OUTSIDE_SCHEDULE),
        ("ada", "lab", NOON, Denial.OUTSIDE_SCHEDULE),  # its schedule is not there
        ("ada", "back", NOON, Denial.NO_PERMISSION),
        ("bob", "lab", NIGHT, None),
        ("eve", "front", NOON, Denial.SUSPENDED),
        ("new", "front", NOON, Denial.NOT_YET_VALID),
        ("old", "front", NOON, Denial.EXPIRED),
        ("now", "front", NOON, None),
        ("staff", "front", NOON, Denial.NO_PERMISSION),  # a person is not the group of that name
        ("mallory", "front", NOON, Denial.UNKNOWN_PERSON),
        (None, "front", NOON, Denial.UNKNOWN_PERSON),
    ],
)
def test_who_may_pass(who: str | None, door: str, when: datetime, expected: Denial | None) -> None:
    assert PLAN.judge(who, door, when) is expected


def test_an_empty_plan_lets_nobody_pass() -> None:
    assert AccessPlan().judge("ada", "front", NOON) is Denial.UNKNOWN_PERSON


def test_those_of_a_door() -> None:
    assert [person.name for person in PLAN.among("lab")] == ["ada", "bob"]


@pytest.mark.parametrize(
    ("last", "direction", "now_s", "expected"),
    [
        (None, Direction.IN, 100.0, False),
        (Passage(Direction.IN, 50.0), Direction.IN, 100.0, True),
        (Passage(Direction.IN, 50.0), Direction.OUT, 100.0, False),
        (Passage(Direction.IN, 50.0), Direction.IN, 3_650.0, False),
        (Passage(Direction.IN, 50.0), Direction.IN, 3_649.0, True),
        (Passage(Direction.IN, 500.0), Direction.IN, 100.0, True),  # the clock was set back
    ],
)
def test_passing_back(last: Passage | None, direction: Direction, now_s: float, expected: bool) -> None:
    assert passes_back(last, direction, now_s, forgive_after_s=3_600.0) is expected
