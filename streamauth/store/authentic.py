"""What proves that rows were written by streamauth: a mark over every unit of rows that decides.

A unit is what is judged as one thing: a profile with its enrollments and voiceprints, the charges of a profile, an API
key, the plan of all doors. Its mark is an HMAC-SHA256 (RFC 2104), by a key derived from the sealing key, over all its
rows; a sealed value counts by its nonce and tag, which nobody without the key can make fit another content. The marks
stand in a tree whose root is sealed (``store.ledger``), so that none can be taken out or put back.

How it is used: ``check`` before anything is decided by what was read; ``change`` before anything is changed, so that
nothing false is ever marked as true; ``forget`` where the rows are about to go. The new marks are written at the end of
the transaction (``SealedDatabase.write``).
"""

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import Any

from sqlalchemy import Column, Connection, LargeBinary, Select, Table, bindparam, func, select, tuple_

from streamauth.errors import StoreBusy, StoreRolledBack, StoreTampered
from streamauth.store import ledger
from streamauth.store.database import Database
from streamauth.store.door_schema import (
    door_commands,
    door_holidays,
    door_people,
    door_permissions,
    door_pins,
    door_schedules,
    doors,
)
from streamauth.store.high_water import HighWater
from streamauth.store.schema import (
    Sealed,
    api_keys,
    attempts,
    enrollments,
    profiles,
    prompts,
    session_tokens,
    sign_ins,
    signing_keys,
    templates,
    trails,
    voiceprints,
)
from streamauth.store.sealing import SealingKey

_LOG = logging.getLogger("streamauth.store")
_LOCK = "ledger"
_CHANGED, _SEEN = "streamauth_changed", "streamauth_seen"
_TRIES = 8
_BATCH = 200
_HEADER_BYTES, _TAG_BYTES = 21, 16


@dataclass(frozen=True)
class _Part:
    """Rows of one table that belong to a unit.

    Attributes:
        table: The table.
        keys: The columns that say whose they are; none where all rows are of one unit.
        columns: What counts; every column if empty.
        aside: What does not count.
    """

    table: Table
    keys: tuple[str, ...]
    columns: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()

    @property
    def key_columns(self) -> list["Column[Any]"]:
        return [self.table.c[name] for name in self.keys]

    @cached_property
    def of_one(self) -> "Select[Any]":
        """The rows of the unit whose keys are bound. Made once: to make it costs more than to run it."""
        return self._rows.where(*(column == bindparam(f"key_{column.name}") for column in self.key_columns))

    @cached_property
    def of_some(self) -> "Select[Any]":
        """The rows of the units whose keys are bound as ``ids``."""
        keys = self.key_columns
        return self._rows.where((keys[0] if len(keys) == 1 else tuple_(*keys)).in_(bindparam("ids", expanding=True)))

    @cached_property
    def _rows(self) -> "Select[Any]":
        names = self.columns or tuple(name for name in list(self.table.c.keys()) if name not in self.aside)
        return select(*self.key_columns, *(part for name in names for part in _told(self.table.c[name])))

    def rows(self, connection: Connection, ids: Sequence[tuple[str, ...]]) -> Iterable[Sequence[Any]]:
        """The rows of units, each with its keys first."""
        keys = self.key_columns
        if not keys:
            return connection.execute(self._rows)
        typed = [tuple(_typed(column, value) for column, value in zip(keys, id_, strict=True)) for id_ in ids]
        if len(typed) == 1:
            return connection.execute(self.of_one, {f"key_{c.name}": v for c, v in zip(keys, typed[0], strict=True)})
        return connection.execute(self.of_some, {"ids": [id_[0] for id_ in typed] if len(keys) == 1 else typed})


@dataclass(frozen=True)
class Unit:
    """Rows that are judged as one thing.

    Attributes:
        kind: What it is.
        parts: Its rows; the first part's rows say which units there are.
        held: Table and columns of the row that is held while one changes; None for none.
        shown: Whether its key may be told and logged; else only its place is.
    """

    kind: str
    parts: tuple[_Part, ...]
    held: tuple[Table, tuple[str, ...]] | None = None
    shown: bool = False


def _of_profile(kind: str, table: Table) -> Unit:
    return Unit(kind, (_Part(table, ("profile_id",)),), (profiles, ("id",)), shown=True)


