"""What all operations of the API share: profiles as the API shows them, addresses, languages and limits."""

from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.requests import Request

from streamauth.azure.attempts import Listener, Turns
from streamauth.azure.generations import LOCALES, Generation, Use
from streamauth.azure.inputs import canonical_locale
from streamauth.azure.operations import Operations
from streamauth.azure.phrases import Phrases
from streamauth.azure.refusals import invalid_argument, no_such_profile
from streamauth.azure.routing import Route, profile_id
from streamauth.azure.shapes import Shaper
from streamauth.server.access import Caller, listed
from streamauth.server.context import Context
from streamauth.settings import AttemptSettings
from streamauth.store.profiles import MAX_CONSENT
from streamauth.store.records import Profile, ProfileSummary

_LOCAL = ("localhost", "127.0.0.1", "::1")

CONSENT_HEADER = "Streamauth-Consent"
"""The version of the text that the person has agreed to; Microsoft's API had no field for it."""


class ApiContext:
    """What all operations of the API share.

    Attributes:
        context: Of the server.
        authenticator: Makes the attempts.
        store: Where profiles are.
        settings: Of this API.
        listener: Brings audio to sessions.
        operations: Those that go on after their request.
        phrases: The pass phrases of each language.
        turns: One enrollment of a profile at a time.
        encoder_id: The encoder that counts.
        shaper: Writes profiles and enrollments as each generation shows them.

    Raises:
        BadSetting: A phrase of the settings cannot be used.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self.authenticator = context.authenticator
        self.store = context.authenticator.store
        self.settings = context.settings.azure
        self.listener = Listener(context)
        self.operations = Operations(self.settings)
        self.phrases = Phrases(context.settings)
        self.turns = Turns()
        self.encoder_id = self.authenticator.engines.models(with_words=False).encoder.id
        self.shaper = Shaper(self.encoder_id, context.settings.enrollment.utterances)

    def any_phrase(self, locale: str) -> bool:
        """Whether the first enrollment may set any pass phrase."""
        return self.settings.any_phrase or not self.phrases.of(locale)

    def attempt_limits(self) -> AttemptSettings:
        """Those of all entrances; moved up where a setting asks for it, as the callers of this API never had any."""
        limits = self.context.settings.attempts
        if not self.settings.free_failures:
            return limits
        more = self.settings.free_failures - limits.free_failures
        return replace(limits, free_failures=self.settings.free_failures, lock_after=max(1, limits.lock_after + more))

    def locale(self, given: str, generation: Generation, use: Use) -> str:
        """A language that a client names, in its one form.

        Raises:
            Refusal: It is not supported.
        """
        supported = [*LOCALES[generation, use], *listed(self.settings.locales)]
        locale = canonical_locale(given)
        if locale not in supported:
            raise invalid_argument(f"Invalid locale value. Supported locales are {', '.join(supported)}.")
        return locale

    def consent(self, request: Request) -> str | None:
        """The version of the text that a person has agreed to: what the request says, else what the setting says.

        Raises:
            Refusal: It is no version.
        """
        given = request.headers.get(CONSENT_HEADER, "").strip() or self.settings.consent
        if len(given) > MAX_CONSENT or not given.isprintable():
            raise invalid_argument(f"Invalid {CONSENT_HEADER} header value. It has 1 to {MAX_CONSENT} characters.")
        return given or None

    async def found(self, caller: Caller, route: Route) -> ProfileSummary:
        """The profile of an address.

        Raises:
            Refusal, UnknownProfile: The tenant has none there.
        """
        return await self.context.store_pool.run(lambda: self.look(caller, route))

    def look(self, caller: Caller, route: Route) -> ProfileSummary:
        """As ``found``, on a thread that may wait."""
        wanted = profile_id(route.item)
        if wanted is None:
            raise no_such_profile()
        profile = self.store.profiles.get_by_id(wanted, tenant=caller.tenant)
        if profile.kind is not route.use.kind:
            raise no_such_profile()
        return self.summary(profile)

    def summary(self, profile: Profile) -> ProfileSummary:
        """A profile with its counts for the encoder that counts."""
        name, tenant = profile.name, profile.tenant
        return self.store.profiles.summaries(name=name, encoder_id=self.encoder_id, tenant=tenant)[0]

    def shape(self, summary: ProfileSummary, route: Route) -> dict[str, Any]:
        """A profile as the route's generation shows it."""
        return self.shaper.profile(summary, route.generation, route.use)

    def base(self, request: Request) -> str:
        """The server's address as the client knows it; empty where nobody but the client says so."""
        if self.settings.public_url:
            return self.settings.public_url.rstrip("/")
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
