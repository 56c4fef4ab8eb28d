"""All sealed values of a store, whose key each of them has, and how they are sealed by another one."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Column, Connection, bindparam, select, tuple_, update

from streamauth.store.door_schema import door_site
from streamauth.store.profile_keys import ProfileKey
from streamauth.store.schema import (
    audit,
    enrollments,
    profiles,
    prompts,
    recordings,
    session_tokens,
    signing_keys,
    templates,
    trails,
    voiceprints,
)
from streamauth.store.sealing import SealingKey

_BATCH = 500
_AUDIO_BATCH = 8
_OF_PROFILES: tuple[tuple["Column[Any]", str, tuple[str, ...]], ...] = (
    (profiles.c.phrase, "phrase", ("id",)),
    (enrollments.c.embedding, "enrollment", ("profile_id", "encoder_id")),
    (enrollments.c.pronunciation_scores, "pronunciation scores", ("profile_id", "encoder_id")),
    (enrollments.c.rendering, "rendering", ("profile_id", "encoder_id")),
    (voiceprints.c.embedding, "voiceprint", ("profile_id", "encoder_id")),
    (templates.c.embedding, "template", ("profile_id", "encoder_id", "label")),
    (recordings.c.audio, "recording", ("profile_id", "enrollment_id")),
    (trails.c.trail, "trail", ("profile_id",)),
    (trails.c.attempt, "attempt id", ("profile_id",)),
)
_OF_OTHERS: tuple[tuple["Column[Any]", str, tuple[str, ...]], ...] = (
    (audit.c.entry, "audit", ("number",)),
    (prompts.c.words, "prompt", ("id",)),
    (session_tokens.c.purpose, "session token", ("hash",)),
    (signing_keys.c.private, "signing key", ("id",)),
    (door_site.c.value, "site state", ("name",)),
)


@dataclass(frozen=True, slots=True)
class SealedValue:
    """A sealed value.

    Attributes:
        row: The primary key of its row.
        sealed: The value.
        context: What it was sealed into.
        owner: The profile that it is of; None where there is none.
        tenant: The tenant whose key seals it, where that is not the owner's.
    """

    row: dict[str, Any]
    sealed: bytes
    context: tuple[str, ...]
    owner: SimpleNamespace | None
    tenant: str | None

    def opened(self, key: SealingKey) -> bytes:
        """The value, by the store's key.

        Raises:
            StoreCorrupt: It was changed, or belongs somewhere else.
        """
        return self._key(key).unseal(self.sealed, *self.context)

    def resealed(self, current: SealingKey, new: SealingKey) -> bytes:
        """The value sealed by another key of the store."""
        fresh = self._key(new) if self.owner is None else ProfileKey.of(current, self.owner).renewed(new)
        return fresh.seal(self.opened(current), *self.context)

    def _key(self, key: SealingKey) -> SealingKey | ProfileKey:
        if self.owner is not None:
            return ProfileKey.of(key, self.owner)
        return key if self.tenant is None else key.of_tenant(self.tenant)


def sealed_values(connection: Connection) -> Iterator[tuple["Column[Any]", list[SealedValue]]]:
    """All sealed values but the keys of profiles, in batches from one column."""
    for column, purpose, parts in (*_OF_PROFILES, *_OF_OTHERS):
        table, keys = column.table, tuple(column.table.primary_key)
        query = select(table)
        if (column, purpose, parts) in _OF_PROFILES:
            owner = [profiles.c[name].label(f"owner_{name}") for name in ("id", "tenant_id", "own_key")]
            query = select(table, *owner)
            if table is not profiles:
                query = query.join(profiles, profiles.c.id == table.c.profile_id)
        query = query.where(column.is_not(None)).order_by(*keys)
        page = query = query.limit(_AUDIO_BATCH if column is recordings.c.audio else _BATCH)
        while rows := connection.execute(page).mappings().all():
            yield column, [_value(row, column, (purpose, *(str(row[part]) for part in parts))) for row in rows]
            page = query.where(tuple_(*keys) > tuple_(*(rows[-1][key] for key in keys)))


def reseal_values(connection: Connection, current: SealingKey, new: SealingKey) -> None:
    """Seal all values, and the keys of profiles, by another key of the store."""
    for column, values in sealed_values(connection):
        table = column.table
        mine = [key == bindparam(f"key_{key.name}") for key in table.primary_key]
        connection.execute(
            table.update().where(*mine).values({column.name: bindparam("sealed")}),
            [
                {f"key_{name}": part for name, part in value.row.items()} | {"sealed": value.resealed(current, new)}
                for value in values
            ],
        )
    query = select(profiles.c.id, profiles.c.tenant_id, profiles.c.own_key).order_by(profiles.c.id).limit(_BATCH)
    page = query
    while rows := connection.execute(page).all():
        for row in rows:
            fresh = ProfileKey.of(current, row).renewed(new).wrapped(new, row.tenant_id, row.id)
            connection.execute(update(profiles).where(profiles.c.id == row.id).values(own_key=fresh))
        page = query.where(profiles.c.id > rows[-1].id)


def _value(row: Any, column: "Column[Any]", context: tuple[str, ...]) -> SealedValue:
    owner = None
    if "owner_id" in row:
        owner = SimpleNamespace(**{name: row[f"owner_{name}"] for name in ("id", "tenant_id", "own_key")})
    tenant = row["tenant_id"] if column.table is prompts else None
    return SealedValue({key.name: row[key] for key in column.table.primary_key}, row[column], context, owner, tenant)
