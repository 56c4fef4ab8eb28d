from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamauth.core.door.schedule import (
    Holidays,
    Schedule,
    parse_days,
    parse_holidays,
    parse_span,
    parse_time,
)
from streamauth.errors import BadSchedule

OFFICE = Schedule((parse_span("mon-fri", "08:00", "18:00"),))
NIGHT = Schedule((parse_span("fri", "22:00", "06:00"),))
NONE = Holidays()
MONDAY = datetime(2026, 11, 30)


def at(days: int, hour: int, minute: int = 0) -> datetime:
    return MONDAY + timedelta(days=days, hours=hour, minutes=minute)


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        (at(0, 7, 59), False),
        (at(0, 8), True),
        (at(0, 17, 59), True),
        (at(0, 18), False),
        (at(4, 12), True),
        (at(5, 12), False),
    ],
)
def test_office_hours(when: datetime, holds: bool) -> None:
    assert OFFICE.holds(when, NONE) is holds


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        (at(4, 21, 59), False),
        (at(4, 22), True),
        (at(5, 5, 59), True),
        (at(5, 6), False),
        (at(4, 3), False),
        (at(5, 23), False),
    ],
)
def test_a_night_belongs_to_the_day_on_which_it_begins(when: datetime, holds: bool) -> None:
    assert NIGHT.holds(when, NONE) is holds


def test_a_whole_day() -> None:
    always = Schedule((parse_span("mon-sun", "00:00", "24:00"),))
    assert all(always.holds(at(day, hour, 59), NONE) for day in range(7) for hour in range(24))


def test_holidays() -> None:
    holidays = parse_holidays(["2026-11-30", "12-25"])
    assert not OFFICE.holds(at(0, 12), holidays)
    assert OFFICE.holds(at(1, 12), holidays)
    assert date(2031, 12, 25) in holidays
    also = Schedule((parse_span("mon", "08:00", "18:00", "yes"),))
    only = Schedule((parse_span("tue", "08:00", "18:00", "only"),))
    assert also.holds(at(0, 12), holidays)
    assert only.holds(at(0, 12), holidays), "on a holiday, whatever day it is"
    assert not only.holds(at(1, 12), holidays)


def test_a_night_after_a_holiday_is_not_a_holiday() -> None:
    holidays = parse_holidays(["2026-12-05"])
    assert NIGHT.holds(at(5, 3), holidays), "it began on Friday"
    assert not NIGHT.holds(at(4, 23), parse_holidays(["2026-12-04"]))
    assert not NIGHT.holds(at(5, 3), parse_holidays(["2026-12-04"]))


def test_the_clock_at_the_door_counts_when_clocks_change() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    early = Schedule((parse_span("sun", "02:00", "03:00"),))
    # in spring the hour does not come; in autumn it comes twice
    spring = [datetime.fromisoformat(f"2026-03-29T0{hour}:30+00:00") for hour in range(4)]
    autumn = [datetime.fromisoformat(f"2026-10-25T0{hour}:30+00:00") for hour in range(4)]
    assert [early.holds(each.astimezone(berlin), NONE) for each in spring] == [False] * 4
    assert [early.holds(each.astimezone(berlin), NONE) for each in autumn] == [True, True, False, False]


@given(st.integers(0, 6), st.integers(0, 6))
def test_days_from_one_to_another(first: int, last: int) -> None:
    names = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    days = parse_days(f"{names[first]}-{names[last]}")
    assert first in days
    assert last in days
    assert len(days) == (last - first) % 7 + 1


def test_days_as_a_list() -> None:
    assert parse_days("Mon, wed;FRI") == {0, 2, 4}
    assert parse_days("fri-mon") == {4, 5, 6, 0}


@pytest.mark.parametrize("bad", ["", "monday", "mon-", "mon-xyz", "1-5"])
def test_days_that_are_none(bad: str) -> None:
    with pytest.raises(BadSchedule):
        parse_days(bad)


@pytest.mark.parametrize("bad", ["8", "24:01", "12:60", "25:00", "-1:00", "08:00:00", ""])
def test_times_that_are_none(bad: str) -> None:
    with pytest.raises(BadSchedule):
        parse_time(bad)


@pytest.mark.parametrize(("start", "end"), [("24:00", "06:00"), ("08:00", "00:00")])
def test_spans_that_are_none(start: str, end: str) -> None:
    with pytest.raises(BadSchedule):
        parse_span("mon", start, end)


def test_on_holidays_is_one_of_three() -> None:
    with pytest.raises(BadSchedule):
        parse_span("mon", "08:00", "09:00", "maybe")


@pytest.mark.parametrize("bad", ["2026-02-30", "13-01", "christmas", ""])
def test_holidays_that_are_none(bad: str) -> None:
    with pytest.raises(BadSchedule):
        parse_holidays([bad])
