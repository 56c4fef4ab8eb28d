"""Who may use the server: API keys, session tokens, origins of web pages, rates.

What nobody allowed is refused. The one exception is a program of the same machine, on a server that listens on a
loopback address only and never had an API key; and even there no web page but the server's own comes in, nobody
who was forwarded, and nobody who thinks that the server has another name (a page can make its own name lead here).
"""

import ipaddress
import json
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope as Connection

from streamauth.core.phrase.prompt import PromptKind
from streamauth.errors import Forbidden, RateLimited, StoreCorrupt, Unauthorized
from streamauth.protocol.disclosure import Disclosure, DisclosurePolicy
from streamauth.protocol.messages import is_loopback
from streamauth.protocol.purpose import Mode, Purpose
from streamauth.server.pool import WorkerPool
from streamauth.server.rates import SharedBuckets, Shares
from streamauth.server.sign_in import own_origin, shown_secret
from streamauth.settings import Settings
from streamauth.store.api_keys import ApiKey, Scope
from streamauth.store.rates import Rate
from streamauth.store.schema import DEFAULT_TENANT
from streamauth.store.sign_ins import SignInRule
from streamauth.store.store import Store

_FAILURE_COST = 10
_FORWARDING = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")


SCOPES = {
    Mode.ENROLL: Scope.ENROLL,
    Mode.VERIFY: Scope.VERIFY,
    Mode.CONTINUOUS: Scope.VERIFY,
    Mode.IDENTIFY: Scope.IDENTIFY,
}
"""What each mode of a session needs."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who may use the server.

    Attributes:
        tenant: Whose profiles.
        scopes: What for.
        disclosure: How much it learns.
        key_id: The API key, shown or behind a session token; None for a program of this machine.
        address: Where it comes from, where that limits its sessions.
        peer: Where it comes from.
    """

    tenant: str = field(repr=False)
    scopes: frozenset[Scope]
    disclosure: Disclosure
    key_id: str | None = None
    address: str | None = field(default=None, repr=False)
    peer: str | None = field(default=None, repr=False)

    def learns(self, threshold: float) -> DisclosurePolicy:
        """What it is told of attempts, where an accept takes this LLR, in nats."""
        return DisclosurePolicy(self.disclosure, threshold, rankings=Scope.ADMIN in self.scopes)

    def need(self, *scopes: Scope) -> None:
        """Go on with one of these scopes only.

        Raises:
            Forbidden: It has none of them.
        """
        if not self.scopes & set(scopes):
            raise Forbidden

    def need_site(self) -> None:
        """Go on only for an administrator of the default tenant: doors and audit log are of the whole site.

        Raises:
            Forbidden: It is none.
        """
        self.need(Scope.ADMIN)
        if self.tenant != DEFAULT_TENANT:
            raise Forbidden


class Allowance:
    """How many attempts of a caller may still fail that are charged to no profile.

    Args:
        buckets: Where they are counted.
        names: Of the caller: its key and its address.
    """

    def __init__(self, buckets: SharedBuckets, names: Sequence[str]) -> None:
        self._buckets = buckets
        self._names = names
        self._taken: list[str] = []

    async def take(self) -> None:
        """Count one more, before it can fail; of many that begin at once, no more than may fail go on.

        Raises:
            RateLimited: None may.
            StoreError: That cannot be known.
        """
        for name in self._names:
            if not await self._buckets.take(name):
                self.give_back()
                raise RateLimited("Too many identifications named nobody. Wait some minutes, or name few candidates.")
            self._taken.append(name)

    def give_back(self) -> None:
        """It has not failed."""
        for name in self._taken:
            self._buckets.give_back(name)
        self._taken.clear()


