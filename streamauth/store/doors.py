"""What operators and doors share: the state of each door, and the commands that wait for it.

A command waits for a few seconds at most and is taken once, in one statement. What an unreachable kiosk has missed
is never carried out later.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from streamauth.core.door.command import MAX_AGE_S, DoorAction, DoorCommand
from streamauth.core.door.events import DoorMode, DoorState
from streamauth.errors import DoorTaken, StoreCorrupt, UnknownDoor
from streamauth.store.authentic import DOOR, DOOR_COMMAND
from streamauth.store.door_schema import door_commands, doors
from streamauth.store.records import utc
from streamauth.store.sealed_database import SealedDatabase

HELD_S = 90.0
"""Time for which a kiosk that is not heard of still holds its door, in seconds."""

_KEEP_COMMANDS_MS = 30 * 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class DoorStanding:
    """How a door stood when it was last heard of.

    Attributes:
        name: The door.
        state: Locked, granted, open, held or forced.
        mode: Normal, lockdown or evacuation.
        problem: Whether something at the door needs an operator.
        seen_at: When it was last heard of, UTC.
    """

    name: str
    state: DoorState
    mode: DoorMode
    problem: bool
    seen_at: datetime


class Doors:
    """Doors and their commands.

    Args:
        sealed: The open database with its key.
        clock: Seconds since the epoch.
    """

    def __init__(self, sealed: SealedDatabase, clock: Callable[[], float] = time.time) -> None:
        self._sealed = sealed
        self._clock = clock

    def report(self, name: str, state: DoorState, mode: DoorMode, *, problem: bool) -> None:
        """A kiosk tells how its door stands."""
        values = {"state": state.value, "mode": mode.value, "problem": problem, "seen_ms": self._now_ms()}
        with self._sealed.write() as connection:
            if connection.scalar(select(doors.c.mode).where(doors.c.name == name)) != mode.value:
                self._sealed.change(connection, DOOR, name)
            if connection.execute(update(doors).where(doors.c.name == name).values(values)).rowcount == 0:
                connection.execute(insert(doors).values(name=name, **values))

    def claim(self, name: str, holder: str) -> None:
        """A kiosk says that it keeps a door; to be said again within ``HELD_S``.

        Args:
            name: The door.
            holder: The kiosk's own name.

        Raises:
            DoorTaken: Another kiosk keeps it, and was heard of lately.
        """
        now_ms = self._now_ms()
        this = doors.c.name == name
        with self._sealed.write() as connection:
            row = connection.execute(select(doors).where(this).with_for_update()).one_or_none()
            if row is None:
                self._sealed.change(connection, DOOR, name)
                first = {"state": DoorState.LOCKED.value, "mode": DoorMode.NORMAL.value, "problem": False}
                connection.execute(insert(doors).values(name=name, **first, seen_ms=now_ms, holder=holder))
                return
            if row.holder not in (None, holder) and abs(now_ms - row.seen_ms) < HELD_S * 1000:
                raise DoorTaken
            connection.execute(update(doors).where(this).values(holder=holder, seen_ms=now_ms))

    def release(self, name: str, holder: str) -> None:
        """A kiosk that ends lets its door go, so that another one may keep it at once."""
        mine = (doors.c.name == name) & (doors.c.holder == holder)
        with self._sealed.write() as connection:
            connection.execute(update(doors).where(mine).values(holder=None))

    def all(self) -> list[DoorStanding]:
        """All doors, by name."""
        with self._sealed.read() as connection:
            rows = connection.execute(select(doors).order_by(doors.c.name)).all()
        try:
            return [
                DoorStanding(row.name, DoorState(row.state), DoorMode(row.mode), bool(row.problem), utc(row.seen_ms))
                for row in rows
            ]
        except ValueError:
            raise StoreCorrupt from None

    def get(self, name: str) -> DoorStanding:
        """One door.

        Raises:
            UnknownDoor: There is none of this name.
        """
        for door in self.all():
            if door.name == name:
                return door
        raise UnknownDoor

    def mode_of(self, name: str) -> DoorMode:
        """The mode in which a door was left; normal for a new one.

        Raises:
            StoreTampered: Its mode was not written by streamauth.
        """
        with self._sealed.read() as connection:
            self._sealed.check(connection, DOOR, name)
        return next((door.mode for door in self.all() if door.name == name), DoorMode.NORMAL)

    def forget(self, name: str) -> None:
        """Remove a door that is no more.

        Raises:
            UnknownDoor: There is none of this name.
        """
        with self._sealed.write() as connection:
            self._sealed.forget(connection, DOOR, name)
            self._drop(connection, door_commands.c.door == name)
            if connection.execute(delete(doors).where(doors.c.name == name)).rowcount == 0:
                raise UnknownDoor

    def tell(self, name: str, action: DoorAction, seconds: float | None = None) -> int:
        """Leave a command for a door; its number.

        Raises:
            UnknownDoor: There is none of this name.
            DoorError: The seconds are out of range.
        """
        now_ms = self._now_ms()
        command = DoorCommand(action, now_ms / 1000, seconds)
        with self._sealed.write() as connection:
            if connection.scalar(select(doors.c.name).where(doors.c.name == name)) is None:
                raise UnknownDoor
            self._drop(connection, door_commands.c.issued_ms < now_ms - _KEEP_COMMANDS_MS)
            made = insert(door_commands).values(
                door=name, action=command.action.value, seconds=command.seconds, issued_ms=now_ms
            )
            number = int(connection.execute(made.returning(door_commands.c.id)).scalar_one())
            self._sealed.made(connection, DOOR_COMMAND, str(number))
            return number

    def was_taken(self, command_id: int) -> bool:
        """Whether the door has taken a command."""
        taken = select(door_commands.c.taken_ms).where(door_commands.c.id == command_id)
        with self._sealed.read() as connection:
            return connection.scalar(taken) is not None

    def withdraw(self, command_id: int) -> bool:
        """Take a command back, so that it is certain that it never happens; False where the door has taken it."""
        mine = (door_commands.c.id == command_id) & door_commands.c.taken_ms.is_(None)
        with self._sealed.write() as connection:
            return self._drop(connection, mine) == 1

    def take(self, name: str) -> list[DoorCommand]:
        """Commands for a door that are fresh, the oldest first; each is given once, and stale ones never."""
        now_ms = self._now_ms()
        fresh = door_commands.c.issued_ms.between(now_ms - MAX_AGE_S * 1000, now_ms + MAX_AGE_S * 1000)
        waits = (door_commands.c.door == name) & door_commands.c.taken_ms.is_(None) & fresh
        with self._sealed.read() as connection:
            if connection.scalar(select(door_commands.c.id).where(waits).limit(1)) is None:
                return []  # a look costs no write
        with self._sealed.write() as connection:
            rows = connection.execute(select(door_commands).where(waits).with_for_update()).all()
            for row in rows:
                self._sealed.change(connection, DOOR_COMMAND, str(row.id))
            these = door_commands.c.id.in_([row.id for row in rows])
            connection.execute(update(door_commands).where(these).values(taken_ms=now_ms))
        try:
            return [
                DoorCommand(DoorAction(row.action), row.issued_ms / 1000, row.seconds)
                for row in sorted(rows, key=lambda row: row.id)
            ]
        except ValueError:
            raise StoreCorrupt from None

    def _drop(self, connection: Connection, condition: ColumnElement[bool]) -> int:
        gone = connection.scalars(delete(door_commands).where(condition).returning(door_commands.c.id)).all()
        for number in gone:
            self._sealed.forget(connection, DOOR_COMMAND, str(number))
        return len(gone)

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)
