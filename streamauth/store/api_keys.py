"""API keys in the store: of each only a keyed hash, so that nobody who reads or writes the database can use one.

A key is ``sa_<id>_<secret>`` with a secret of 256 random bits. That is too many to be guessed, and a slow hash would
only make the server slow. The hash's own key lies sealed in the store.
"""

import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, exists, insert, select, update

from streamauth.errors import InputError, StoreCorrupt, Unauthorized, UnknownApiKey
from streamauth.store.audit import note
from streamauth.store.authentic import API_KEY, API_KEYS
from streamauth.store.changes import next_change
from streamauth.store.names import stored_name
from streamauth.store.schema import DEFAULT_TENANT, api_keys
from streamauth.store.sealed_database import API_KEY_SECRET, SealedDatabase
from streamauth.store.tenants import ensure_tenant

_PREFIX = "sa"
_ID_BYTES = 6
_SECRET_BYTES = 32
_USE_STEP_MS = 60_000
_NO_HASH = bytes(32)


class Scope(StrEnum):
    """What an API key may do."""

    ENROLL = "enroll"
    VERIFY = "verify"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of an API key; the key itself is not.

    Attributes:
        id: Twelve hexadecimal digits, part of the key.
        tenant: Whose profiles it reaches.
        name: What it is for, as its maker said.
        scopes: What it may do.
        created_at: When it was made, UTC.
        used_at: When it was last used, to the minute; None if never.
        revoked_at: When it was revoked; None while it is good.
    """

    id: str
    tenant: str = field(repr=False)
    name: str = field(repr=False)
    scopes: frozenset[Scope]
    created_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None


class ApiKeys:
    """Making, finding and revoking API keys.

    Args:
        sealed: The open database with its key.
    """

    def __init__(self, sealed: SealedDatabase) -> None:
        self._sealed = sealed

    def create(self, name: str, scopes: Collection[Scope], *, tenant: str = DEFAULT_TENANT) -> tuple[ApiKey, str]:
        """Make a key, and its tenant if there is none.

        Args:
            name: What it is for.
            scopes: What it may do, at least one thing.
            tenant: Whose profiles it reaches.

        Returns:
            What is known of it, and the key itself, which is never shown again.

        Raises:
            BadProfileName: The name or the tenant cannot be used.
            InputError: No scope.
        """
        name, tenant = stored_name(name), stored_name(tenant)
        if not scopes:
            raise InputError("An API key needs at least one scope: enroll, verify or admin.")
        key_id, secret = secrets.token_hex(_ID_BYTES), secrets.token_urlsafe(_SECRET_BYTES)
        with self._sealed.write() as connection:
            ensure_tenant(connection, self._sealed, tenant)
            values = {
                "id": key_id,
                "tenant_id": tenant,
                "name": name,
                "scopes": ",".join(sorted(scopes)),
                "hash": self._hash(connection, secret),
                "created_ms": self._sealed.database.now_ms(connection),
            }
            self._sealed.change(connection, API_KEY, key_id)
            self._sealed.change(connection, API_KEYS)
            connection.execute(insert(api_keys).values(values))
            row = connection.execute(select(api_keys).where(api_keys.c.id == key_id)).one()
            note(self._sealed, connection, "key.created", subject=key_id)
        return key_of(row), f"{_PREFIX}_{key_id}_{secret}"

    def all(self) -> list[ApiKey]:
        """All keys of all tenants, the oldest first, with those that are revoked."""
        with self._sealed.read() as connection:
            rows = connection.execute(select(api_keys).order_by(api_keys.c.created_ms, api_keys.c.id)).all()
        return [key_of(row) for row in rows]

    def exist(self, *, good: bool = False) -> bool:
        """Whether there ever was a key, or with ``good`` whether there is one that is not revoked."""
        found = select(api_keys.c.id)
        if good:
            found = found.where(api_keys.c.revoked_ms.is_(None))
        with self._sealed.read() as connection:
            self._sealed.check(connection, API_KEYS)
            return bool(connection.scalar(select(exists(found))))

    def find(self, presented: str) -> ApiKey:
        """The key that somebody shows, noted as used.

        Raises:
            Unauthorized: It is none, or is revoked.
        """
        prefix, _, rest = presented.partition("_")
        key_id, _, secret = rest.partition("_")
        with self._sealed.read() as connection:
            row = connection.execute(select(api_keys).where(api_keys.c.id == key_id)).one_or_none()
            now_ms = self._sealed.database.now_ms(connection)
            shown = self._hash(connection, secret)
            if row is not None:
                self._sealed.check(connection, API_KEY, row.id)
        # compared in constant time, and also where there is nothing to compare with
        expected = _NO_HASH if row is None else row.hash
        same = hmac.compare_digest(expected, shown)
        if row is None or not same or prefix != _PREFIX or row.revoked_ms is not None:
            raise Unauthorized
        if row.used_ms is None or now_ms - row.used_ms >= _USE_STEP_MS:
            with self._sealed.write() as connection:
                connection.execute(update(api_keys).where(api_keys.c.id == row.id).values(used_ms=now_ms))
        return key_of(row)

    def revoke(self, key_id: str) -> None:
        """Make a key useless, and the session tokens made with it. Its row stays.

        Raises:
            UnknownApiKey: There is none of this id.
        """
        this = api_keys.c.id == key_id
        with self._sealed.write() as connection:
            next_change(connection)  # so that other processes look at their sessions
            if connection.scalar(select(api_keys.c.id).where(this)) is None:
                raise UnknownApiKey
            self._sealed.change(connection, API_KEY, key_id)
            good = this & api_keys.c.revoked_ms.is_(None)
            connection.execute(update(api_keys).where(good).values(revoked_ms=self._sealed.database.now_ms(connection)))
            note(self._sealed, connection, "key.revoked", subject=key_id)

    def _hash(self, connection: Connection, secret: str) -> bytes:
        own = self._sealed.secret(connection, API_KEY_SECRET)
        return hmac.digest(own, secret.encode("utf-8", "surrogatepass"), "sha256")


def key_of(row: Any) -> ApiKey:
    """The key of a row of the table ``api_keys``.

    Raises:
        StoreCorrupt: It is damaged.
    """
    try:
        scopes = frozenset(Scope(scope) for scope in row.scopes.split(","))
        times = [None if ms is None else datetime.fromtimestamp(ms / 1000, UTC) for ms in (row.used_ms, row.revoked_ms)]
        created_at = datetime.fromtimestamp(row.created_ms / 1000, UTC)
    except (ValueError, TypeError, OverflowError):
        raise StoreCorrupt from None
    return ApiKey(row.id, row.tenant_id, row.name, scopes, created_at, *times)
