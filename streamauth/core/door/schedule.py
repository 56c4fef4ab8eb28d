"""When a permission holds: days of the week, times of day, holidays. Pure; the local time is an argument.

Times are those of the wall clock at the door. When the clocks change, an hour that comes twice counts twice, and one
that is left out never comes.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from streamauth.errors import BadSchedule

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""Days as they are written, in the order of ``date.weekday``."""

MINUTES_PER_DAY = 24 * 60

ALWAYS = "always"
"""The name of the schedule that always holds and needs no definition."""


class OnHolidays(StrEnum):
    """What a span means on a holiday."""

    NO = "no"
    """It does not hold."""
    YES = "yes"
    """It holds as on any other day."""
    ONLY = "only"
    """It holds on holidays alone, whatever day of the week."""


@dataclass(frozen=True, slots=True)
class Span:
    """One stretch of time, on some days of the week.

    Attributes:
        days: Days on which it begins, 0 for Monday.
        start_min: Begin, in minutes since midnight, in [0, 1440).
        end_min: End, which is not part of it, in (0, 1440]; at most the begin means: on the next day.
        on_holidays: What it means on a holiday; the day on which it begins counts.
    """

    days: frozenset[int]
    start_min: int
    end_min: int
    on_holidays: OnHolidays = OnHolidays.NO

    def holds(self, local: datetime, holidays: "Holidays") -> bool:
        """Whether it holds at this local time."""
        minute = local.hour * 60 + local.minute
        today = local.date()
        if self.end_min > self.start_min:
            return self.start_min <= minute < self.end_min and self._begins(today, holidays)
        if minute >= self.start_min:
            return self._begins(today, holidays)
        return minute < self.end_min and self._begins(today - timedelta(days=1), holidays)

    def _begins(self, day: date, holidays: "Holidays") -> bool:
        if self.on_holidays is OnHolidays.ONLY:
            return day in holidays
        return day.weekday() in self.days and (self.on_holidays is OnHolidays.YES or day not in holidays)


@dataclass(frozen=True, slots=True)
class Holidays:
    """Days that are none of the week.

    Attributes:
        dates: Single days.
        yearly: (month, day) of each year.
    """

    dates: frozenset[date] = frozenset()
    yearly: frozenset[tuple[int, int]] = frozenset()

    def __contains__(self, day: date) -> bool:
        return day in self.dates or (day.month, day.day) in self.yearly


@dataclass(frozen=True, slots=True)
class Schedule:
    """When something holds: in any of its spans.

    Attributes:
        spans: The stretches of time.
    """

    spans: tuple[Span, ...]

    def holds(self, local: datetime, holidays: Holidays) -> bool:
        """Whether it holds at this local time."""
        return any(span.holds(local, holidays) for span in self.spans)


def parse_days(text: str) -> frozenset[int]:
    """Days such as ``mon-fri``, ``sat sun`` or ``fri-mon``.

    Raises:
        BadSchedule: It is none of these.
    """
    days: set[int] = set()
    for part in re.split(r"[\s,;]+", text.strip().lower()):
        first, dash, last = part.partition("-")
        last = last if dash else first
        if first not in DAYS or last not in DAYS:
            raise BadSchedule("Days are written as mon tue wed thu fri sat sun, or from one to another: mon-fri.")
        start, end = DAYS.index(first), DAYS.index(last)
        days |= {(start + step) % 7 for step in range((end - start) % 7 + 1)}
    return frozenset(days)


def parse_time(text: str) -> int:
    """A time of day, ``08:00`` to ``24:00``, in minutes since midnight.

    Raises:
        BadSchedule: It is none.
    """
    found = re.fullmatch(r"(\d{1,2}):(\d{2})", text.strip())
    if found is None:
        raise BadSchedule("Times are written as 08:00, up to 24:00.")
    minutes = int(found[1]) * 60 + int(found[2])
    if minutes > MINUTES_PER_DAY or int(found[2]) > 59:
        raise BadSchedule("Times are written as 08:00, up to 24:00.")
    return minutes


def parse_span(days: str, start: str, end: str, on_holidays: str = "no") -> Span:
    """A span from its texts.

    Raises:
        BadSchedule: One of them cannot be read.
    """
    start_min, end_min = parse_time(start), parse_time(end)
    if start_min == MINUTES_PER_DAY or end_min == 0:
        raise BadSchedule("A span begins before 24:00 and ends after 00:00.")
    try:
        when = OnHolidays(on_holidays.strip().lower() or "no")
    except ValueError:
        raise BadSchedule("On holidays is one of no, yes, only.") from None
    return Span(parse_days(days), start_min, end_min, when)


def parse_holidays(texts: list[str]) -> Holidays:
    """Holidays from dates such as ``2026-04-03``, or ``12-25`` for each year.

    Raises:
        BadSchedule: One is no date.
    """
    dates, yearly = set(), set()
    for text in texts:
        try:
            if re.fullmatch(r"\d{2}-\d{2}", text.strip()):
                leap = date.fromisoformat(f"2000-{text.strip()}")
                yearly.add((leap.month, leap.day))
            else:
                dates.add(date.fromisoformat(text.strip()))
        except ValueError:
            raise BadSchedule("A holiday is written as 2026-04-03, or as 12-25 for each year.") from None
    return Holidays(frozenset(dates), frozenset(yearly))
