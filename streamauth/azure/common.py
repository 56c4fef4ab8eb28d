"""What the operations of the API have in common: their profiles, addresses and languages."""

from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.requests import Request

from streamauth.azure.generations import LOCALES, Generation, Use
from streamauth.azure.inputs import canonical_locale
from streamauth.azure.listening import Listener, Turns
from streamauth.azure.operations import Operations
from streamauth.azure.phrases import Phrases
from streamauth.azure.refusals import invalid_argument, no_such_profile
from streamauth.azure.routing import Route, profile_id
from streamauth.azure.shapes import Shaper
from streamauth.server.access import Caller
from streamauth.server.context import Context
from streamauth.settings import AttemptSettings
from streamauth.store.records import Profile, ProfileSummary

_LOCAL = ("localhost", "127.0.0.1", "::1")

V1_ITEM = {Use.TD: "verificationProfileId", Use.TII: "identificationProfileId"}
"""What the first generation calls the id of a profile."""


class Common:
    """Base of the operations.

    Args:
        context: Of the server.

    Raises:
        BadSetting: A phrase of the settings cannot be used.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._authenticator = context.authenticator
        self._store = context.authenticator.store
        self._settings = context.settings.azure
        self._listener = Listener(context)
        self._operations = Operations(self._settings)
        self._phrases = Phrases(context.settings)
        self._turns = Turns()
        self._encoder_id = self._authenticator.engines.models(with_words=False).encoder.id
        self._shaper = Shaper(self._encoder_id, context.settings.enrollment.utterances)

    def _any_phrase(self, locale: str) -> bool:
        return self._settings.any_phrase or not self._phrases.of(locale)

    def _attempt_limits(self) -> AttemptSettings:
        """Those of all entrances; moved up where a setting asks for it, as the callers of this API never had any."""
        limits = self._context.settings.attempts
        if not self._settings.free_failures:
            return limits
        more = self._settings.free_failures - limits.free_failures
        return replace(limits, free_failures=self._settings.free_failures, lock_after=max(1, limits.lock_after + more))

    def _locale(self, given: str, generation: Generation, use: Use) -> str:
        own = [locale.strip() for locale in self._settings.locales.split(",") if locale.strip()]
        supported = [*LOCALES[generation, use], *own]
        locale = canonical_locale(given)
        if locale not in supported:
            raise invalid_argument(f"Invalid locale value. Supported locales are {', '.join(supported)}.")
        return locale

    async def _found(self, caller: Caller, route: Route) -> ProfileSummary:
        return await self._context.store_pool.run(lambda: self._look(caller, route))

    def _look(self, caller: Caller, route: Route) -> ProfileSummary:
        wanted = profile_id(route.item)
        if wanted is None:
            raise no_such_profile()
        profile = self._store.profiles.get_by_id(wanted, tenant=caller.tenant)
        if profile.kind is not route.use.kind:
            raise no_such_profile()
        return self._summary(profile)

    def _summary(self, profile: Profile) -> ProfileSummary:
        name, tenant = profile.name, profile.tenant
        return self._store.profiles.summaries(name=name, encoder_id=self._encoder_id, tenant=tenant)[0]

    def _shape(self, summary: ProfileSummary, route: Route) -> dict[str, Any]:
        return self._shaper.profile(summary, route.generation, route.use)

    def _base(self, request: Request) -> str:
        """The server's address as the client knows it; empty where nobody but the client says so."""
        if self._settings.public_url:
            return self._settings.public_url.rstrip("/")
        host = request.headers.get("host", "")
        if not _is_own(host, request):
            # a foreign name here would send a client, and its key, elsewhere; a path alone leads to where it is now
            return ""
        return f"{request.url.scheme}://{quote(host, safe=':[].')}"


def _is_own(host: str, request: Request) -> bool:
    """Whether a client's word for the server is an address of the server itself."""
    with suppress(ValueError):
        name = urlsplit(f"//{host}").hostname
        return name in _LOCAL or name == (request.scope.get("server") or ("", 0))[0]
    return False
