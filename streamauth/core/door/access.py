"""Who may pass which door when: people, permissions, schedules, and anti-passback. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from streamauth.core.door.events import Denial
from streamauth.core.door.schedule import ALWAYS, Holidays, Schedule

EVERY_DOOR = "*"
"""In a permission: all doors."""

GROUP_MARK = "@"
"""Before the name of a group, where a person's name might stand."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may pass doors.

    Attributes:
        name: By which permissions and events call them.
        profile: Name of the profile with their voice; None while they are not enrolled.
        duress_profile: Name of the profile whose pass phrase they say under threat, if any.
        groups: Groups that they belong to.
        valid_from: Their first day, None without.
        valid_until: Their last day, None without.
        suspended: Whether they may pass nowhere for now.
        needs_time: Whether the door is to stay unlocked for longer when they pass.
    """

    name: str
    profile: str | None = None
    duress_profile: str | None = None
    groups: frozenset[str] = frozenset()
    valid_from: date | None = None
    valid_until: date | None = None
    suspended: bool = False
    needs_time: bool = False


@dataclass(frozen=True, slots=True)
class Permission:
    """Leave to pass.

    Attributes:
        subject: A person's name, or that of a group after ``@``.
        door: A door's name, or ``*`` for all.
        schedule: The name of a schedule, or ``always``.
    """

    subject: str
    door: str
    schedule: str = ALWAYS


@dataclass(frozen=True, slots=True)
class AccessPlan:
    """Everything that says who may pass when.

    Attributes:
        people: By name.
        permissions: In no order.
        schedules: By name.
        holidays: Of all schedules.
    """

    people: Mapping[str, Person] = field(default_factory=dict)
    permissions: Sequence[Permission] = ()
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    holidays: Holidays = field(default_factory=Holidays)

    def judge(self, name: str | None, door: str, local: datetime) -> Denial | None:
        """Why a person may not pass a door at a local time; None if they may.

        Whatever is not known denies: a person, a schedule that a permission names.
        """
        person = None if name is None else self.people.get(name)
        if person is None:
            return Denial.UNKNOWN_PERSON
        if person.suspended:
            return Denial.SUSPENDED
        if person.valid_from is not None and local.date() < person.valid_from:
            return Denial.NOT_YET_VALID
        if person.valid_until is not None and local.date() > person.valid_until:
            return Denial.EXPIRED
        mine = [permission for permission in self.permissions if _is_for(permission, person, door)]
        if not mine:
            return Denial.NO_PERMISSION
        return None if any(self._holds(permission.schedule, local) for permission in mine) else Denial.OUTSIDE_SCHEDULE

    def among(self, door: str) -> list[Person]:
        """The people who have any permission for a door, by name."""
        people = (self.people[name] for name in sorted(self.people))
        return [person for person in people if any(_is_for(each, person, door) for each in self.permissions)]

    def _holds(self, name: str, local: datetime) -> bool:
        if name == ALWAYS:
            return True
        schedule = self.schedules.get(name)
        return schedule is not None and schedule.holds(local, self.holidays)


def _is_for(permission: Permission, person: Person, door: str) -> bool:
    subject = permission.subject
    named = subject.removeprefix(GROUP_MARK) in person.groups if subject.startswith(GROUP_MARK) else None
    return (subject == person.name if named is None else named) and permission.door in (door, EVERY_DOOR)


class PassbackRule(StrEnum):
    """What is done when somebody passes twice the same way, as with a badge handed back."""

    OFF = "off"
    SOFT = "soft"
    """It is noted."""
    HARD = "hard"
    """It is denied."""


class Direction(StrEnum):
    """Which way a kiosk lets people through, seen from its area."""

    IN = "in"
    OUT = "out"


@dataclass(frozen=True, slots=True)
class Passage:
    """How somebody last passed into or out of an area.

    Attributes:
        direction: Which way.
        at_s: When, in seconds since the epoch.
    """

    direction: Direction
    at_s: float


def passes_back(last: Passage | None, direction: Direction, now_s: float, forgive_after_s: float) -> bool:
    """Whether a passage is the second one the same way.

    Args:
        last: The last passage, None without one.
        direction: Of the passage to come.
        now_s: The time, in seconds since the epoch. A clock that was set back forgives nothing.
        forgive_after_s: Time after which the last passage is forgotten, in seconds.
    """
    return last is not None and last.direction is direction and now_s - last.at_s < forgive_after_s
