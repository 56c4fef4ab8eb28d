"""Schedules and holidays out of a calendar: what can be said is taken, everything else is refused by its name."""

from pathlib import Path

import pytest

from streamauth.errors import BadPlan, BadSchedule
from streamauth.service.door_calendar import holidays_of, is_calendar, spans_of
from streamauth.service.door_tables import TableKind, import_table
from streamauth.store.door_plan import DoorPlan, SpanRow
from streamauth.store.store import Store

OFFICE = (Path(__file__).parents[1] / "data" / "office.ics").read_text()


def calendar(*lines: str) -> str:
    """A calendar of one event, with the line ends of the standard."""
    return "\r\n".join(("BEGIN:VCALENDAR", "BEGIN:VEVENT", *lines, "END:VEVENT", "END:VCALENDAR", ""))


def weekly(rule: str = "FREQ=WEEKLY", start: str = "20260105T070000", end: str = "20260105T190000") -> str:
    return calendar(f"DTSTART:{start}", f"DTEND:{end}", f"RRULE:{rule}", "SUMMARY:office")


def test_what_an_office_program_exports() -> None:
    assert is_calendar(OFFICE)
    assert is_calendar("\ufeff" + OFFICE)
    assert not is_calendar("name,days,from,to\n")
    assert spans_of(OFFICE) == [
        SpanRow("office", "mon tue wed thu fri", "07:00", "19:00"),
        SpanRow("night", "mon-sun", "22:00", "06:00"),
        SpanRow("night", "sat", "20:00", "24:00"),
    ]
    assert holidays_of(OFFICE) == ["12-24", "12-25", "12-26", "2026-04-03"]


def test_it_goes_into_the_plan(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        plan: DoorPlan = store.door_plan
        assert import_table(plan, TableKind.SCHEDULES, OFFICE) == 3
        assert import_table(plan, TableKind.HOLIDAYS, OFFICE) == 4
        assert set(plan.load().schedules) == {"office", "night"}
        with pytest.raises(BadPlan, match="schedules or holidays"):
            import_table(plan, TableKind.PEOPLE, OFFICE)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (weekly("FREQ=WEEKLY;INTERVAL=2"), "each week or each day"),
        (weekly("FREQ=MONTHLY"), "each week or each day"),
        (weekly("FREQ=WEEKLY;UNTIL=20260301T000000"), "UNTIL cannot be taken"),
        (weekly("FREQ=WEEKLY;COUNT=3"), "COUNT cannot be taken"),
        (weekly("FREQ=WEEKLY;BYDAY=1MO"), "BYDAY"),
        (weekly().replace("RRULE:FREQ=WEEKLY", "X:1"), "each week or each day"),
        (weekly(start="20260105T070000Z"), "in UTC"),
        (weekly(end="20260105T060000"), "a day at most"),
        (weekly(end="20260107T060000"), "a day at most"),
        (weekly(start="20260105T070030"), "whole minutes"),
        (weekly(start="garbageT"), "no local time"),
        (weekly().replace("SUMMARY:office", "SUMMARY:"), "no name"),
        (weekly().replace("SUMMARY", "EXDATE:20260112T070000\r\nSUMMARY"), "EXDATE cannot be taken"),
        (weekly().partition("END:VEVENT")[0], "breaks off"),
        (weekly() + "x", None),
        ("BEGIN:VCALENDAR\nEND:VCALENDAR", "no events with times"),
    ],
)
def test_what_no_schedule_can_say(text: str, reason: str | None) -> None:
    if reason is None:
        assert spans_of(text)
        return
    with pytest.raises(BadSchedule, match=reason):
        spans_of(text)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (("DTSTART;VALUE=DATE:20261224", "RRULE:FREQ=WEEKLY"), "same day of each year"),
        (("DTSTART;VALUE=DATE:20261224", "RRULE:FREQ=YEARLY;BYDAY=4TH"), "same day of each year"),
        (("DTSTART;VALUE=DATE:20261224", "DTEND;VALUE=DATE:20261220"), "before it begins"),
        (("DTSTART;VALUE=DATE:20260101", "DTEND;VALUE=DATE:29990101"), "for years"),
        (("DTSTART;VALUE=DATE:tomorrow",), "no events|no day"),
    ],
)
def test_what_no_holiday_can_say(lines: tuple[str, ...], reason: str) -> None:
    with pytest.raises(BadSchedule, match=reason):
        holidays_of(calendar(*lines))