PROFILE = Unit(
    "profile",
    (
        _Part(profiles, ("id",)),
        _Part(enrollments, ("profile_id",)),
        _Part(voiceprints, ("profile_id",)),
        _Part(templates, ("profile_id",)),
    ),
    (profiles, ("id",)),
    shown=True,
)
NAME = Unit("name", (_Part(profiles, ("tenant_id", "looks"), ("id",)),))
"""Which profile has a name, so that one that was taken out is missed by its name, too."""
CHARGES = _of_profile("charges", attempts)
TRAILS = _of_profile("trails", trails)
PROMPT = Unit("prompt", (_Part(prompts, ("id",)),))
API_KEY = Unit("api_key", (_Part(api_keys, ("id",), aside=("used_ms",)),), (api_keys, ("id",)), shown=True)
API_KEYS = Unit("api_keys", (_Part(api_keys, (), ("id",)),))
"""Which API keys there ever were: without any the server is open."""
SESSION_TOKEN = Unit("session_token", (_Part(session_tokens, ("hash",)),))
SIGN_IN = Unit("sign_in", (_Part(sign_ins, ("hash",), aside=("used_at_s",)),))
SIGNING_KEY = Unit("signing_key", (_Part(signing_keys, ("id",)),), shown=True)
DOOR_PLAN = Unit(
    "door_plan",
    tuple(_Part(table, ()) for table in (door_people, door_pins, door_permissions, door_schedules, door_holidays)),
)
DOOR = Unit("door", (_Part(doors, ("name",), ("mode",)),), (doors, ("name",)))
DOOR_COMMAND = Unit("door_command", (_Part(door_commands, ("id",)),), (door_commands, ("id",)))

UNITS = (
    *(PROFILE, NAME, CHARGES, TRAILS, PROMPT, API_KEY, API_KEYS, SESSION_TOKEN, SIGN_IN, SIGNING_KEY),
    *(DOOR_PLAN, DOOR, DOOR_COMMAND),
)


@dataclass(frozen=True, slots=True)
class Forged:
    """A unit that does not hold.

    Attributes:
        kind: What it is.
        id: Its id, or its place in the ledger where its id is nobody's business.
        fault: ``changed``, ``added`` (there was none, or it was deleted), or ``missing``.
    """

    kind: str
    id: str
    fault: str


