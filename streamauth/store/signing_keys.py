"""Keys that sign verdicts, Ed25519 (RFC 8032): the newest signs, older ones are kept while they may verify."""

import base64
import hashlib
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, delete, insert, select

from streamauth.errors import StoreTampered, UnknownSigningKey
from streamauth.store.audit import note
from streamauth.store.authentic import SIGNING_KEY
from streamauth.store.schema import signing_keys
from streamauth.store.sealed_database import StorePart

_KEPT_S = 86_400.0
"""How long a key that signs no more is still published; longer than any signed verdict is good for."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that signs.

    Attributes:
        id: Its thumbprint (RFC 7638), by which a verifier finds it.
        private: The key.
    """

    id: str
    private: Ed25519PrivateKey = field(repr=False)


class SigningKeys(StorePart):
    """Making, replacing, revoking and publishing the keys that sign verdicts."""

    def current(self, *, max_age_s: float) -> SigningKey:
        """The key that signs now; a new one where there is none, or the last one is too old.

        Args:
            max_age_s: Age at which a key is replaced, in seconds.
        """
        with self._sealed.read() as connection:
            now_s = self._sealed.database.now_s(connection)
            if (found := self._newest(connection, now_s, max_age_s)) is not None:
                return found
        with self._sealed.write() as connection:
            self._sealed.database.lock(connection, "signing keys")
            now_s = self._sealed.database.now_s(connection)
            # another process may have been quicker
            if (found := self._newest(connection, now_s, max_age_s)) is not None:
                return found
            old = signing_keys.c.created_at_s < now_s - max_age_s - _KEPT_S
            self._sealed.drop(connection, SIGNING_KEY, signing_keys.c.id, old)
            made = Ed25519PrivateKey.generate()
            public = made.public_key().public_bytes_raw()
            name = _encoded(hashlib.sha256(_canonical(public)).digest())
            sealed = self._sealed.key(connection).seal(made.private_bytes_raw(), "signing key", name)
            values = {"id": name, "public": public, "private": sealed, "created_at_s": now_s}
            self._sealed.change(connection, SIGNING_KEY, name)
            connection.execute(insert(signing_keys).values(values))
        return SigningKey(name, made)

    def published(self) -> list[dict[str, str]]:
        """The public keys as JSON Web Keys (RFC 8037), the newest first; without any that somebody else put there."""
        with self._sealed.read() as connection:
            query = select(signing_keys.c.id, signing_keys.c.public).order_by(signing_keys.c.created_at_s.desc())
            rows = [row for row in connection.execute(query).all() if self._is_ours(connection, row.id)]
        common = {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA"}
        return [common | {"kid": row.id, "x": _encoded(row.public)} for row in rows]

    def revoke(self, key_id: str) -> None:
        """Delete a key: it signs no more, and is published no more. The next verdict is signed by another one.

        Raises:
            UnknownSigningKey: There is none of this id.
        """
        with self._sealed.write() as connection:
            self._sealed.database.lock(connection, "signing keys")
            self._sealed.forget(connection, SIGNING_KEY, key_id)
            if not connection.execute(delete(signing_keys).where(signing_keys.c.id == key_id)).rowcount:
                raise UnknownSigningKey
            note(self._sealed, connection, "signing_key.revoked", subject=key_id)

    def _is_ours(self, connection: Connection, key_id: str) -> bool:
        try:
            self._sealed.check(connection, SIGNING_KEY, key_id)
        except StoreTampered:
            return False
        return True

    def _newest(self, connection: Connection, now_s: float, max_age_s: float) -> SigningKey | None:
        query = select(signing_keys).where(signing_keys.c.created_at_s > now_s - max_age_s)
        rows = connection.execute(query.order_by(signing_keys.c.created_at_s.desc())).all()
        row = next((row for row in rows if self._is_ours(connection, row.id)), None)
        if row is None:
            return None
        raw = self._sealed.key(connection).unseal(row.private, "signing key", row.id)
        return SigningKey(row.id, Ed25519PrivateKey.from_private_bytes(raw))


def _canonical(public: bytes) -> bytes:
    return f'{{"crv":"Ed25519","kty":"OKP","x":"{_encoded(public)}"}}'.encode("ascii")


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