class Access:
    """Decides who somebody is.

    Args:
        store: Where keys and tokens are.
        store_pool: Where the store is read.
        settings: All settings.
        local: Whether the server listens on a loopback address.
    """

    def __init__(self, store: Store, store_pool: WorkerPool, settings: Settings, *, local: bool) -> None:
        self._store = store
        self._store_pool = store_pool
        self._settings = access = settings.access
        self._settings_of_attempts = settings.attempts
        self.sign_in_rule = SignInRule(access.sign_in_idle_min * 60, access.sign_in_most_h * 3600)
        self._origins = frozenset(listed(access.origins))
        self._may_be_open = local and access.mode == "auto" and not listed(settings.server.trusted_proxies)
        rates, per_h = store.rates, access.failed_identifications_per_h
        address = Rate("address", access.address_rate_per_min / 60, access.address_burst)
        key = Rate("key", access.key_rate_per_min / 60, access.key_burst)
        identification = Rate("failed identification", per_h / 3600, access.failed_identifications_burst)
        prompt = Rate("prompt", access.prompts_per_min / 60, access.prompt_burst)
        self._addresses = SharedBuckets(address, rates, store_pool)
        self._keys = SharedBuckets(key, rates, store_pool)
        self._identifications = SharedBuckets(identification, rates, store_pool, guards=True)
        self._prompts = SharedBuckets(prompt, rates, store_pool, guards=True)
        self._requests_by_address = Shares(access.requests_per_address)
        self._requests_by_tenant = Shares(access.requests_per_tenant)

    async def knock(self, connection: Connection) -> None:
        """Count a request of an address.

        Raises:
            RateLimited: There were too many.
        """
        if not await self._addresses.take(_address(connection)):
            raise RateLimited

    def request(self, connection: Connection) -> AbstractContextManager[None]:
        """One more request of an address at the same time, for as long as the block runs.

        Raises:
            RateLimited: There are as many as there may be.
        """
        return self._requests_by_address.hold(_address(connection))

    def request_of(self, caller: Caller) -> AbstractContextManager[None]:
        """The same of the caller's tenant."""
        return self._requests_by_tenant.hold(caller.tenant)

    def allowance(self, caller: Caller, purpose: Purpose) -> Allowance | None:
        """What an identification uses up that is charged to no profile; None for all other attempts."""
        few = purpose.among is not None and len(purpose.among) <= self._settings_of_attempts.charged_candidates
        if purpose.mode is not Mode.IDENTIFY or few:
            return None
        names = {"key": caller.key_id, "address": caller.peer}
        return Allowance(self._identifications, [f"{kind} {name}" for kind, name in names.items() if name is not None])

    async def draw_prompt(self, caller: Caller) -> None:
        """Count a random prompt that is drawn for nobody in particular.

        Raises:
            RateLimited: There were too many.
            StoreError: That cannot be known.
        """
        if not await self._prompts.take(f"{caller.key_id} {caller.tenant}"):
            raise RateLimited

    async def caller(self, connection: Connection) -> Caller | None:
        """Who sends a request; None for somebody who may still show a session token.

        Raises:
            Forbidden: A web page of an origin that is not allowed.
            Unauthorized: An API key that is none.
            RateLimited: There were too many requests.
        """
        headers = Headers(scope=connection)
        origin = headers.get("origin")
        if origin is not None and origin not in self._origins and origin != own_origin(connection, headers):
            raise Forbidden("Web pages of this origin may not use the server.")
        kind, _, key = headers.get("authorization", "").partition(" ")
        if kind:
            return await self.by_key(connection, key.strip() if kind.lower() == "bearer" else "")
        if (secret := shown_secret(connection)) is not None:
            with suppress(Unauthorized):  # a cookie of another server of this machine says nothing here
                return await self.by_sign_in(connection, secret)
        if not self._may_be_open or not _is_near(connection, headers):
            return None
        if await self._store_pool.run(self._store.api_keys.exist):
            self._may_be_open = False  # whoever made a key wants others kept out
            return None
        # whoever is at this machine may read the store's files; a page must not tempt to design by numbers
        level = Disclosure.NUMBER if origin is None else Disclosure.BAND
        return Caller(DEFAULT_TENANT, frozenset(Scope), level, peer=_address(connection))

    async def by_key(self, connection: Connection, key: str) -> Caller:
        """Who shows an API key.

        Raises:
            Unauthorized: It is none.
            RateLimited: It was used too often, or too many wrong ones came from there.
        """
        try:
            found = await self._store_pool.run(lambda: self._store.api_keys.find(key))
        except Unauthorized:
            await self._failed(connection)
            raise
        return await self._caller_of(connection, found)

    async def by_sign_in(self, connection: Connection, secret: str) -> Caller:
        """Who has signed in at a page of this server.

        Raises:
            Unauthorized: Nobody, or no longer.
            RateLimited: The API key was used too often.
        """
        found = await self._store_pool.run(lambda: self._store.sign_ins.find(secret, self.sign_in_rule))
        return await self._caller_of(connection, found)

    async def sign_in(self, connection: Connection, key: str) -> tuple[Caller, str]:
        """Sign in by an API key; the caller, and the secret of their cookie.

        Raises:
            Unauthorized, RateLimited: As ``by_key``.
        """
        caller = await self.by_key(connection, key.strip())
        key_id = str(caller.key_id)
        return caller, await self._store_pool.run(lambda: self._store.sign_ins.add(key_id, self.sign_in_rule))

    async def by_token(self, connection: Connection, token: str) -> tuple[Caller, Purpose]:
        """Who shows a session token, and what it is for. The token is used up.

        Raises:
            SessionTokenRefused: It is none.
            RateLimited: Too many wrong ones came from there.
        """
        try:
            grant = await self._store_pool.run(lambda: self._store.session_tokens.take(token))
        except Unauthorized:
            await self._failed(connection)
            raise
        purpose = purpose_of(grant.purpose)
        scope = SCOPES[purpose.mode]
        level = Disclosure(self._settings.disclosure)
        address = _address(connection)
        return Caller(grant.tenant, frozenset({scope}), level, grant.key_id, address, address), purpose

    async def make_token(self, caller: Caller, purpose: Purpose) -> str:
        """A session token.

        Raises:
            Forbidden: Its maker may not do that itself.
            TooManySessions: As many as there may be wait to be used.
        """
        caller.need(SCOPES[purpose.mode])
        if caller.key_id is None:
            raise Forbidden("Session tokens are made with an API key. `streamauth keys create` makes one.")
        key_id, data, access = caller.key_id, purpose_bytes(purpose), self._settings
        return await self._store_pool.run(
            lambda: self._store.session_tokens.add(
                key_id, data, lifetime_s=access.token_lifetime_s, max_open=access.max_open_tokens
            )
        )

    async def _caller_of(self, connection: Connection, key: ApiKey) -> Caller:
        if not await self._keys.take(key.id):
            raise RateLimited
        level = Disclosure(self._settings.disclosure)
        return Caller(key.tenant, key.scopes, level, key.id, peer=_address(connection))

    async def _failed(self, connection: Connection) -> None:
        if not await self._addresses.take(_address(connection), _FAILURE_COST):
            raise RateLimited from None


