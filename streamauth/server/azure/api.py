"""The operations of the API."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response

from streamauth.core.events import Verdict
from streamauth.errors import InternalError, StreamAuthError, Unauthorized, UnknownProfile
from streamauth.server.access import Caller
from streamauth.server.azure.generations import (
    ACTIVATION_PHRASE,
    API_VERSION,
    LIMITS,
    LOCALES,
    NOBODY,
    Generation,
    Use,
)
from streamauth.server.azure.inputs import (
    audio_file,
    canonical_locale,
    flag,
    query_of,
    read_body,
    wanted_locale,
)
from streamauth.server.azure.listening import Clip, Listener, Outcome, Turns, session_of
from streamauth.server.azure.operations import Operations
from streamauth.server.azure.phrases import Phrases
from streamauth.server.azure.refusals import (
    Refusal,
    invalid_argument,
    invalid_request,
    no_such_profile,
    no_such_resource,
    not_enrolled,
    refusal_of,
    refusal_reply,
    reply,
    too_noisy,
    too_short,
)
from streamauth.server.azure.routing import Route, generation_of, profile_id, route_of
from streamauth.server.azure.scores import confidence_of, score_of, told
from streamauth.server.azure.shapes import Shaper
from streamauth.server.purpose import Mode
from streamauth.settings import AttemptSettings
from streamauth.store.api_keys import Scope
from streamauth.store.profiles import Profile, ProfileSummary

if TYPE_CHECKING:
    from streamauth.server.app import Application

log = logging.getLogger("streamauth.server")

_KEY = "ocp-apim-subscription-key"
_V1_ITEM = {Use.TD: "verificationProfileId", Use.TII: "identificationProfileId"}
_RANKED = 5
_JUST_UNDER = 0.5 - 2.0**-53
_PAGE, _MOST_IN_PAGE = 100, 500
_SCOPES = {"create": (Scope.ENROLL,), "enroll": (Scope.ENROLL,), "verify": (Scope.VERIFY,), "identify": (Scope.VERIFY,)}
_SCOPES |= dict.fromkeys(("list", "delete", "reset"), (Scope.ADMIN,))

Handler = Callable[[Request, Caller, Route], Awaitable[Response]]


class AzureApi:
    """Answers requests.

    Args:
        application: The server's.

    Raises:
        BadSetting: A phrase of the settings cannot be used.
    """

    def __init__(self, application: "Application") -> None:
        self._application = application
        workplace = application.workplace
        self._workplace = workplace
        self._authenticator = workplace.authenticator
        self._store = workplace.authenticator.store
        self._settings = workplace.settings.azure
        self._listener = Listener(workplace)
        self._operations = Operations(self._settings)
        self._phrases = Phrases(workplace.settings)
        self._turns = Turns()
        self._tasks: set[asyncio.Task[None]] = set()
        self._handlers: dict[str, Handler] = {
            "create": self._create,
            "list": self._list,
            "get": self._get,
            "delete": self._delete,
            "reset": self._reset,
            "enroll": self._enroll,
            "verify": self._verify,
            "identify": self._identify,
            "phrases": self._list_phrases,
            "status": self._status,
        }

    async def answer(self, request: Request) -> Response:
        """The answer to a request on one of the API's paths."""
        path = request.scope["path"]
        generation = generation_of(path) or Generation.V3
        try:
            try:
                caller = await self._caller(request)
                route = route_of(request.method, path)
                if route is None:
                    raise no_such_resource()
                caller.need(*_SCOPES.get(route.operation, tuple(Scope)))
                if generation is Generation.V3 and query_of(request).get("api-version", "").strip() != API_VERSION:
                    raise invalid_argument(
                        f"Invalid api-version parameter value. Supported versions are {API_VERSION}."
                    )
                return await self._handlers[route.operation](request, caller, route)
            except StreamAuthError as error:
                self._workplace.metrics.refusals.labels(error.code).inc()
                raise refusal_of(error, generation) from None
        except Refusal as refusal:
            return refusal_reply(refusal, generation)

    async def _caller(self, request: Request) -> Caller:
        key = request.headers.get(_KEY, "").strip()
        if not key:
            raise Unauthorized
        return await self._application.access.by_key(request.scope, key)

    # profiles

    async def _create(self, request: Request, caller: Caller, route: Route) -> Response:
        generation, use = route.generation, route.use
        locale = self._locale(await wanted_locale(request, generation), generation, use)
        most = min(self._settings.max_profiles, LIMITS[generation, use].profiles)

        def make() -> ProfileSummary:
            if self._store.count_profiles(caller.tenant) >= most:
                raise Refusal(403, "Forbidden", f"Maximum allowed number of profiles is {most:,}.")
            made = str(uuid4())
            profile = self._store.create(
                _name(made, use), use.kind, locale=locale, tenant=caller.tenant, profile_id=made
            )
            return self._summary(profile)

        summary = await self._workplace.desk.run(make)
        if generation is Generation.V1:
            return reply({_V1_ITEM[use]: summary.profile.id})
        location = f"{self._base(request)}{request.scope['path'].rstrip('/')}/{summary.profile.id}"
        if generation is Generation.V3:
            location += f"?api-version={API_VERSION}"
        return reply(self._shape(summary, route), 201, {"Location": quote(location, safe=":/?=&%")})

    async def _list(self, request: Request, caller: Caller, route: Route) -> Response:
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
        found = await self._workplace.desk.run(lambda: self._store.profiles(tenant=caller.tenant))
        mine = sorted((s for s in found if _belongs(s.profile, route.use)), key=lambda s: s.profile.id)
        if generation is Generation.V1:
            return reply([self._shape(summary, route) for summary in mine])
        rest = [summary for summary in mine if summary.profile.id > after]
        page = rest[:size]
        data: dict[str, Any] = {
            "profiles" if generation is Generation.V2 else "value": [self._shape(summary, route) for summary in page]
        }
        if len(rest) > size:
            link = f"{self._base(request)}{quote(request.scope['path'])}?{size_name}={size}"
            link += f"&{after_name}={page[-1].profile.id}"
            if generation is Generation.V3:
                link += f"&api-version={API_VERSION}"
            data["@nextLink" if generation is Generation.V2 else "nextLink"] = link
        return reply(data)

    async def _get(self, request: Request, caller: Caller, route: Route) -> Response:
        return reply(self._shape(await self._found(caller, route), route))

    async def _delete(self, request: Request, caller: Caller, route: Route) -> Response:
        try:
            summary = await self._found(caller, route)
            await self._workplace.desk.run(lambda: self._store.delete(summary.profile.id))
        except (UnknownProfile, Refusal):
            if route.generation is not Generation.V2:
                raise
        return Response(status_code=200 if route.generation is Generation.V1 else 204)

    async def _reset(self, request: Request, caller: Caller, route: Route) -> Response:
        summary = await self._found(caller, route)
        async with self._turns.take(summary.profile.id, wait=route.generation is Generation.V1):
            await self._workplace.desk.run(lambda: self._store.reset(summary.profile.id))
            fresh = await self._workplace.desk.run(lambda: self._summary(summary.profile))
        if route.generation is not Generation.V3:
            return Response(status_code=200 if route.generation is Generation.V1 else 204)
        address = request.scope["path"].rstrip("/").rpartition(":")[0]
        location = f"{self._base(request)}{quote(address)}?api-version={API_VERSION}"
        return reply(self._shape(fresh, route), 200, {"Location": location})

    async def _list_phrases(self, request: Request, caller: Caller, route: Route) -> Response:
        generation, use = route.generation, route.use
        given = query_of(request).get("locale", "") if generation is Generation.V1 else route.item
        locale = self._locale(given, generation, use)
        if use is Use.TD:
            name, phrases = "passPhrase", list(self._phrases.of(locale))
        else:
            name, phrases = "activationPhrase", [ACTIVATION_PHRASE]
        if generation is Generation.V1:
            return reply([{"phrase": phrase} for phrase in phrases])
        if generation is Generation.V2:
            return reply(phrases)
        return reply({"value": [{name: phrase} for phrase in phrases]})

    # audio

    async def _enroll(self, request: Request, caller: Caller, route: Route) -> Response:
        first = route.generation is Generation.V1
        short = self._short(request, route)
        summary = await self._found(caller, route)
        turn = partial(self._turns.take, summary.profile.id, wait=first)
        if first and route.use is Use.TII:

            async def work(clip: Clip) -> dict[str, Any]:
                async with turn():
                    return await self._enrolled(caller, route, summary.profile, clip, short=short)

            return await self._later(request, caller, route, work, least_s=1.0 if short else None)
        async with turn():
            clip = await self._clip(request, route)
            with session_of(partial(self._enter, caller), self._application.sessions.leave):
                data = await self._enrolled(caller, route, summary.profile, clip, short=short)
        return reply(data, 200 if first else 201)

    async def _enrolled(
        self, caller: Caller, route: Route, profile: Profile, clip: Clip, *, short: bool
    ) -> dict[str, Any]:
        generation, use = route.generation, route.use
        limits = LIMITS[generation, use]
        summary = await self._workplace.desk.run(lambda: self._summary(profile))
        profile = summary.profile
        if use is Use.TD and summary.utterances >= limits.enrollments:
            raise Refusal(
                403,
                "InvalidOperation",
                f"Maximum allowed number of enrollments per profile is {limits.enrollments}.",
            )
        if use is not Use.TD and summary.audio_s + clip.duration_s > limits.total_s:
            raise Refusal(
                403,
                "InvalidRequest",
                f"Maximum allowed length across all profile enrollments is {limits.total_s:g} seconds.",
            )
        phrase = profile.phrase
        listed = use is Use.TD and phrase is None and not self._any_phrase(profile.locale)
        survey = await self._listener.survey(clip, locale=profile.locale if listed else None)
        if survey.speech_s and survey.quality.snr_db < limits.enroll_snr_db:
            raise too_noisy()
        if listed and survey.speech_s >= self._workplace.settings.enrollment.min_utterance_speech_s:
            phrase = self._phrases.meant(survey.heard, profile.locale)
            if phrase is None:
                raise self._wrong_words(generation, survey.heard)
        begin = partial(
            self._authenticator.enroll,
            profile.name,
            phrase=phrase if use is Use.TD else None,
            text_independent=use is not Use.TD,
            whole=True,
            least_speech_s=None if use is Use.TD else 0.0 if short else limits.needed_speech_s,
            tenant=caller.tenant,
        )
        try:
            taken = await self._listener.enroll(clip, begin, limits.min_s if use is Use.TD else 1.0)
        except Refusal as refusal:
            raise _first_words(refusal) if generation is Generation.V1 else refusal from None
        fresh = await self._workplace.desk.run(lambda: self._summary(profile))
        return self._shaper.enrollment(
            fresh,
            generation,
            use,
            audio_s=clip.duration_s,
            speech_s=max(0.0, taken.speech_s - summary.speech_s),
            phrase=taken.phrase or "",
        )

    async def _verify(self, request: Request, caller: Caller, route: Route) -> Response:
        generation, use = route.generation, route.use
        if generation is Generation.V1:
            given = query_of(request).get(_V1_ITEM[use].lower(), "")
            if not given:
                raise invalid_request("verificationProfileId parameter is missing.")
            route = Route(generation, route.operation, use, given)
        short = self._short(request, route)
        summary = await self._found(caller, route)
        if not self._shaper.is_enrolled(summary):
            raise not_enrolled()
        clip = await self._clip(request, route)
        with session_of(partial(self._enter, caller), self._application.sessions.leave):
            if generation is not Generation.V1:
                await self._check_probe(clip, route, short=short)
            outcome = await self._decided(
                clip,
                partial(
                    self._authenticator.verify,
                    summary.profile.name,
                    limits=self._attempt_limits(),
                    tenant=caller.tenant,
                ),
                Mode.VERIFY,
                generation,
            )
            score = told(self._score(outcome, use), caller.scores)
            accepted = outcome.decided.verdict is Verdict.ACCEPT
            if generation is Generation.V1:
                phrase = await self._said(clip, summary.profile, outcome)
                result = "Accept" if accepted else "Reject"
                return reply({"result": result, "confidence": confidence_of(score), "phrase": phrase})
        result = "accept" if accepted else "reject"
        return reply({"recognitionResult": result if generation is Generation.V3 else result.title(), "score": score})

    async def _identify(self, request: Request, caller: Caller, route: Route) -> Response:
        short = self._short(request, route)
        group = await self._group(request, caller, route)
        if route.generation is Generation.V1:

            async def work(clip: Clip) -> dict[str, Any]:
                found, score, _ = await self._identified(caller, route, group, clip)
                return {"identifiedProfileId": found, "confidence": confidence_of(score)}

            return await self._later(request, caller, route, work, least_s=1.0)
        clip = await self._clip(request, route)
        with session_of(partial(self._enter, caller), self._application.sessions.leave):
            await self._check_probe(clip, route, short=short)
            found, score, ranking = await self._identified(caller, route, group, clip)
        return reply({"identifiedProfile": {"profileId": found, "score": score}, "profilesRanking": ranking[:_RANKED]})

    async def _group(self, request: Request, caller: Caller, route: Route) -> dict[str, str]:
        """The candidates: ids by name."""
        first = route.generation is Generation.V1
        name = "identificationProfileIds" if first else "profileIds"
        given = query_of(request).get(name.lower(), "")
        wanted = [each.strip() for each in given.split(",") if each.strip()]
        if not wanted:
            raise invalid_request(f"{name} parameter is missing.")
        most = LIMITS[route.generation, route.use].candidates
        if len(wanted) > most:
            raise invalid_argument(f"Maximum number of profiles allowed per request is {most}.")
        ids = [profile_id(each) for each in wanted]
        if None in ids:
            raise invalid_argument(f"Invalid {name} parameter value. It should be a comma separated list of profiles.")

        def look() -> list[ProfileSummary]:
            routes = [Route(route.generation, route.operation, route.use, each) for each in ids if each]
            return [self._look(caller, each) for each in routes]

        found = await self._workplace.desk.run(look)
        if len({summary.profile.locale for summary in found}) > 1 and not first:
            raise invalid_argument("Invalid group of profiles. Profiles must have the same locale.")
        if not all(map(self._shaper.is_enrolled, found)):
            raise not_enrolled()
        return {summary.profile.name: summary.profile.id for summary in found}

    async def _identified(
        self, caller: Caller, route: Route, group: dict[str, str], clip: Clip
    ) -> tuple[str, float, list[dict[str, Any]]]:
        begin = partial(self._authenticator.identify, among=list(group), tenant=caller.tenant)
        outcome = await self._decided(clip, begin, Mode.IDENTIFY, route.generation)
        decided = outcome.decided
        accepted = decided.verdict is Verdict.ACCEPT
        scores = {
            candidate.name: score_of(candidate.llr, outcome.threshold) if accepted
            else min(_JUST_UNDER, score_of(candidate.llr, outcome.threshold))
            for candidate in decided.ranking
        }
        ranking = [{"profileId": group[name], "score": told(score, caller.scores)} for name, score in scores.items()]
        found = group[decided.name] if decided.name is not None else NOBODY
        best = told(max(scores.values(), default=0.0), caller.scores)
        return found, best, ranking

    # what they share

    async def _clip(self, request: Request, route: Route, *, least_s: float | None = None) -> Clip:
        limits = LIMITS[route.generation, route.use]
        most_mb = limits.body_mb
        most = most_mb * 2**20 if most_mb else round(self._workplace.settings.server.max_upload_mb * 1e6)
        body = await read_body(request, most)
        file = audio_file(body, request.headers, route.generation)
        return await self._listener.clip(
            file, route.generation, limits.min_s if least_s is None else least_s, limits.max_s
        )

    async def _check_probe(self, clip: Clip, route: Route, *, short: bool) -> None:
        limits = LIMITS[route.generation, route.use]
        survey = await self._listener.survey(clip, locale=None)
        if survey.speech_s < limits.probe_speech_s and not short:
            raise too_short(limits.probe_speech_s)
        if survey.speech_s and survey.quality.snr_db < limits.probe_snr_db:
            raise too_noisy()

    async def _decided(
        self, clip: Clip, begin: Callable[..., Any], mode: Mode, generation: Generation
    ) -> Outcome:
        try:
            return await self._listener.decide(clip, begin, mode)
        except Refusal as refusal:
            raise _first_words(refusal) if generation is Generation.V1 else refusal from None

    def _score(self, outcome: Outcome, use: Use) -> float:
        decided = outcome.decided
        if decided.llr is None:
            return 0.0
        score = score_of(decided.llr, outcome.threshold)
        # the words count beside the voice where there are some; elsewhere the score alone tells the decision
        free = use is Use.TD or decided.verdict is Verdict.ACCEPT
        return score if free else min(score, _JUST_UNDER)

    async def _said(self, clip: Clip, profile: Profile, outcome: Outcome) -> str:
        """The pass phrase that was said in an attempt.

        Raises:
            Refusal: It is none.
        """
        decided = outcome.decided
        if decided.phrase_matched and decided.phrase_expected is not None:
            return decided.phrase_expected
        survey = await self._listener.survey(clip, locale=profile.locale)
        if self._any_phrase(profile.locale):
            return " ".join(survey.heard)
        phrase = self._phrases.meant(survey.heard, profile.locale)
        if phrase is None and profile.phrase in self._phrases.of(profile.locale):
            raise self._wrong_words(Generation.V1, survey.heard)
        return phrase or " ".join(survey.heard)

    async def _later(
        self,
        request: Request,
        caller: Caller,
        route: Route,
        work: Callable[[Clip], Awaitable[dict[str, Any]]],
        *,
        least_s: float | None,
    ) -> Response:
        """Go on after the answer."""
        clip = await self._clip(request, route, least_s=least_s)
        holder = object()
        self._enter(caller, holder)
        operation_id, operation = self._operations.begin(caller.tenant)

        async def guarded() -> dict[str, Any]:
            try:
                return await work(clip)
            except StreamAuthError as error:
                raise refusal_of(error, route.generation) from None
            except Refusal:
                raise
            except Exception as error:
                # nobody waits for it who could be told otherwise
                log.error("an operation failed: unexpected %s", type(error).__name__)
                raise refusal_of(InternalError(), route.generation) from None

        async def run() -> None:
            try:
                await self._operations.run(operation, guarded)
            finally:
                self._application.sessions.leave(holder)

        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        location = f"{self._base(request)}/spid/v1.0/operations/{operation_id}"
        return Response(status_code=202, headers={"Operation-Location": location})

    async def _status(self, request: Request, caller: Caller, route: Route) -> Response:
        return reply(self._operations.find(caller.tenant, route.item).shown())

    def _enter(self, caller: Caller, holder: object) -> None:
        self._application.sessions.enter(holder, caller)

    def _short(self, request: Request, route: Route) -> bool:
        if route.use is Use.TD:
            return False  # sent by the SDK, of no meaning
        return flag(query_of(request), "shortAudio" if route.generation is Generation.V1 else "ignoreMinLength")

    def _attempt_limits(self) -> AttemptSettings:
        """Those of all entrances, moved up: the callers of this API never had any."""
        limits = self._workplace.settings.attempts
        more = self._settings.free_failures - limits.free_failures
        return replace(limits, free_failures=self._settings.free_failures, lock_after=max(1, limits.lock_after + more))

    def _any_phrase(self, locale: str) -> bool:
        return self._settings.any_phrase or not self._phrases.of(locale)

    def _wrong_words(self, generation: Generation, heard: tuple[str, ...]) -> Refusal:
        if generation is not Generation.V1:
            return invalid_request("Invalid passphrase.")
        return invalid_request("InvalidPhrase" if heard else "SpeechNotRecognized")

    def _locale(self, given: str, generation: Generation, use: Use) -> str:
        own = [locale.strip() for locale in self._settings.locales.split(",") if locale.strip()]
        supported = [*LOCALES[generation, use], *own]
        locale = canonical_locale(given)
        if locale not in supported:
            raise invalid_argument(f"Invalid locale value. Supported locales are {', '.join(supported)}.")
        return locale

    async def _found(self, caller: Caller, route: Route) -> ProfileSummary:
        return await self._workplace.desk.run(lambda: self._look(caller, route))

    def _look(self, caller: Caller, route: Route) -> ProfileSummary:
        wanted = profile_id(route.item)
        if wanted is None:
            raise no_such_profile()
        profile = self._store.get_by_id(wanted, tenant=caller.tenant)
        if profile.kind is not route.use.kind:
            raise no_such_profile()
        return self._summary(profile)

    def _summary(self, profile: Profile) -> ProfileSummary:
        return self._store.profiles(name=profile.name, tenant=profile.tenant)[0]

    @property
    def _shaper(self) -> Shaper:
        encoder_id = self._authenticator.engines.models(with_words=False).encoder.id
        return Shaper(encoder_id, self._workplace.settings.enrollment.utterances)

    def _shape(self, summary: ProfileSummary, route: Route) -> dict[str, Any]:
        return self._shaper.profile(summary, route.generation, route.use)

    def _base(self, request: Request) -> str:
        """The server's address as the client knows it."""
        if self._settings.public_url:
            return self._settings.public_url.rstrip("/")
        host = request.headers.get("host") or request.url.netloc
        return f"{request.url.scheme}://{quote(host, safe=':[].')}"


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


def _first_words(refusal: Refusal) -> Refusal:
    """A refusal in the words of the first generation."""
    if refusal.message == "Invalid passphrase.":
        return invalid_request("InvalidPhrase")
    if refusal.message.startswith(("Invalid audio length. Minimum", "Audio is too noisy")):
        return invalid_request("SpeechNotRecognized")
    return refusal
