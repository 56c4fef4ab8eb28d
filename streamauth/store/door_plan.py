"""Who may pass which door when, in the store: people, PINs, permissions, schedules, holidays.

Of a PIN only a slow hash is kept (scrypt, with a salt of the store). It claims who somebody is; the voice proves it.
"""

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from streamauth.core.door.access import EVERY_DOOR, GROUP_MARK, AccessPlan, Permission, Person
from streamauth.core.door.schedule import ALWAYS, Schedule, parse_holidays, parse_span
from streamauth.errors import BadPin, BadPlan, BadSchedule, StoreCorrupt, UnknownPerson
from streamauth.store.authentic import DOOR_PLAN
from streamauth.store.door_schema import door_holidays, door_people, door_permissions, door_pins, door_schedules
from streamauth.store.names import stored_name
from streamauth.store.schema import meta
from streamauth.store.sealed_database import StorePart

_SALT = "door_pin_salt"
_PIN = re.compile(r"[0-9]{4,8}")
_SCRYPT_COST = {"n": 2**14, "r": 8, "p": 1}


@dataclass(frozen=True, slots=True)
class SpanRow:
    """One span of a schedule, as it is written."""

    name: str
    days: str
    start: str
    end: str
    on_holidays: str = "no"


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A person with what they claim to be by.

    Attributes:
        person: Who.
        badge: Number of their badge, None for none.
        pin: Their PIN, 4 to 8 digits; empty takes it away, None leaves it.
        duress_pin: The one for a threat, likewise.
    """

    person: Person
    badge: str | None = None
    pin: str | None = None
    duress_pin: str | None = None

    def pins(self) -> list[tuple[bool, str]]:
        """The PINs that are given, each with whether it is that for a threat."""
        both = ((False, self.pin), (True, self.duress_pin))
        return [(duress, text) for duress, text in both if text is not None]


@dataclass(frozen=True, slots=True)
class Claimed:
    """Whom a PIN or a badge claims.

    Attributes:
        person: The name.
        duress: Whether it is the PIN for a threat.
    """

    person: str
    duress: bool = False


@dataclass(frozen=True, slots=True)
class PlanExtract:
    """What of a plan counts at one door, as rows of its tables that two stores can compare.

    Attributes:
        people: Rows of ``door_people``.
        pins: Rows of ``door_pins``: hashes, by the salt.
        permissions: Rows of ``door_permissions``.
        schedules: Rows of ``door_schedules`` without their ids, in order.
        holidays: Rows of ``door_holidays``.
        salt: Of the PINs; None where there never was one.
    """

    people: tuple[tuple[Any, ...], ...] = field(repr=False)
    pins: tuple[tuple[Any, ...], ...] = field(repr=False)
    permissions: tuple[tuple[Any, ...], ...]
    schedules: tuple[tuple[Any, ...], ...]
    holidays: tuple[tuple[Any, ...], ...]
    salt: bytes | None = field(repr=False)

    def profiles(self) -> set[str]:
        """Names of the profiles of all people in it."""
        columns = list(door_people.c.keys())
        rows = [dict(zip(columns, row, strict=True)) for row in self.people]
        return {row[column] for row in rows for column in ("profile", "duress_profile") if row[column]}


class DoorPlan(StorePart):
    """Everything that says who may pass when."""

    def load(self) -> AccessPlan:
        """The whole plan.

        Raises:
            StoreCorrupt: Something in it makes no sense.
            StoreTampered: Something in it was not written by streamauth.
        """
        with self._sealed.read() as connection:
            self._sealed.check(connection, DOOR_PLAN)
            people = connection.execute(select(door_people)).all()
            permissions = connection.execute(select(door_permissions)).all()
            spans = connection.execute(select(door_schedules).order_by(door_schedules.c.id)).all()
            holidays = connection.scalars(select(door_holidays.c.day)).all()
        try:
            return AccessPlan(
                {row.name: _person(row) for row in people},
                tuple(Permission(row.subject, row.door, row.schedule) for row in permissions),
                _schedules([SpanRow(row.name, row.days, row.start, row.end, row.on_holidays) for row in spans]),
                parse_holidays(list(holidays)),
            )
        except (ValueError, TypeError, BadSchedule):
            raise StoreCorrupt from None

    def extract(self, door: str | None = None) -> PlanExtract:
        """What of the plan counts at a door, or all of it.

        Raises:
            StoreCorrupt: Something in it makes no sense.
        """
        plan = self.load()
        with self._sealed.read() as connection:
            self._sealed.check(connection, DOOR_PLAN)
            people, pins, permissions, holidays = (
                [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
                for table in (door_people, door_pins, door_permissions, door_holidays)
            )
            columns = [column for column in door_schedules.c if column.name != "id"]
            spans = [tuple(row) for row in connection.execute(select(*columns).order_by(door_schedules.c.id))]
            salt = _salt(connection)
        if door is not None:
            names = {person.name for person in plan.among(door)}
            people = [row for row in people if row[0] in names]
            pins = [row for row in pins if row[1] in names]
            permissions = [
                row
                for row in permissions
                if row[1] in (door, EVERY_DOOR) and (row[0] in names or row[0].startswith(GROUP_MARK))
            ]
            spans = [row for row in spans if row[0] in {permission[2] for permission in permissions}]
        return PlanExtract(tuple(people), tuple(pins), tuple(permissions), tuple(spans), tuple(holidays), salt)

    def adopt(self, plan: PlanExtract) -> None:
        """Put a plan of another store in place of this one, all of it or nothing."""
        columns = [column.name for column in door_schedules.c if column.name != "id"]
        tables: list[tuple[Table, list[str], tuple[tuple[Any, ...], ...]]] = [
            (door_people, list(door_people.c.keys()), plan.people),
            (door_pins, list(door_pins.c.keys()), plan.pins),
            (door_permissions, list(door_permissions.c.keys()), plan.permissions),
            (door_schedules, columns, plan.schedules),
            (door_holidays, list(door_holidays.c.keys()), plan.holidays),
        ]
        with self._sealed.write() as connection:
            self._change(connection)
            for table, _, _ in reversed(tables):
                connection.execute(delete(table))
            for table, names, rows in tables:
                if rows:
                    connection.execute(insert(table), [dict(zip(names, row, strict=True)) for row in rows])
            connection.execute(delete(meta).where(meta.c.name == _SALT))
            if plan.salt is not None:
                connection.execute(insert(meta).values(name=_SALT, value=plan.salt))

    def put_people(self, rows: Sequence["PersonRow"], *, replace: bool = False) -> None:
        """Add people, or change all that is known of them, all of them or none; PINs that are None stay as they are.

        Args:
            rows: Who.
            replace: Whether everybody else is removed.

        Raises:
            BadPlan: A name cannot be used, stands twice, or somebody else has a badge.
            BadPin: One is no PIN, or is taken.
        """
        names = [stored_name(row.person.name) for row in rows]
        if any(name.startswith(GROUP_MARK) for name in names):
            raise BadPlan("A person's name must not begin with @, which marks a group.")
        if len(set(names)) != len(names):
            raise BadPlan("A person's name stands twice.")
        pins = [{duress: text and self._hash(text) for duress, text in row.pins()} for row in rows]
        with self._sealed.write() as connection:
            self._change(connection)
            if replace:
                gone = set(connection.scalars(select(door_people.c.name))) - set(names)
                for name in gone:
                    connection.execute(delete(door_pins).where(door_pins.c.person == name))
                    connection.execute(delete(door_people).where(door_people.c.name == name))
            for name, row, hashes in zip(names, rows, pins, strict=True):
                _put(connection, name, row, hashes)

    def remove_person(self, name: str) -> None:
        """Remove a person, their PINs and permissions; their profile and the log stay.

        Raises:
            UnknownPerson: There is none of this name.
        """
        with self._sealed.write() as connection:
            self._change(connection)
            connection.execute(delete(door_pins).where(door_pins.c.person == name))
            connection.execute(delete(door_permissions).where(door_permissions.c.subject == name))
            if connection.execute(delete(door_people).where(door_people.c.name == name)).rowcount == 0:
                raise UnknownPerson

    def badges(self) -> dict[str, str]:
        """Badge numbers by person."""
        query = select(door_people.c.name, door_people.c.badge).where(door_people.c.badge.is_not(None))
        with self._sealed.read() as connection:
            return {row.name: row.badge for row in connection.execute(query)}

    def by_badge(self, number: str) -> Claimed | None:
        """Whom a badge claims."""
        query = select(door_people.c.name).where(door_people.c.badge == number)
        with self._sealed.read() as connection:
            self._sealed.check(connection, DOOR_PLAN)
            name = connection.scalar(query)
        return None if name is None else Claimed(name)

    def by_pin(self, pin: str) -> Claimed | None:
        """Whom a PIN claims. Takes some 50 ms, whether there is one or not."""
        if not _PIN.fullmatch(pin):
            return None
        query = select(door_pins).where(door_pins.c.hash == self._hash(pin))
        with self._sealed.read() as connection:
            self._sealed.check(connection, DOOR_PLAN)
            row = connection.execute(query).one_or_none()
        return None if row is None else Claimed(row.person, bool(row.duress))

    def replace_permissions(self, permissions: Sequence[Permission]) -> None:
        """Put these permissions in place of all others."""
        unique = dict.fromkeys(permissions)
        rows = [{"subject": each.subject, "door": each.door, "schedule": each.schedule} for each in unique]
        self._replace(door_permissions, rows)

    def replace_schedules(self, spans: Sequence[SpanRow]) -> None:
        """Put these schedules in place of all others.

        Raises:
            BadSchedule: One cannot be read.
        """
        _schedules(spans)
        self._replace(door_schedules, [asdict(each) for each in spans])

    def schedules(self) -> list[SpanRow]:
        """All schedules, as they are written."""
        with self._sealed.read() as connection:
            rows = connection.execute(select(door_schedules).order_by(door_schedules.c.id)).all()
        return [SpanRow(row.name, row.days, row.start, row.end, row.on_holidays) for row in rows]

    def replace_holidays(self, days: Sequence[str]) -> None:
        """Put these holidays in place of all others.

        Raises:
            BadSchedule: One is no date.
        """
        parse_holidays(list(days))
        self._replace(door_holidays, [{"day": day.strip()} for day in dict.fromkeys(days)])

    def holidays(self) -> list[str]:
        """All holidays, as they are written."""
        with self._sealed.read() as connection:
            return list(connection.scalars(select(door_holidays.c.day).order_by(door_holidays.c.day)))

    def _replace(self, table: Any, rows: list[dict[str, str]]) -> None:
        with self._sealed.write() as connection:
            self._change(connection)
            connection.execute(delete(table))
            if rows:
                connection.execute(insert(table), rows)

    def _change(self, connection: Connection) -> None:
        self._sealed.database.lock(connection, DOOR_PLAN.kind)  # there is no row to hold
        self._sealed.change(connection, DOOR_PLAN)

    def _hash(self, pin: str) -> str:
        if not _PIN.fullmatch(pin):
            raise BadPin
        with self._sealed.read() as connection:
            salt = _salt(connection)
        if salt is None:
            with self._sealed.write() as connection:
                salt = _salt(connection)
                if salt is None:
                    salt = secrets.token_bytes(16)
                    connection.execute(insert(meta).values(name=_SALT, value=salt))
        return hashlib.scrypt(pin.encode(), salt=salt, dklen=32, **_SCRYPT_COST).hex()


def _put(connection: Connection, name: str, row: PersonRow, hashes: dict[bool, str]) -> None:
    person = row.person
    values = {
        "profile": person.profile,
        "duress_profile": person.duress_profile,
        "groups": " ".join(sorted(person.groups)),
        "valid_from": None if person.valid_from is None else person.valid_from.isoformat(),
        "valid_until": None if person.valid_until is None else person.valid_until.isoformat(),
        "suspended": person.suspended,
        "needs_time": person.needs_time,
        "badge": row.badge or None,
    }
    try:
        changed = connection.execute(update(door_people).where(door_people.c.name == name).values(values))
        if changed.rowcount == 0:
            connection.execute(insert(door_people).values(name=name, **values))
    except IntegrityError:
        raise BadPlan("Another person has this badge.") from None
    for duress, hashed in hashes.items():
        connection.execute(delete(door_pins).where(door_pins.c.person == name, door_pins.c.duress == duress))
        if hashed:
            try:
                connection.execute(insert(door_pins).values(hash=hashed, person=name, duress=duress))
            except IntegrityError:
                raise BadPin("This PIN cannot be used. Choose another one.") from None


def _salt(connection: Connection) -> bytes | None:
    return connection.scalar(select(meta.c.value).where(meta.c.name == _SALT))


def _person(row: Any) -> Person:
    return Person(
        row.name,
        row.profile,
        row.duress_profile,
        frozenset(row.groups.split()),
        None if row.valid_from is None else date.fromisoformat(row.valid_from),
        None if row.valid_until is None else date.fromisoformat(row.valid_until),
        bool(row.suspended),
        bool(row.needs_time),
    )


def _schedules(spans: Sequence[SpanRow]) -> dict[str, Schedule]:
    found: dict[str, Schedule] = {}
    for row in spans:
        if not row.name.strip() or row.name == ALWAYS:
            raise BadSchedule("A schedule needs a name other than always, which is there by itself.")
        span = parse_span(row.days, row.start, row.end, row.on_holidays)
        found[row.name] = Schedule((*(found[row.name].spans if row.name in found else ()), span))
    return found
