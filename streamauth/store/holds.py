"""Holds in the store: how much each name does at the same time, over all processes and hosts.

A process tells the store how many it has of a name whenever that grows, in a transaction that holds the name, so that
two processes cannot both take the last place. What it tells lasts for a while and is told again in time: the places of
a process that dies come free by themselves.
"""

import secrets
from collections.abc import Callable, Iterable, Mapping
from threading import Lock

from sqlalchemy import Connection, delete, func, insert, select

from streamauth.store.database import Database
from streamauth.store.schema import holds
from streamauth.store.sealing import hashed

LASTS_S = 30.0
"""How long a process that tells nothing any more keeps its places, in seconds."""

RENEW_S = 10.0
"""How often a process tells the store what it holds, in seconds."""


class Holds:
    """What one process holds, and whether it may hold more.

    Args:
        database: Where all processes count.
        mine: Gives how many of each name this process holds now.
    """

    def __init__(self, database: Database, mine: Callable[[], Mapping[str, int]]) -> None:
        self._database = database
        self._mine = mine
        self._process = secrets.token_hex(16)
        # what this process tells must be the latest that it knows, so it tells one thing at a time
        self._lock = Lock()

    def grow(self, limits: Mapping[str, int]) -> bool:
        """Count what this process holds of some names; tell whether all processes together are within the limits.

        Args:
            limits: How many each name may have, over all processes.
        """
        with self._lock, self._database.count() as connection:
            for name in sorted(limits):  # in one order, so that no two wait for each other
                self._database.lock(connection, f"hold {name}")
            now_s = self._database.now_s(connection)
            mine = self._mine()
            of_others = (holds.c.process != self._process) & (holds.c.until_s > now_s)
            hashes = {hashed(name): name for name in limits}
            sums = select(holds.c.name, func.sum(holds.c.held)).where(of_others, holds.c.name.in_(hashes))
            others = {hashes[row[0]]: int(row[1]) for row in connection.execute(sums.group_by(holds.c.name))}
            if any(others.get(name, 0) + mine.get(name, 0) > most for name, most in limits.items()):
                return False
            self._tell(connection, {name: mine.get(name, 0) for name in limits}, now_s)
        return True

    def shrink(self, names: Iterable[str]) -> None:
        """Tell the store that this process holds fewer of some names."""
        with self._lock, self._database.count() as connection:
            mine = self._mine()
            self._tell(connection, {name: mine.get(name, 0) for name in names}, self._database.now_s(connection))

    def renew(self) -> None:
        """Tell the store all that this process holds, and forget what processes held that are gone."""
        with self._lock, self._database.count() as connection:
            now_s = self._database.now_s(connection)
            gone = (holds.c.until_s <= now_s) | (holds.c.process == self._process)
            connection.execute(delete(holds).where(gone))
            self._tell(connection, self._mine(), now_s)

    def close(self) -> None:
        """Give back all that this process holds."""
        with self._lock, self._database.count() as connection:
            connection.execute(delete(holds).where(holds.c.process == self._process))

    def _tell(self, connection: Connection, held: Mapping[str, int], now_s: float) -> None:
        names = [hashed(name) for name in held]
        mine = (holds.c.process == self._process) & holds.c.name.in_(names)
        connection.execute(delete(holds).where(mine))
        rows = [
            {"name": hashed(name), "process": self._process, "held": count, "until_s": now_s + LASTS_S}
            for name, count in held.items()
            if count > 0
        ]
        if rows:
            connection.execute(insert(holds), rows)