def purpose_bytes(purpose: Purpose) -> bytes:
    """A purpose to be stored."""
    return json.dumps({"mode": purpose.mode} | purpose.given()).encode("ascii")


def purpose_of(data: bytes) -> Purpose:
    """The purpose that was stored.

    Raises:
        StoreCorrupt: It is none.
    """
    try:
        fields: dict[str, Any] = json.loads(data)
        fields["mode"] = Mode(fields["mode"])
        if "among" in fields:
            fields["among"] = tuple(fields["among"])
        if "prompt" in fields:
            fields["prompt"] = PromptKind(fields["prompt"])
        return Purpose(**fields)
    except (ValueError, KeyError, TypeError):
        raise StoreCorrupt from None


def listed(text: str) -> list[str]:
    """The parts of a setting that holds several, with commas between."""
    return [item.strip() for item in text.split(",") if item.strip()]


def _address(connection: Connection) -> str:
    """Where somebody comes from; of IPv6 the network, as one customer has all of its addresses."""
    host: str = (connection.get("client") or ("?", 0))[0]
    with suppress(ValueError):
        address = ipaddress.ip_address(host.partition("%")[0])
        if address.version == 6 and address.ipv4_mapped is None:
            return str(ipaddress.ip_network((address, 64), strict=False))
    return host


def _is_near(connection: Connection, headers: Headers) -> bool:
    """Whether a request was made on this machine, by a program or by a page that may."""
    if any(name in headers for name in _FORWARDING):
        return False
    if "origin" not in headers and headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        return False  # an image or a link of some page
    client = (connection.get("client") or ("", 0))[0]
    with suppress(ValueError):
        return is_loopback(client) and is_loopback(urlsplit(f"//{headers.get('host', '')}").hostname or "")
    return False
