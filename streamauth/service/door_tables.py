"""People, permissions, schedules, holidays and events of doors as tables (CSV), to be read and written anywhere."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from enum import StrEnum
from typing import TypeVar

from streamauth.core.door.access import Permission, Person
from streamauth.core.door.message import DoorMessage
from streamauth.errors import BadPlan, InputError
from streamauth.service.door_calendar import holidays_of, is_calendar, spans_of
from streamauth.store.door_plan import DoorPlan, PersonRow, SpanRow

Row = TypeVar("Row")

_YES = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False, "": False}
MAX_ROWS = 100_000
"""The most rows of one table."""


class TableKind(StrEnum):
    """The tables of a plan."""

    PEOPLE = "people"
    PERMISSIONS = "permissions"
    SCHEDULES = "schedules"
    HOLIDAYS = "holidays"


COLUMNS: Mapping[TableKind, tuple[str, ...]] = {
    TableKind.PEOPLE: (
        *("name", "profile", "duress_profile", "groups", "valid_from", "valid_until", "suspended", "needs_time"),
        *("badge", "pin", "duress_pin"),
    ),
    TableKind.PERMISSIONS: ("who", "door", "schedule"),
    TableKind.SCHEDULES: ("name", "days", "from", "to", "on_holidays"),
    TableKind.HOLIDAYS: ("day",),
}
"""The columns of each table; the first one is needed, others may be left out."""

EVENT_COLUMNS = ("at", "door", "event", "person", "reason", "area", "direction", "id")
"""The columns of the log."""


def import_table(plan: DoorPlan, kind: TableKind, text: str, *, replace: bool = False) -> int:
    """Read a table into the plan, all of it or nothing; how many rows it has.

    Schedules and holidays may come as a calendar, too; ``door_calendar`` says which ones.

    People are added or changed, and with ``replace`` those who are not in it are removed. The other tables are
    replaced as a whole.

    Raises:
        BadPlan, BadPin, BadSchedule: A row cannot be used; the message says which one where that is known.
    """
    if is_calendar(text):
        if kind is TableKind.SCHEDULES:
            spans = spans_of(text)
            plan.replace_schedules(spans)
            return len(spans)
        if kind is TableKind.HOLIDAYS:
            days = holidays_of(text)
            plan.replace_holidays(days)
            return len(days)
        raise BadPlan("A calendar holds schedules or holidays; other tables are CSV.")
    rows = list(_rows(kind, text))
    if kind is TableKind.PEOPLE:
        plan.put_people([_each(number, row, person_of) for number, row in rows], replace=replace)
    elif kind is TableKind.PERMISSIONS:
        plan.replace_permissions([_each(number, row, _permission) for number, row in rows])
    elif kind is TableKind.SCHEDULES:
        plan.replace_schedules([_each(number, row, _span) for number, row in rows])
    else:
        plan.replace_holidays([row["day"] for _, row in rows])
    return len(rows)


def export_table(plan: DoorPlan, kind: TableKind) -> str:
    """A table of the plan, as ``import_table`` reads it; PINs are not in it, as nobody knows them."""
    if kind is TableKind.PEOPLE:
        badges = plan.badges()
        rows = [person_row(person, badges.get(person.name)) for person in plan.load().people.values()]
        return _text(COLUMNS[kind], sorted(rows, key=lambda row: row["name"]))
    if kind is TableKind.PERMISSIONS:
        return _text(
            COLUMNS[kind],
            [{"who": each.subject, "door": each.door, "schedule": each.schedule} for each in plan.load().permissions],
        )
    if kind is TableKind.SCHEDULES:
        spans = [asdict(span) for span in plan.schedules()]
        return _text(COLUMNS[kind], [span | {"from": span["start"], "to": span["end"]} for span in spans])
    return _text(COLUMNS[kind], [{"day": day} for day in plan.holidays()])


def events_table(messages: Iterable[DoorMessage]) -> Iterator[str]:
    """The log as lines of CSV, with a heading."""
    yield _text(EVENT_COLUMNS, [])
    for message in messages:
        yield _text(EVENT_COLUMNS, [message.as_dict()], heading=False)


def person_of(row: Mapping[str, str]) -> PersonRow:
    """A person from texts by column.

    Raises:
        BadPlan: One cannot be read.
    """
    person = Person(
        name=row["name"],
        profile=row.get("profile") or None,
        duress_profile=row.get("duress_profile") or None,
        groups=frozenset(row.get("groups", "").split()),
        valid_from=_date(row.get("valid_from", "")),
        valid_until=_date(row.get("valid_until", "")),
        suspended=_flag(row.get("suspended", "")),
        needs_time=_flag(row.get("needs_time", "")),
    )
    # an empty field leaves a PIN as it is; a hyphen takes it away
    pins = {column: {"": None, "-": ""}.get(row.get(column, ""), row.get(column)) for column in ("pin", "duress_pin")}
    return PersonRow(person, row.get("badge") or None, pins["pin"], pins["duress_pin"])


def person_row(person: Person, badge: str | None) -> dict[str, str]:
    """A person as texts by column."""
    return {
        "name": person.name,
        "profile": person.profile or "",
        "duress_profile": person.duress_profile or "",
        "groups": " ".join(sorted(person.groups)),
        "valid_from": "" if person.valid_from is None else person.valid_from.isoformat(),
        "valid_until": "" if person.valid_until is None else person.valid_until.isoformat(),
        "suspended": "yes" if person.suspended else "no",
        "needs_time": "yes" if person.needs_time else "no",
        "badge": badge or "",
    }


def _permission(row: Mapping[str, str]) -> Permission:
    if not row.get("door"):
        raise BadPlan("A permission needs a door, or * for all.")
    return Permission(row["who"], row["door"], row.get("schedule") or "always")


def _span(row: Mapping[str, str]) -> SpanRow:
    return SpanRow(
        row["name"], row.get("days", ""), row.get("from", ""), row.get("to", ""), row.get("on_holidays") or "no"
    )


def _each(number: int, row: Mapping[str, str], make: Callable[[Mapping[str, str]], Row]) -> Row:
    try:
        return make(row)
    except InputError as error:
        raise type(error)(f"Line {number}: {error.message}") from None


def _rows(kind: TableKind, text: str) -> Iterator[tuple[int, dict[str, str]]]:
    columns = COLUMNS[kind]
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        found = [name.strip().lower() for name in reader.fieldnames or ()]
        if columns[0] not in found or not set(found) <= set(columns) or len(set(found)) != len(found):
            raise BadPlan(f"The first line names the columns, some or all of: {', '.join(columns)}.")
        reader.fieldnames = found
        for count, row in enumerate(reader):
            if count >= MAX_ROWS:
                raise BadPlan(f"A table has at most {MAX_ROWS} rows.")
            if None in row or None in row.values():
                raise BadPlan(f"Line {reader.line_num}: it has not as many fields as the first line.")
            fields = {name: value.strip() for name, value in row.items()}
            if not fields[columns[0]]:
                raise BadPlan(f"Line {reader.line_num}: the column {columns[0]} is empty.")
            yield reader.line_num, fields
    except csv.Error:
        raise BadPlan(f"Line {reader.line_num}: it is no CSV.") from None


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise BadPlan("A day is written as 2026-04-03.") from None


def _flag(text: str) -> bool:
    try:
        return _YES[text.lower()]
    except KeyError:
        raise BadPlan("Write yes or no.") from None


def _text(columns: Sequence[str], rows: Iterable[Mapping[str, str]], *, heading: bool = True) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, columns, extrasaction="ignore", restval="", lineterminator="\n")
    if heading:
        writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()
