"""Sign-ins in the store: a row is a browser in which an API key was shown, until the sign-in expires."""

import secrets
from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update

from streamauth.errors import Unauthorized
from streamauth.store.api_keys import ApiKey, is_good, key_of
from streamauth.store.audit import note
from streamauth.store.authentic import API_KEY, SIGN_IN
from streamauth.store.schema import api_keys, sign_ins
from streamauth.store.sealed_database import StorePart
from streamauth.store.sealing import hashed

_SECRET_BYTES = 32
_USE_STEP_S = 60.0


@dataclass(frozen=True, slots=True)
class SignInRule:
    """How long a sign-in is good.

    Attributes:
        idle_s: Without a request, in seconds.
        most_s: At all, in seconds.
    """

    idle_s: float
    most_s: float


class SignIns(StorePart):
    """Making, finding and ending sign-ins. Of each only a hash is kept, as of API keys."""

    def add(self, key_id: str, rule: SignInRule) -> str:
        """Sign in by an API key that was shown; the secret that the browser keeps. Ended ones are deleted."""
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        with self._sealed.write() as connection:
            now_s = self._sealed.database.now_s(connection)
            over = (sign_ins.c.used_at_s <= now_s - rule.idle_s) | (sign_ins.c.began_at_s <= now_s - rule.most_s)
            self._sealed.drop(connection, SIGN_IN, sign_ins.c.hash, over)
            values = {"hash": hashed(secret), "key_id": key_id, "began_at_s": now_s, "used_at_s": now_s}
            self._sealed.change(connection, SIGN_IN, hashed(secret))
            connection.execute(insert(sign_ins).values(values))
            note(self._sealed, connection, "key.signed_in", subject=key_id, actor=key_id)
        return secret

    def find(self, secret: str, rule: SignInRule) -> ApiKey:
        """The API key behind a sign-in, noted as used.

        Raises:
            Unauthorized: There is none, it has ended, or its key is revoked.
        """
        # found by its hash, so that the time that takes tells nothing of the secret
        this = sign_ins.c.hash == hashed(secret)
        query = select(api_keys, sign_ins.c.hash.label("sign_in"), sign_ins.c.began_at_s, sign_ins.c.used_at_s)
        with self._sealed.read() as connection:
            row = connection.execute(query.join(sign_ins, sign_ins.c.key_id == api_keys.c.id).where(this)).one_or_none()
            now_s = self._sealed.database.now_s(connection)
            if row is not None:
                self._sealed.check(connection, SIGN_IN, row.sign_in)
                self._sealed.check(connection, API_KEY, row.id)
        if row is None or not is_good(row, round(now_s * 1000)):
            raise Unauthorized
        if now_s - row.used_at_s >= rule.idle_s or now_s - row.began_at_s >= rule.most_s:
            raise Unauthorized
        if now_s - row.used_at_s >= min(_USE_STEP_S, rule.idle_s / 2):
            with self._sealed.write() as connection:
                connection.execute(update(sign_ins).where(this).values(used_at_s=now_s))
        return key_of(row)

    def end(self, secret: str) -> None:
        """Sign out. Idempotent."""
        with self._sealed.write() as connection:
            self._sealed.forget(connection, SIGN_IN, hashed(secret))
            connection.execute(delete(sign_ins).where(sign_ins.c.hash == hashed(secret)))
