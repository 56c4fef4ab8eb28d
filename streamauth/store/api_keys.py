"""API keys in the store: of each only a keyed hash, so that nobody who reads or writes the database can use one.

A key is ``sa_<id>_<secret>`` with a secret of 256 random bits. That is too many to be guessed, and a slow hash would
only make the server slow. The hash's own key lies sealed in the store.
"""

import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, exists, insert, select, update

from streamauth.errors import InputError, StoreCorrupt, Unauthorized, UnknownApiKey
from streamauth.store.audit import note
from streamauth.store.authentic import API_KEY, API_KEYS
from streamauth.store.changes import next_change
from streamauth.store.names import stored_name
from streamauth.store.records import utc
from streamauth.store.schema import DEFAULT_TENANT, api_keys
from streamauth.store.sealed_database import API_KEY_SECRET, StorePart
from streamauth.store.tenants import ensure_tenant

_PREFIX = "sa"
_ID_BYTES = 6
_SECRET_BYTES = 32
_USE_STEP_MS = 60_000
_NO_HASH = bytes(32)


class Scope(StrEnum):
    """What an API key may do. None of them includes another one.

    ======== ==================================================================================================
    enroll   make profiles, add utterances in the owner's voice, judge phrases
    verify   look up one profile, verify a claimed identity, draw prompts
    identify ask who is speaking
    admin    look up and list profiles, delete, reset, unlock and export them; vouch for a speaker; read the audit
             log; doors
    ======== ==================================================================================================
    """

    ENROLL = "enroll"
    VERIFY = "verify"
    IDENTIFY = "identify"
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
        expires_at: When it ends, UTC; None if never.
        used_at: When it was last used, to the minute; None if never.
        revoked_at: When it was revoked; None while it is good.
    """

    id: str
    tenant: str = field(repr=False)
    name: str = field(repr=False)
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None
    revoked_at: datetime | None


class ApiKeys(StorePart):
    """Making, finding and revoking API keys."""

    def create(
        self,
        name: str,
        scopes: Collection[Scope],
        *,
        tenant: str = DEFAULT_TENANT,
        lifetime_s: float | None = None,
    ) -> tuple[ApiKey, str]:
        """Make a key, and its tenant if there is none.

        Args:
            name: What it is for.
            scopes: What it may do, at least one thing.
            tenant: Whose profiles it reaches.
            lifetime_s: After how many seconds it ends; None means never.

        Returns:
            What is known of it, and the key itself, which is never shown again.

        Raises:
            BadProfileName: The name or the tenant cannot be used.
            InputError: No scope.
        """
        name, tenant = stored_name(name), stored_name(tenant)
        if not scopes:
            raise InputError("An API key needs at least one scope: enroll, verify, identify or admin.")
        with self._sealed.write() as connection:
            return self._make(connection, name, scopes, tenant, lifetime_s)

    def rotate(self, key_id: str, *, overlap_s: float = 0.0, lifetime_s: float | None = None) -> tuple[ApiKey, str]:
        """Make a key that may do what another one may, which ends soon.

        Args:
            key_id: The key to be replaced.
            overlap_s: For how many seconds it is still good; until its own end at most.
            lifetime_s: As for ``create``.

        Raises:
            UnknownApiKey: There is no good one of this id.
        """
        with self._sealed.write() as connection:
            next_change(connection)
            self._sealed.change(connection, API_KEY, key_id)
            row = connection.execute(select(api_keys).where(api_keys.c.id == key_id)).one_or_none()
            now_ms = self._sealed.database.now_ms(connection)
            if row is None or not is_good(row, now_ms):
                raise UnknownApiKey
            ends_ms = now_ms + round(overlap_s * 1000)
            ends_ms = ends_ms if row.expires_ms is None else min(ends_ms, row.expires_ms)
            connection.execute(update(api_keys).where(api_keys.c.id == key_id).values(expires_ms=ends_ms))
            note(self._sealed, connection, "key.replaced", subject=key_id)
            return self._make(connection, row.name, key_of(row).scopes, row.tenant_id, lifetime_s)

    def _make(
        self, connection: Connection, name: str, scopes: Collection[Scope], tenant: str, lifetime_s: float | None
    ) -> tuple[ApiKey, str]:
        key_id, secret = secrets.token_hex(_ID_BYTES), secrets.token_urlsafe(_SECRET_BYTES)
        ensure_tenant(connection, self._sealed, tenant)
        now_ms = self._sealed.database.now_ms(connection)
        values = {
            "id": key_id,
            "tenant_id": tenant,
            "name": name,
            "scopes": ",".join(sorted(scopes)),
            "hash": self._hash(connection, secret),
            "created_ms": now_ms,
            "expires_ms": None if lifetime_s is None else now_ms + round(lifetime_s * 1000),
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
        """Whether there ever was a key, or with ``good`` whether there is one that may be used."""
        found = select(api_keys.c.id)
        with self._sealed.read() as connection:
            if good:
                now_ms = self._sealed.database.now_ms(connection)
                unended = api_keys.c.expires_ms.is_(None) | (api_keys.c.expires_ms > now_ms)
                found = found.where(api_keys.c.revoked_ms.is_(None), unended)
            self._sealed.check(connection, API_KEYS)
            return bool(connection.scalar(select(exists(found))))

    def find(self, presented: str) -> ApiKey:
        """The key that somebody shows, noted as used.

        Raises:
            Unauthorized: It is none, has ended, or is revoked.
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
        if row is None or not same or prefix != _PREFIX or not is_good(row, now_ms):
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


def is_good(row: Any, now_ms: int) -> bool:
    """Whether the key of a row of the table ``api_keys`` may be used."""
    return row.revoked_ms is None and (row.expires_ms is None or row.expires_ms > now_ms)


def key_of(row: Any) -> ApiKey:
    """The key of a row of the table ``api_keys``.

    Raises:
        StoreCorrupt: It is damaged.
    """
    try:
        scopes = frozenset(Scope(scope) for scope in row.scopes.split(","))
    except ValueError:
        raise StoreCorrupt from None
    times = [None if ms is None else utc(ms) for ms in (row.expires_ms, row.used_ms, row.revoked_ms)]
    return ApiKey(row.id, row.tenant_id, row.name, scopes, utc(row.created_ms), *times)
