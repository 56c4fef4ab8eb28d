"""Signed verdicts: what was decided, for a backend that need not trust the page which hands it over (RFC 7519)."""

import secrets
from collections.abc import Callable
from typing import Any

import jwt

from streamauth.core.events import Decided, Enrolled, Verdict
from streamauth.protocol.answers import SignedVerdict
from streamauth.protocol.purpose import Mode, Purpose
from streamauth.settings import AccessSettings
from streamauth.store.signing_keys import SigningKey, SigningKeys

_DAY_S = 86_400


class Verdicts:
    """Signs verdicts. Its methods read the store, so they are called on a thread that may wait.

    Args:
        store: Where the keys are.
        settings: Issuer, lifetimes.
        clock: Seconds since the epoch.
    """

    def __init__(self, store: SigningKeys, settings: AccessSettings, clock: Callable[[], float]) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock

    def sign(self, event: Decided | Enrolled, purpose: Purpose) -> SignedVerdict:
        """The verdict of a session that names an audience.

        Raises:
            StoreError: There is no key to sign with.
        """
        now_s = self._clock()
        # read anew each time, so that one that was revoked signs no more
        key = self._key()
        claims: dict[str, Any] = {
            "iss": self._settings.issuer,
            "aud": purpose.audience,
            "iat": int(now_s),
            "exp": int(now_s + self._settings.verdict_lifetime_s),
            "jti": secrets.token_hex(16),
            "mode": purpose.mode.value,
        }
        claims |= {"nonce": purpose.nonce} if purpose.nonce is not None else {}
        # RFC 8176: what was verified, so that a backend can tell what is still to come
        claims |= {"amr": ["vbm"]} if isinstance(event, Decided) and event.verdict is Verdict.ACCEPT else {}
        claims |= {"second_factor": "required"} if self._settings.second_factor else {}
        claims |= {"prompt": purpose.prompt.value} if purpose.prompt is not None else {}
        name = purpose.name
        if isinstance(event, Decided):
            claims |= {"decision": event.verdict.value, "reasons": [reason.value for reason in event.reasons]}
            if purpose.mode is Mode.IDENTIFY:
                name = event.name if event.verdict is Verdict.ACCEPT else None
        else:
            claims["decision"] = "enrolled"
        claims |= {"sub": name} if name is not None else {}
        token = jwt.encode(claims, key.private, algorithm="EdDSA", headers={"kid": key.id})
        return SignedVerdict(token, self._settings.verdict_lifetime_s)

    def published(self) -> dict[str, Any]:
        """The keys to verify with, as a JSON Web Key Set (RFC 7517)."""
        self._key()  # so that there is one
        return {"keys": self._store.published()}

    def _key(self) -> SigningKey:
        return self._store.current(max_age_s=self._settings.signing_key_days * _DAY_S)