@dataclass
class Authentic:
    """Checks and writes the marks of one database.

    Attributes:
        database: The database.
        high_water: What remembers the newest version outside of the database.
        refuse_older: Whether an older one than this process has seen is an error.
        version: The newest version of the ledger that this process has seen.
    """

    database: Database
    high_water: HighWater
    refuse_older: bool = True
    version: int = 0
    _logged: set[tuple[str, str]] = field(default_factory=set, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def begun(self, connection: Connection, seen: int | None = None) -> None:
        """Called at the beginning of each transaction.

        Args:
            connection: The transaction.
            seen: The version that had been seen before it began; by default the present one.
        """
        connection.info[_CHANGED] = {}
        connection.info[_SEEN] = self.version if seen is None else seen

    @staticmethod
    def has_changes(connection: Connection) -> bool:
        """Whether the transaction has changed units."""
        return bool(connection.info[_CHANGED])

    def check(self, connection: Connection, key: SealingKey, unit: Unit, *id_: str) -> None:
        """Go on only where the rows of a unit are as streamauth wrote them last, or there are none and never were.

        Raises:
            StoreTampered: They are not.
            StoreRolledBack: The database is older than it was.
        """
        if (unit.kind, id_) in connection.info[_CHANGED]:
            return  # checked before this transaction changed it
        for _ in range(_TRIES):
            try:
                root, mark = ledger.find(connection, key, ledger.place_of(unit.kind, id_))
            except StoreTampered:
                self._log("ledger", "")
                raise
            self._refuse_older(root.version, connection.info[_SEEN])
            if mark == _marks(connection, key, unit, [id_]).get(id_):
                return
            # where each statement sees what others have just committed, they may have come in between
            if ledger.root_of(connection, key) == root:
                self._log(unit.kind, _shown(unit, id_))
                raise StoreTampered
        raise StoreBusy

    def change(self, connection: Connection, key: SealingKey, unit: Unit, *id_: str) -> None:
        """Check a unit that this transaction is about to make or change, and hold its row until the end.

        Raises:
            StoreTampered, StoreRolledBack: As ``check``.
        """
        if unit.held is not None:
            table, columns = unit.held
            mine = [table.c[name] == _typed(table.c[name], value) for name, value in zip(columns, id_, strict=True)]
            connection.execute(select(table.c[columns[0]]).where(*mine).with_for_update())
        self.check(connection, key, unit, *id_)
        connection.info[_CHANGED].setdefault((unit.kind, id_), True)

    def made(self, connection: Connection, key: SealingKey, unit: Unit, *id_: str) -> None:
        """Note a unit that this transaction has just made, whose id the database chose.

        Raises:
            StoreTampered: There was one of that id before.
        """
        _, mark = ledger.find(connection, key, ledger.place_of(unit.kind, id_))
        if mark is not None:
            raise StoreTampered
        connection.info[_CHANGED].setdefault((unit.kind, id_), True)

    def forget(self, connection: Connection, unit: Unit, *id_: str) -> None:
        """Note that this transaction removes all rows of a unit, which need not hold for that."""
        connection.info[_CHANGED].setdefault((unit.kind, id_), False)

    def settle(self, connection: Connection, key: SealingKey) -> int:
        """Write the marks of all that the transaction has changed, as its last act; the new version.

        Raises:
            StoreTampered: The ledger does not hold, or rows stand where they were to be removed.
        """
        changed: dict[tuple[str, tuple[str, ...]], bool] = connection.info[_CHANGED]
        self.database.lock(connection, _LOCK)
        marks: dict[str, bytes | None] = {}
        for unit in UNITS:
            ids = [id_ for kind, id_ in changed if kind == unit.kind]
            fresh = _marks(connection, key, unit, ids)
            for id_ in ids:
                if id_ in fresh and not changed[unit.kind, id_]:
                    raise StoreTampered
                marks[ledger.place_of(unit.kind, id_)] = fresh.get(id_)
        return ledger.write(connection, key, marks)

    def committed(self, version: int) -> None:
        """Note a version that was committed."""
        with self._lock:
            self.version = max(self.version, version)
        self.high_water.note(version)

    def opened(self, connection: Connection, key: SealingKey, seen: int) -> None:
        """Compare the database with the version that this machine had ``seen`` before the transaction began.

        Raises:
            StoreRolledBack: It is older, and that is not to be.
            StoreTampered: The ledger has no root.
        """
        version = ledger.root_of(connection, key).version
        self._refuse_older(version, seen)
        self.committed(version)

    def accept_older(self, connection: Connection, key: SealingKey) -> None:
        """Go on from the version that is there, whatever was seen."""
        self.high_water.note(ledger.root_of(connection, key).version, lower=True)

    def _refuse_older(self, version: int, seen: int) -> None:
        if version >= seen:
            return
        self._log("store", "older than it was")
        if self.refuse_older:
            raise StoreRolledBack

    def rebuild(self, connection: Connection, current: SealingKey, new: SealingKey) -> None:
        """Mark everything by another key, in the transaction that seals everything by it; ``forged`` came before."""
        ledger.rebuild(
            connection,
            current,
            new,
            (
                (ledger.place_of(unit.kind, id_), mark)
                for unit in UNITS
                for ids in _all_ids(connection, unit)
                for id_, mark in _marks(connection, new, unit, ids).items()
            ),
        )

    def forged(self, connection: Connection, key: SealingKey) -> Iterator[Forged]:
        """Everything that does not hold, in a transaction that reads.

        Raises:
            StoreTampered: The ledger itself does not hold.
        """
        marks = ledger.every_mark(connection, key)
        for unit in UNITS:
            for ids in _all_ids(connection, unit):
                for id_, mark in _marks(connection, key, unit, ids).items():
                    known = marks.pop(ledger.place_of(unit.kind, id_), None)
                    if known != mark:
                        yield Forged(unit.kind, _shown(unit, id_), "added" if known is None else "changed")
        for place in marks:
            yield Forged("row", place, "missing")

    def _log(self, kind: str, id_: str) -> None:
        with self._lock:
            new = (kind, id_) not in self._logged
            self._logged.add((kind, id_))
        if new:
            _LOG.error("store_tampered: %s %s; see streamauth doctor", kind, id_)


def _shown(unit: Unit, id_: tuple[str, ...]) -> str:
    return " ".join(id_) if unit.shown else ledger.place_of(unit.kind, id_)


def _told(column: "Column[Any]") -> Iterable[Any]:
    """What stands for a column in a mark: of a sealed value its nonce and tag."""
    if not isinstance(column.type, Sealed):
        return (column,)
    size = func.length(column)
    return (
        size,
        func.substr(column, 1, _HEADER_BYTES, type_=LargeBinary),
        func.substr(column, size - _TAG_BYTES + 1, _TAG_BYTES, type_=LargeBinary),
    )


def _marks(
    connection: Connection, key: SealingKey, unit: Unit, ids: Sequence[tuple[str, ...]]
) -> dict[tuple[str, ...], bytes]:
    """The marks that the rows of units should have, of those that have rows."""
    found: dict[tuple[str, ...], list[str]] = {}
    for first in range(0, len(ids), _BATCH):
        some = ids[first : first + _BATCH]
        for number, part in enumerate(unit.parts):
            width = len(part.keys)
            for row in part.rows(connection, some):
                id_ = tuple(str(value) for value in row[:width])
                found.setdefault(id_, []).append(json.dumps([number, *row[width:]], default=_plain))
    # sorted here: databases sort texts in different ways
    return {id_: key.mac(json.dumps([unit.kind, id_, sorted(rows)]).encode("ascii")) for id_, rows in found.items()}


def _typed(column: "Column[Any]", value: str) -> object:
    return column.type.python_type(value)


def _plain(value: object) -> object:
    return {"bytes": bytes(value).hex()} if isinstance(value, bytes | memoryview) else repr(value)


def _all_ids(connection: Connection, unit: Unit) -> Iterator[list[tuple[str, ...]]]:
    """The ids of all units of a kind that have rows, in batches."""
    if not unit.parts[0].keys:
        yield [()]
        return
    keys = unit.parts[0].key_columns
    query = select(*keys).distinct().order_by(*keys).limit(_BATCH)
    page = query
    while rows := connection.execute(page).all():
        yield [tuple(str(value) for value in row) for row in rows]
        page = query.where(tuple_(*keys) > tuple_(*rows[-1]))
