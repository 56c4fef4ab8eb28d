"""The operations on profiles, and the list of phrases."""

from typing import Any
from urllib.parse import quote
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response

from streamauth.azure.common import ApiContext
from streamauth.azure.generations import ACTIVATION_PHRASE, API_VERSION, LIMITS, V1_ITEM, Generation, Use
from streamauth.azure.inputs import query_of, wanted_locale
from streamauth.azure.refusals import Refusal, invalid_argument, reply
from streamauth.azure.routing import Route, profile_id
from streamauth.errors import UnknownProfile
from streamauth.server.access import Caller
from streamauth.store.records import Profile, ProfileSummary

_PAGE, _MOST_IN_PAGE = 100, 500


class ProfileOperations:
    """What is done to profiles without audio."""

    def __init__(self, api: ApiContext) -> None:
        self._api = api

    async def create(self, request: Request, caller: Caller, route: Route) -> Response:
        """Make a profile."""
        generation, use = route.generation, route.use
        locale = self._api.locale(await wanted_locale(request, generation), generation, use)
        consent = self._api.consent(request)
        most = min(self._api.settings.max_profiles, LIMITS[generation, use].profiles)

        def make() -> ProfileSummary:
            if self._api.store.profiles.count(caller.tenant) >= most:
                raise Refusal(403, "Forbidden", f"Maximum allowed number of profiles is {most:,}.")
            made = str(uuid4())
            profile = self._api.store.profiles.create(
                _name(made, use), use.kind, locale=locale, tenant=caller.tenant, profile_id=made, consent=consent
            )
            return self._api.summary(profile)

        summary = await self._api.context.store_pool.run(make)
        if generation is Generation.V1:
            return reply({V1_ITEM[use]: summary.profile.id})
        location = f"{self._api.base(request)}{request.scope['path'].rstrip('/')}/{summary.profile.id}"
        if generation is Generation.V3:
            location += f"?api-version={API_VERSION}"
        return reply(self._api.shape(summary, route), 201, {"Location": quote(location, safe=":/?=&%")})

    async def list(self, request: Request, caller: Caller, route: Route) -> Response:
        """List profiles, in pages but for the first generation."""
        generation, query = route.generation, query_of(request)
        size, after, size_name, after_name = _PAGE, "", "$top", "$continuationToken"
        if generation is Generation.V3:
            size_name, after_name = "maxpagesize", "continuationToken"
        if generation is not Generation.V1:
            for name in ("$filter", "$skip", "$orderBy", "$delta"):
                if name.lower() in query:
                    raise invalid_argument(f"{name} parameter is not supported.")
            size = _page_size(query.get(size_name.lower()), size_name)
            token = query.get(after_name.lower())
            if token is not None and profile_id(token) is None:
                raise invalid_argument(f"Invalid {after_name} parameter value.")
            after = profile_id(token or "") or ""
        tenant, encoder_id = caller.tenant, self._api.encoder_id
        found = await self._api.context.store_pool.run(
            lambda: self._api.store.profiles.summaries(encoder_id=encoder_id, tenant=tenant)
        )
        mine = sorted((s for s in found if _belongs(s.profile, route.use)), key=lambda s: s.profile.id)
        if generation is Generation.V1:
            return reply([self._api.shape(summary, route) for summary in mine])
        rest = [summary for summary in mine if summary.profile.id > after]
        page = rest[:size]
        data: dict[str, Any] = {
            "profiles" if generation is Generation.V2 else "value": [
                self._api.shape(summary, route) for summary in page
            ]
        }
        if len(rest) > size:
            link = f"{self._api.base(request)}{quote(request.scope['path'])}?{size_name}={size}"
            link += f"&{after_name}={page[-1].profile.id}"
            if generation is Generation.V3:
                link += f"&api-version={API_VERSION}"
            data["@nextLink" if generation is Generation.V2 else "nextLink"] = link
        return reply(data)

    async def get(self, request: Request, caller: Caller, route: Route) -> Response:
        """One profile."""
        return reply(self._api.shape(await self._api.found(caller, route), route))

    async def delete(self, request: Request, caller: Caller, route: Route) -> Response:
        """Delete a profile."""
        try:
            summary = await self._api.found(caller, route)
            await self._api.context.store_pool.run(lambda: self._api.store.profiles.delete(summary.profile.id))
        except (UnknownProfile, Refusal):
            if route.generation is not Generation.V2:
                raise
        return Response(status_code=200 if route.generation is Generation.V1 else 204)

    async def reset(self, request: Request, caller: Caller, route: Route) -> Response:
        """Drop the enrollments of a profile."""
        summary = await self._api.found(caller, route)
        async with self._api.turns.take(summary.profile.id, wait=route.generation is Generation.V1):
            await self._api.context.store_pool.run(lambda: self._api.store.profiles.reset(summary.profile.id))
            fresh = await self._api.context.store_pool.run(lambda: self._api.summary(summary.profile))
        if route.generation is not Generation.V3:
            return Response(status_code=200 if route.generation is Generation.V1 else 204)
        address = request.scope["path"].rstrip("/").rpartition(":")[0]
        location = f"{self._api.base(request)}{quote(address)}?api-version={API_VERSION}"
        return reply(self._api.shape(fresh, route), 200, {"Location": location})

    async def list_phrases(self, request: Request, caller: Caller, route: Route) -> Response:
        """The pass phrases of a language."""
        generation, use = route.generation, route.use
        given = query_of(request).get("locale", "") if generation is Generation.V1 else route.item
        locale = self._api.locale(given, generation, use)
        if use is Use.TD:
            name, phrases = "passPhrase", list(self._api.phrases.of(locale))
        else:
            name, phrases = "activationPhrase", [ACTIVATION_PHRASE]
        if generation is Generation.V1:
            return reply([{"phrase": phrase} for phrase in phrases])
        if generation is Generation.V2:
            return reply(phrases)
        return reply({"value": [{name: phrase} for phrase in phrases]})


def _name(made: str, use: Use) -> str:
    """The name of a profile that is made here; both uses without a phrase have profiles of one kind."""
    return f"{made}-verification" if use is Use.TIV else made


def _belongs(profile: Profile, use: Use) -> bool:
    """Whether a profile is listed for a use: those of other ways in are for both that they can serve."""
    other = {Use.TIV: profile.id, Use.TII: f"{profile.id}-verification"}.get(use)
    return profile.kind is use.kind and profile.name != other


def _page_size(given: str | None, name: str) -> int:
    if given is None:
        return _PAGE
    if not (given.isascii() and given.isdecimal() and len(given) < 6 and 1 <= int(given) <= _MOST_IN_PAGE):
        raise invalid_argument(
            f"Invalid {name} parameter value. Value should be positive integer in the range [1, {_MOST_IN_PAGE}]."
        )
    return int(given)
