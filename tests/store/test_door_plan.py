from datetime import date, datetime
from pathlib import Path

import pytest

from streamauth.core.door.access import Permission, Person
from streamauth.core.door.events import Denial
from streamauth.errors import BadPin, BadPlan, BadProfileName, BadSchedule, StoreCorrupt, UnknownPerson
from streamauth.store.database import Database
from streamauth.store.door_plan import Claimed, DoorPlan, PersonRow, SpanRow
from streamauth.store.store import Store
from tests.store.helpers import files_bytes

ADA = Person(
    "ada",
    "ada-voice",
    "ada-threat",
    frozenset({"staff", "night"}),
    date(2026, 1, 1),
    date(2027, 1, 1),
    suspended=False,
    needs_time=True,
)
NOON = datetime(2026, 11, 30, 12)


@pytest.fixture
def database(store: Store) -> Database:
    return store._sealed.database


@pytest.fixture
def plan(store: Store) -> DoorPlan:
    return store.door_plan


def test_a_whole_plan_comes_back(plan: DoorPlan) -> None:
    plan.put_people([PersonRow(ADA, badge="123", pin="2468", duress_pin="2469")])
    plan.replace_permissions([Permission("@staff", "front", "office"), Permission("@staff", "front", "office")])
    plan.replace_schedules([SpanRow("office", "mon-fri", "08:00", "18:00"), SpanRow("office", "sat", "09:00", "12:00")])
    plan.replace_holidays(["2026-12-24", "12-25"])
    loaded = plan.load()
    assert loaded.people == {"ada": ADA}
    assert loaded.judge("ada", "front", NOON) is None
    assert loaded.judge("ada", "front", datetime(2026, 12, 24, 12)) is Denial.OUTSIDE_SCHEDULE
    assert len(loaded.schedules["office"].spans) == 2
    assert plan.badges() == {"ada": "123"}


def test_claims(plan: DoorPlan) -> None:
    plan.put_people([PersonRow(ADA, badge="123", pin="2468", duress_pin="2469")])
    assert plan.by_badge("123") == Claimed("ada")
    assert plan.by_pin("2468") == Claimed("ada")
    assert plan.by_pin("2469") == Claimed("ada", duress=True)
    for wrong in ("2467", "", "24 8", "abcd", "123456789", "２４６８"):
        assert plan.by_pin(wrong) is None
    assert plan.by_badge("2468") is None


def test_a_pin_stays_unless_it_is_given_anew(plan: DoorPlan) -> None:
    plan.put_people([PersonRow(ADA, pin="2468", duress_pin="2469")])
    plan.put_people([PersonRow(ADA)])
    assert plan.by_pin("2468") is not None
    plan.put_people([PersonRow(ADA, pin="1357")])
    assert plan.by_pin("2468") is None
    assert plan.by_pin("1357") == Claimed("ada")
    plan.put_people([PersonRow(ADA, pin="", duress_pin="")])
    assert plan.by_pin("1357") is None
    assert plan.by_pin("2469") is None


def test_a_pin_belongs_to_one_person(plan: DoorPlan) -> None:
    plan.put_people([PersonRow(ADA, pin="2468")])
    with pytest.raises(BadPin):
        plan.put_people([PersonRow(Person("bob"), pin="2468")])
    assert "bob" not in plan.load().people, "all or nothing"
    with pytest.raises(BadPin):
        plan.put_people([PersonRow(ADA, duress_pin="2468")])


def test_no_pin_stands_in_the_store(plan: DoorPlan, home: Path) -> None:
    plan.put_people([PersonRow(ADA, pin="86420135")])
    assert ADA.name.encode() in files_bytes(home)
    assert b"86420135" not in files_bytes(home)


@pytest.mark.parametrize("pin", ["123", "123456789", "12a4", "١٢٣٤"])
def test_what_is_no_pin(plan: DoorPlan, pin: str) -> None:
    with pytest.raises(BadPin):
        plan.put_people([PersonRow(ADA, pin=pin)])


def test_a_badge_belongs_to_one_person(plan: DoorPlan) -> None:
    plan.put_people([PersonRow(ADA, badge="1")])
    with pytest.raises(BadPlan):
        plan.put_people([PersonRow(Person("bob"), badge="1")])
    plan.put_people([PersonRow(Person("bob"))])
    plan.put_people([PersonRow(Person("eve"))])


def test_a_removed_person_leaves_nothing_that_opens(plan: DoorPlan) -> None:
    plan.put_people([PersonRow(ADA, badge="1", pin="2468")])
    plan.replace_permissions([Permission("ada", "*")])
    plan.remove_person("ada")
    assert plan.by_pin("2468") is None
    assert plan.load().permissions == ()
    with pytest.raises(UnknownPerson):
        plan.remove_person("ada")


def test_names_that_cannot_be_used(plan: DoorPlan) -> None:
    with pytest.raises(BadPlan):
        plan.put_people([PersonRow(Person("@staff"))])
    with pytest.raises(BadProfileName):
        plan.put_people([PersonRow(Person(""))])


def test_a_table_with_one_bad_row_changes_nothing(plan: DoorPlan) -> None:
    plan.replace_schedules([SpanRow("office", "mon", "08:00", "18:00")])
    day = ("mon", "08:00", "09:00")
    for bad in (SpanRow("", *day), SpanRow("always", *day), SpanRow("x", "", "", "")):
        with pytest.raises(BadSchedule):
            plan.replace_schedules([SpanRow("new", "mon", "08:00", "09:00"), bad])
    assert [row.name for row in plan.schedules()] == ["office"]
    with pytest.raises(BadSchedule):
        plan.replace_holidays(["2026-13-01"])
    assert plan.holidays() == []


def test_a_damaged_plan_is_no_plan(plan: DoorPlan, database: Database) -> None:
    plan.put_people([PersonRow(ADA)])
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE door_people SET valid_until = 'soon'")
    with pytest.raises(StoreCorrupt):
        plan.load()
