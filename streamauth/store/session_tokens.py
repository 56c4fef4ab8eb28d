"""Session tokens in the store: a row is a token that waits to be used, and is gone once it is."""

import secrets
from dataclasses import dataclass, field

from sqlalchemy import delete, func, insert, select

from streamauth.errors import SessionTokenRefused, TooManySessions
from streamauth.store.api_keys import is_good
from streamauth.store.authentic import API_KEY, SESSION_TOKEN
from streamauth.store.schema import api_keys, session_tokens
from streamauth.store.sealed_database import StorePart
from streamauth.store.sealing import hashed

_PREFIX = "st_"
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Grant:
    """What a session token allows.

    Attributes:
        tenant: Whose profiles.
        key_id: The API key that it was made with.
        purpose: What for, as it was given when it was made.
    """

    tenant: str = field(repr=False)
    key_id: str
    purpose: bytes = field(repr=False)


class SessionTokens(StorePart):
    """Making and using up session tokens."""

    def add(self, key_id: str, purpose: bytes, *, lifetime_s: float, max_open: int) -> str:
        """Make a token, and delete those that have expired.

        Args:
            key_id: The API key with which it is asked for.
            purpose: What for; sealed at rest.
            lifetime_s: How long it may wait, in seconds.
            max_open: How many of this API key may wait.

        Raises:
            TooManySessions: There are as many.
        """
        token = _PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
        name = hashed(token)
        with self._sealed.write() as connection:
            # the row that others who ask with the same key wait for; SQLite holds its lock already
            connection.execute(select(api_keys.c.id).where(api_keys.c.id == key_id).with_for_update())
            now_s = self._sealed.database.now_s(connection)
            expired = session_tokens.c.expires_at_s <= now_s
            self._sealed.drop(connection, SESSION_TOKEN, session_tokens.c.hash, expired)
            mine = (session_tokens.c.key_id == key_id) & (session_tokens.c.expires_at_s > now_s)
            if connection.execute(select(func.count()).where(mine)).scalar_one() >= max_open:
                raise TooManySessions("As many session tokens as there may be wait to be used.")
            sealed = self._sealed.key(connection).seal(purpose, "session token", name)
            values = {"hash": name, "key_id": key_id, "purpose": sealed, "expires_at_s": now_s + lifetime_s}
            self._sealed.change(connection, SESSION_TOKEN, name)
            connection.execute(insert(session_tokens).values(values))
        return token

    def take(self, token: str) -> Grant:
        """Use a token up: of all who take it at once, one gets it.

        Raises:
            SessionTokenRefused: It is none, was used, has expired, or its API key is revoked or has ended.
        """
        # found by its hash, so that the time that takes tells nothing of the token
        this = session_tokens.c.hash == hashed(token)
        with self._sealed.write() as connection:
            row = connection.execute(select(session_tokens).where(this).with_for_update()).one_or_none()
            if row is None:
                raise SessionTokenRefused
            self._sealed.change(connection, SESSION_TOKEN, row.hash)
            self._sealed.check(connection, API_KEY, row.key_id)
            connection.execute(delete(session_tokens).where(this))
            now_s = self._sealed.database.now_s(connection)
            api_key = connection.execute(select(api_keys).where(api_keys.c.id == row.key_id)).one()
            purpose = self._sealed.key(connection).unseal(row.purpose, "session token", row.hash)
        if row.expires_at_s <= now_s or not is_good(api_key, round(now_s * 1000)):
            raise SessionTokenRefused
        return Grant(api_key.tenant_id, row.key_id, purpose)
