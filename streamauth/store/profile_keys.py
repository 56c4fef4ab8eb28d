"""The key of one profile: it seals all that is kept of a person, and goes with the profile.

It is 64 random bytes, one half to seal (AES-256-GCM), one half to rotate voiceprints by (``store.rotation``), and lies
in the profile's row, sealed by its tenant's key, which derives from the store's key (HKDF, RFC 5869). So nothing sealed
can be moved between profiles or tenants, and without that row nothing of the person can be opened any more.
"""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from streamauth.core.ports import Voiceprint
from streamauth.errors import StoreCorrupt
from streamauth.store.rotation import restored, restored_all, rotated
from streamauth.store.sealing import KEY_BYTES, SealingKey


class ProfileKey:
    """What seals and opens the values of one profile; neither ``repr`` nor pickling shows it.

    Args:
        secret: 64 random bytes.
        key_id: Of the store's key.
    """

    __slots__ = ("_key", "_secret")

    def __init__(self, secret: bytes, key_id: bytes) -> None:
        if len(secret) != 2 * KEY_BYTES:
            raise StoreCorrupt
        self._secret = secret
        self._key = SealingKey(secret[:KEY_BYTES], key_id)

    def __reduce__(self) -> str:
        raise TypeError("a profile's key is not pickled")

    @classmethod
    def generate(cls, store_key: SealingKey) -> "ProfileKey":
        """A new random one."""
        return cls(os.urandom(2 * KEY_BYTES), store_key.id)

    @classmethod
    def of(cls, store_key: SealingKey, row: Any) -> "ProfileKey":
        """That of a row with a profile's ``id``, ``tenant_id`` and ``own_key``.

        Raises:
            StoreCorrupt: It was changed, or belongs somewhere else.
        """
        secret = store_key.of_tenant(row.tenant_id).unseal(row.own_key, "profile key", row.id)
        return cls(secret, store_key.id)

    def wrapped(self, store_key: SealingKey, tenant: str, profile_id: str) -> bytes:
        """As it is kept in the profile's row."""
        return store_key.of_tenant(tenant).seal(self._secret, "profile key", profile_id)

    def renewed(self, store_key: SealingKey) -> "ProfileKey":
        """The one that seals in its place under another key of the store; who knows only the former two cannot tell it.

        It rotates as the former one, so that voiceprints need not be turned.
        """
        return ProfileKey(store_key.mac(b"profile key" + self._secret) + self._secret[KEY_BYTES:], store_key.id)

    def seal(self, value: bytes, *context: str) -> bytes:
        """See ``SealingKey.seal``."""
        return self._key.seal(value, *context)

    def unseal(self, sealed: bytes, *context: str) -> bytes:
        """See ``SealingKey.unseal``."""
        return self._key.unseal(sealed, *context)

    def rotated(self, voiceprint: Voiceprint) -> Voiceprint:
        """A voiceprint as it is kept at rest."""
        return rotated(voiceprint, self._secret[KEY_BYTES:])

    def restored(self, voiceprint: Voiceprint) -> Voiceprint:
        """A voiceprint as it was."""
        return restored(voiceprint, self._secret[KEY_BYTES:])

    @staticmethod
    def restored_all(keys: "Sequence[ProfileKey]", voiceprints: Sequence[Voiceprint]) -> list[Voiceprint]:
        """Voiceprints of many profiles as they were: those of one shape together, which is quicker."""
        of_shape: dict[tuple[int, ...], list[int]] = {}
        for number, voiceprint in enumerate(voiceprints):
            of_shape.setdefault(voiceprint.shape, []).append(number)
        found = list(voiceprints)
        for numbers in of_shape.values():
            together = np.stack([voiceprints[number] for number in numbers])
            secrets = [keys[number]._secret[KEY_BYTES:] for number in numbers]
            for number, restored_one in zip(numbers, restored_all(together, secrets), strict=True):
                found[number] = restored_one
        return found
