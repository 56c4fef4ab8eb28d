"""Schedules and holidays from a calendar (iCalendar, RFC 5545), as office programs export it.

Schedules are events that repeat weekly or daily without end, called by the schedule's name; their local times are
taken as they are written. Holidays are events of whole days, which may repeat yearly. What a calendar can say and a
schedule cannot (every second week, an end, exceptions) is refused by its name: a door must not open by a guess.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from streamauth.core.door.schedule import DAYS
from streamauth.errors import BadSchedule
from streamauth.store.door_plan import SpanRow

_DAYS = dict(zip(("MO", "TU", "WE", "TH", "FR", "SA", "SU"), DAYS, strict=True))
_MAX_DAYS = 3660
_UNKNOWN = ("RDATE", "EXDATE", "EXRULE", "DURATION", "RECURRENCE-ID")


@dataclass
class _Event:
    """One VEVENT: the text of each property."""

    line: int
    values: dict[str, str] = field(default_factory=dict)

    def fault(self, text: str) -> BadSchedule:
        return BadSchedule(f"Line {self.line}: {text}")

    def moment(self, name: str) -> datetime:
        """A local time of an event."""
        text = self.values.get(name, "")
        if text.endswith("Z"):
            raise self.fault("Its times are in UTC, which is another hour in summer. Export it with local times.")
        try:
            return datetime.strptime(text, "%Y%m%dT%H%M%S")
        except ValueError:
            raise self.fault(f"{name} is no local time such as 20260105T070000.") from None

    def day(self, name: str) -> date:
        """A day of an event of whole days."""
        try:
            return datetime.strptime(self.values.get(name, ""), "%Y%m%d").date()
        except ValueError:
            raise self.fault(f"{name} is no day such as 20261225.") from None

    @property
    def whole_days(self) -> bool:
        """Whether it has days in place of times."""
        return "T" not in self.values.get("DTSTART", "")

    def rule(self) -> dict[str, str]:
        """How it repeats; empty where it does not."""
        parts = (part.partition("=") for part in self.values.get("RRULE", "").split(";") if part)
        return {name.strip().upper(): value.strip().upper() for name, _, value in parts}


def is_calendar(text: str) -> bool:
    """Whether a text is a calendar rather than a table."""
    return text.lstrip("\ufeff \t\r\n")[:15].upper() == "BEGIN:VCALENDAR"


def spans_of(text: str) -> list[SpanRow]:
    """The spans of the schedules in a calendar.

    Raises:
        BadSchedule: One says what no schedule can say; the message tells its line.
    """
    spans = []
    for event in _events(text):
        if event.whole_days:
            continue  # a holiday
        name = event.values.get("SUMMARY", "").strip()
        if not name:
            raise event.fault("It has no name (SUMMARY), which is that of its schedule.")
        begin, end = event.moment("DTSTART"), event.moment("DTEND")
        if not timedelta(0) < end - begin <= timedelta(days=1) or begin.second or end.second:
            raise event.fault("It must last whole minutes, a day at most.")
        closing = "24:00" if end.time() == datetime.min.time() else end.strftime("%H:%M")
        spans.append(SpanRow(name, _days_of(event, begin), begin.strftime("%H:%M"), closing))
    if not spans:
        raise BadSchedule("The calendar holds no events with times, so no schedules.")
    return spans


def holidays_of(text: str) -> list[str]:
    """The holidays in a calendar, as they are written in a table.

    Raises:
        BadSchedule: One says what no holiday can say; the message tells its line.
    """
    days: dict[str, None] = {}
    for event in _events(text):
        if not event.whole_days:
            continue  # a schedule
        first = event.day("DTSTART")
        last = event.day("DTEND") - timedelta(days=1) if "DTEND" in event.values else first
        if not timedelta(0) <= last - first <= timedelta(days=_MAX_DAYS):
            raise event.fault("It ends before it begins, or lasts for years.")
        rule = event.rule()
        rule.pop("WKST", None)
        yearly = bool(rule)
        same = {"FREQ": "YEARLY", "INTERVAL": "1", "BYMONTH": str(first.month), "BYMONTHDAY": str(first.day)}
        if yearly and (rule.get("FREQ") != "YEARLY" or any(same.get(part) != rule[part] for part in rule)):
            raise event.fault("A holiday comes once, or on the same day of each year.")
        for step in range((last - first).days + 1):
            day = first + timedelta(days=step)
            days[day.strftime("%m-%d") if yearly else day.isoformat()] = None
    if not days:
        raise BadSchedule("The calendar holds no events of whole days, so no holidays.")
    return list(days)


def _days_of(event: _Event, begin: datetime) -> str:
    rule = event.rule()
    often = rule.pop("FREQ", "")
    rule.pop("WKST", None)
    if rule.pop("INTERVAL", "1") != "1" or often not in ("WEEKLY", "DAILY"):
        raise event.fault("A schedule repeats each week or each day (RRULE with FREQ=WEEKLY or DAILY).")
    given = rule.pop("BYDAY", "")
    if rule:
        raise event.fault(f"A schedule has no end and no exceptions: {', '.join(sorted(rule))} cannot be taken.")
    if not given:
        return "mon-sun" if often == "DAILY" else DAYS[begin.weekday()]
    try:
        return " ".join(_DAYS[day] for day in given.split(","))
    except KeyError:
        raise event.fault("BYDAY holds days such as MO,TU,WE.") from None


def _events(text: str) -> Iterator[_Event]:
    event: _Event | None = None
    nested = 0
    for number, line in _unfolded(text):
        head, _, value = line.partition(":")
        name = head.partition(";")[0].strip().upper()
        if name == "BEGIN":
            if event is not None:
                nested += 1  # an alarm within
            elif value.strip().upper() == "VEVENT":
                event = _Event(number)
        elif name == "END" and event is not None:
            if nested:
                nested -= 1
                continue
            yield event
            event = None
        elif event is not None and not nested:
            if name in _UNKNOWN:
                raise event.fault(f"{name} cannot be taken: write each span as an event of its own.")
            event.values[name] = value.strip().replace("\\,", ",").replace("\\;", ";")
    if event is not None:
        raise event.fault("The calendar breaks off within an event.")


def _unfolded(text: str) -> Iterator[tuple[int, str]]:
    """Lines with their numbers; a line that begins with a space goes on with the one before."""
    whole, first = "", 0
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        if line[:1] in (" ", "\t"):
            whole += line[1:]
            continue
        if whole:
            yield first, whole
        whole, first = line, number
    if whole:
        yield first, whole
