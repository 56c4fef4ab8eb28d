"""Sealing at rest: AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce.

A sealed value is ``version (1) | key id (8) | nonce (12) | ciphertext | tag (16)``. Its context (what it is,
whose, of which encoder) goes into the tag as associated data, so a value that is moved to another row does
not open. The key id tells which key opens it; it is a hash of the key and gives nothing of it away.
"""

import base64
import binascii
import hashlib
import hmac
import json
import os
import re

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from streamauth.errors import KeyWrong, StoreCorrupt

KEY_BYTES = 32
_VERSION = b"\x01"
_ID_BYTES = 8
_NONCE_BYTES = 12
_HEADER_BYTES = len(_VERSION) + _ID_BYTES + _NONCE_BYTES
_TAG_BYTES = 16


class SealingKey:
    """A key that seals and unseals; neither ``repr`` nor pickling shows it.

    Args:
        secret: The key, 32 random bytes.
        key_id: Of the store's key that this one belongs to; it is one itself by default.

    Attributes:
        id: Which key it is, or belongs to, 8 bytes.
    """

    __slots__ = ("_aead", "_of_tenants", "_secret", "id")

    def __init__(self, secret: bytes, key_id: bytes | None = None) -> None:
        if len(secret) != KEY_BYTES:
            raise KeyWrong(f"A sealing key has {KEY_BYTES} bytes.")
        self._secret = secret
        self._aead = AESGCM(secret)
        self._of_tenants: dict[str, SealingKey] = {}
        self.id = key_id or hashlib.sha256(b"streamauth sealing key id\0" + secret).digest()[:_ID_BYTES]

    def __repr__(self) -> str:
        return f"SealingKey(id={self.id.hex()})"

    def __reduce__(self) -> str:
        raise TypeError("a sealing key is not pickled")

    @classmethod
    def generate(cls) -> "SealingKey":
        """A new random key."""
        return cls(os.urandom(KEY_BYTES))

    @classmethod
    def parse(cls, text: str) -> "SealingKey":
        """The key of a text: 64 hexadecimal digits or base64, white space around it allowed.

        Raises:
            KeyWrong: The text is neither, or not of 32 bytes.
        """
        text = text.strip()
        if re.fullmatch(r"[0-9A-Fa-f]{64}", text):
            return cls(bytes.fromhex(text))
        try:
            return cls(base64.b64decode(text, validate=True))
        except (binascii.Error, ValueError, KeyWrong):
            raise KeyWrong("The given sealing key is not 32 bytes in hexadecimal or base64.") from None

    def text(self) -> str:
        """The secret in base64, for a key file."""
        return base64.b64encode(self._secret).decode("ascii")

    def of_tenant(self, tenant: str) -> "SealingKey":
        """The key of one tenant, derived from this one (HKDF-Expand, RFC 5869)."""
        if tenant not in self._of_tenants:
            derived = self._derived(b"streamauth tenant\0" + tenant.encode("utf-8"))
            self._of_tenants[tenant] = SealingKey(derived, self.id)
        return self._of_tenants[tenant]

    def _derived(self, info: bytes) -> bytes:
        return hmac.digest(self._secret, info + b"\x01", "sha256")  # of one block; the secret is uniform already

    def mac(self, value: bytes) -> bytes:
        """HMAC-SHA256 of a value, 32 bytes, by a key derived from this one."""
        return hmac.digest(self._derived(b"streamauth marks of rows"), value, "sha256")

    def seal(self, value: bytes, *context: str) -> bytes:
        """Seal a value of any length into its context."""
        header = _VERSION + self.id + os.urandom(_NONCE_BYTES)
        return header + self._aead.encrypt(header[-_NONCE_BYTES:], value, _associated(header, context))

    def unseal(self, sealed: bytes, *context: str) -> bytes:
        """The value, if it was sealed by this key into this context.

        Raises:
            StoreCorrupt: It was changed, belongs somewhere else, or is of another key than its store.
        """
        if key_id_of(sealed) != self.id:
            raise StoreCorrupt
        header, body = sealed[:_HEADER_BYTES], sealed[_HEADER_BYTES:]
        try:
            return self._aead.decrypt(header[-_NONCE_BYTES:], body, _associated(header, context))
        except InvalidTag:
            raise StoreCorrupt from None


def hashed(text: str) -> str:
    """SHA-256 of a text, hexadecimal: what is kept in place of a secret or a name."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def key_id_of(sealed: bytes) -> bytes:
    """The id of the key that sealed a value.

    Raises:
        StoreCorrupt: This is no sealed value.
    """
    if sealed[:1] != _VERSION or len(sealed) < _HEADER_BYTES + _TAG_BYTES:
        raise StoreCorrupt
    return sealed[1 : 1 + _ID_BYTES]


def _associated(header: bytes, context: tuple[str, ...]) -> bytes:
    return header + json.dumps(context).encode("ascii")  # unambiguous, whatever the parts hold
