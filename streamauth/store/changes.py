"""Change numbers: they show other processes quickly which profiles have changed.

Every change of a profile, its voiceprints or an API key takes the next number of one counter, in its own transaction.
The counter's row stays locked until that transaction ends. So numbers become visible in their order, and whoever has
read up to a number misses nothing below it.
"""

from sqlalchemy import Connection, delete, insert, select, update

from streamauth.errors import StoreCorrupt, UnknownProfile
from streamauth.store.authentic import CHARGES, NAME, PROFILE, PROMPT, TRAILS
from streamauth.store.schema import counters, profiles, prompts, removals
from streamauth.store.sealed_database import SealedDatabase

_COUNTER = "change"
KEPT_REMOVALS = 100_000
"""Whoever is further behind than so many changes must read everything again."""


def latest_change(connection: Connection) -> int:
    """The number of the latest change."""
    value = connection.scalar(select(counters.c.value).where(counters.c.name == _COUNTER))
    if value is None:
        raise StoreCorrupt
    return int(value)


def next_change(connection: Connection) -> int:
    """The number of a change that is made in this transaction."""
    counter = update(counters).where(counters.c.name == _COUNTER)
    value = connection.scalar(counter.values(value=counters.c.value + 1).returning(counters.c.value))
    if value is None:
        raise StoreCorrupt
    return int(value)


def touch(sealed: SealedDatabase, connection: Connection, profile_id: str, now_ms: int) -> None:
    """Note that a profile changes in this transaction. Its row stays locked until the transaction ends.

    Raises:
        UnknownProfile: It is gone.
        StoreTampered: It is not as streamauth wrote it.
    """
    change = next_change(connection)
    sealed.change(connection, PROFILE, profile_id)
    this = update(profiles).where(profiles.c.id == profile_id)
    if connection.execute(this.values(updated_ms=now_ms, change=change)).rowcount != 1:
        raise UnknownProfile


def remove(sealed: SealedDatabase, connection: Connection, profile_id: str) -> None:
    """Delete a profile. What stays is a row of two numbers, by which other processes learn that it is gone.

    Raises:
        UnknownProfile: It is gone already.
    """
    change = next_change(connection)
    for unit in (PROFILE, CHARGES, TRAILS):
        sealed.forget(connection, unit, profile_id)
    for prompt_id in connection.scalars(select(prompts.c.id).where(prompts.c.profile_id == profile_id)):
        sealed.forget(connection, PROMPT, prompt_id)
    row = connection.execute(delete(profiles).where(profiles.c.id == profile_id).returning(profiles)).one_or_none()
    if row is None:
        raise UnknownProfile
    sealed.forget(connection, NAME, row.tenant_id, row.looks)
    connection.execute(delete(removals).where(removals.c.change <= change - KEPT_REMOVALS))
    connection.execute(insert(removals).values(change=change, number=row.number))
