"""Session tokens in the store: a row is a token that waits to be used, and is gone once it is."""

import hashlib
import secrets
from dataclasses import dataclass, field

from sqlalchemy import delete, func, insert, select

from streamauth.errors import SessionTokenRefused, TooManySessions
from streamauth.store.opening import OpenStore
from streamauth.store.schema import api_keys, session_tokens

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


class SessionTokens(OpenStore):
    """Making and using up session tokens."""

    def add_session_token(self, key_id: str, purpose: bytes, now_s: float, *, lifetime_s: float, max_open: int) -> str:
        """Make a token, and sweep those that have expired.

        Args:
            key_id: The API key with which it is asked for.
            purpose: What for; sealed at rest.
            now_s: The time, in seconds since the epoch.
            lifetime_s: How long it may wait.
            max_open: How many of this API key may wait.

        Raises:
            TooManySessions: There are as many.
        """
        token = _PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
        name = _hash(token)
        with self._database.write() as connection:
            connection.execute(delete(session_tokens).where(session_tokens.c.expires_at_s <= now_s))
            mine = select(func.count()).where(session_tokens.c.key_id == key_id)
            if connection.execute(mine).scalar_one() >= max_open:
                raise TooManySessions("As many session tokens as there may be wait to be used.")
            sealed = self._key(connection).seal(purpose, "session token", name)
            values = {"hash": name, "key_id": key_id, "purpose": sealed, "expires_at_s": now_s + lifetime_s}
            connection.execute(insert(session_tokens).values(values))
        return token

    def take_session_token(self, token: str, now_s: float) -> Grant:
        """Use a token up: of all who take it at once, one gets it.

        Raises:
            SessionTokenRefused: It is none, was used, has expired, or its API key is revoked.
        """
        # found by its hash, so that the time that takes tells nothing of the token
        this = session_tokens.c.hash == _hash(token)
        with self._database.write() as connection:
            found = select(session_tokens, api_keys.c.tenant_id, api_keys.c.revoked_ms).join(api_keys).where(this)
            row = connection.execute(found).one_or_none()
            if row is None or connection.execute(delete(session_tokens).where(this)).rowcount != 1:
                raise SessionTokenRefused
            purpose = self._key(connection).unseal(row.purpose, "session token", row.hash)
        if row.expires_at_s <= now_s or row.revoked_ms is not None:
            raise SessionTokenRefused
        return Grant(row.tenant_id, row.key_id, purpose)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
