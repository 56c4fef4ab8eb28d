"""Rates in the store: one bucket for each name, common to all processes and hosts.

A bucket holds a burst and fills at a rate, by the database's clock. Taking from it is one statement, so that of many
who take at once only as many get something as there is room for. The rows are worth nothing after a crash: in
PostgreSQL the table is not logged, in SQLite its writes do not wait for the disk.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from sqlalchemy import ColumnElement, Double, bindparam, case, cast, delete, update

from streamauth.store.database import Database
from streamauth.store.schema import rates
from streamauth.store.sealing import hashed


@dataclass(frozen=True, slots=True)
class Rate:
    """How often something may happen.

    Attributes:
        kind: What.
        per_s: How much comes into a bucket each second.
        burst: How much a bucket holds.
    """

    kind: str
    per_s: float
    burst: float


class Rates:
    """Counts what happens to each name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, rate: Rate, name: str, cost: float = 1.0) -> bool:
        """Take from the bucket of a name; tell whether there was enough. If not, nothing is taken."""
        with self._database.count() as connection:
            now_s = self._database.clock()
            # the dialect of a database that is not used takes long to import
            insert: Any = import_module(f"sqlalchemy.dialects.{connection.dialect.name}").insert
            filled = _least(rate.burst, rates.c.level + _most(0.0, now_s - rates.c.at_s) * rate.per_s)
            left = case((filled >= cost, filled - cost), else_=filled)
            new = {
                "name": hashed(f"{rate.kind}\0{name}"),
                "level": rate.burst - (cost if rate.burst >= cost else 0.0),
                "at_s": now_s,
                "full_s": now_s + cost / rate.per_s,
                "enough": rate.burst >= cost,
            }
            changed = {
                "level": left,
                "at_s": now_s,
                "full_s": now_s + (rate.burst - left) / rate.per_s,
                "enough": filled >= cost,
            }
            statement = insert(rates).values(new).on_conflict_do_update(index_elements=[rates.c.name], set_=changed)
            return bool(connection.scalar(statement.returning(rates.c.enough)))

    def give_back(self, rate: Rate, name: str, cost: float = 1.0) -> None:
        """Put back what was taken for something that then did not happen."""
        this = update(rates).where(rates.c.name == hashed(f"{rate.kind}\0{name}"))
        with self._database.count() as connection:
            connection.execute(this.values(level=_least(rate.burst, rates.c.level + cost)))

    def forget(self) -> int:
        """Delete the buckets that are full again; how many that were."""
        with self._database.count() as connection:
            full = rates.c.full_s < self._database.clock()
            return connection.execute(delete(rates).where(full)).rowcount


def _number(value: "float | ColumnElement[float]") -> "ColumnElement[float]":
    return value if isinstance(value, ColumnElement) else cast(bindparam(None, value), Double)


def _least(one: "float | ColumnElement[float]", other: "float | ColumnElement[float]") -> "ColumnElement[float]":
    return case((_number(one) < _number(other), _number(one)), else_=_number(other))


def _most(one: "float | ColumnElement[float]", other: "float | ColumnElement[float]") -> "ColumnElement[float]":
    return case((_number(one) > _number(other), _number(one)), else_=_number(other))
