"""The operations on audio: enrollment, verification, identification."""

from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from streamauth.azure.attempts import Clip
from streamauth.azure.audio_requests import JUST_UNDER, Hearing, first_words
from streamauth.azure.common import ApiContext
from streamauth.azure.generations import LIMITS, NOBODY, V1_ITEM, Generation, Use
from streamauth.azure.inputs import query_of
from streamauth.azure.phrases import LEAST_LLR
from streamauth.azure.refusals import Refusal, invalid_argument, invalid_request, not_enrolled, reply, too_noisy
from streamauth.azure.routing import Route, profile_id
from streamauth.azure.scores import confidence_of, score_of, told
from streamauth.core.events import Verdict
from streamauth.protocol.disclosure import Disclosure
from streamauth.protocol.purpose import Mode, Purpose
from streamauth.server.access import Caller, listed
from streamauth.store.api_keys import Scope
from streamauth.store.records import Profile, ProfileSummary

_RANKED = 5


class VoiceOperations:
    """What is done with audio."""

    def __init__(self, api: ApiContext, hearing: Hearing) -> None:
        self._api = api
        self._hearing = hearing

    async def enroll(self, request: Request, caller: Caller, route: Route) -> Response:
        """Enroll by a recording."""
        first = route.generation is Generation.V1
        short, consent = self._hearing.short(request, route), self._api.consent(request)
        summary = await self._api.found(caller, route)
        turn = partial(self._api.turns.take, summary.profile.id, wait=first)
        if first and route.use is Use.TII:

            async def work(clip: Clip) -> dict[str, Any]:
                async with turn():
                    return await self._enrolled(caller, route, summary.profile, clip, short=short, consent=consent)

            return await self._hearing.later(request, caller, route, work, least_s=1.0 if short else None)
        async with turn():
            clip = await self._hearing.clip(request, route)
            async with self._api.context.sessions.session(caller):
                data = await self._enrolled(caller, route, summary.profile, clip, short=short, consent=consent)
        return reply(data, 200 if first else 201)

    async def _enrolled(
        self, caller: Caller, route: Route, profile: Profile, clip: Clip, *, short: bool, consent: str | None
    ) -> dict[str, Any]:
        generation, use = route.generation, route.use
        limits = LIMITS[generation, use]
        summary = await self._api.context.store_pool.run(lambda: self._api.summary(profile))
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
        phrase, clear = profile.phrase, False
        phrases = () if self._api.any_phrase(profile.locale) else self._api.phrases.of(profile.locale)
        listed = use is Use.TD and bool(phrases) and (phrase is None or phrase in phrases)
        locale = profile.locale if listed else None
        survey = await self._api.listener.survey(clip, locale=locale, phrases=phrases)
        if survey.speech_s and survey.quality.snr_db < limits.enroll_snr_db:
            raise too_noisy()
        if listed and survey.speech_s >= self._api.context.settings.enrollment.min_utterance_speech_s:
            meant = self._api.phrases.clearly_meant(survey.likelihoods, profile.locale)
            clear = meant is not None and phrase in (None, meant)
            phrase = phrase or meant or self._api.phrases.meant(survey.heard, profile.locale)
            if phrase is None:
                raise self._hearing.wrong_words(generation, survey.heard)
        begin = partial(
            self._api.authenticator.enroll,
            profile.name,
            phrase=phrase if use is Use.TD else None,
            text_independent=use is not Use.TD,
            whole=True,
            least_phrase_llr=LEAST_LLR if clear else None,
            least_speech_s=None if use is Use.TD else 0.0 if short else limits.needed_speech_s,
            by_owner=Scope.ADMIN not in caller.scopes,
            consent=consent,
            tenant=caller.tenant,
            key_id=caller.key_id,
        )
        try:
            taken = await self._api.listener.enroll(clip, begin, limits.min_s if use is Use.TD else 1.0)
        except Refusal as refusal:
            raise first_words(refusal) if generation is Generation.V1 else refusal from None
        fresh = await self._api.context.store_pool.run(lambda: self._api.summary(profile))
        return self._api.shaper.enrollment(
            fresh,
            generation,
            use,
            audio_s=clip.duration_s,
            speech_s=max(0.0, taken.speech_s - summary.speech_s),
            phrase=taken.phrase or "",
        )

    async def verify(self, request: Request, caller: Caller, route: Route) -> Response:
        """Verify a claimed profile by a recording."""
        generation, use = route.generation, route.use
        if generation is Generation.V1:
            given = query_of(request).get(V1_ITEM[use].lower(), "")
            if not given:
                raise invalid_request("verificationProfileId parameter is missing.")
            route = Route(generation, route.operation, use, given)
        short = self._hearing.short(request, route)
        summary = await self._api.found(caller, route)
        if not self._api.shaper.is_enrolled(summary):
            raise not_enrolled()
        clip = await self._hearing.clip(request, route)
        async with self._api.context.sessions.session(caller):
            if generation is not Generation.V1:
                await self._hearing.check_probe(clip, route, short=short)
            outcome = await self._hearing.decided(
                clip,
                partial(
                    self._api.authenticator.verify,
                    summary.profile.name,
                    limits=self._api.attempt_limits(),
                    tenant=caller.tenant,
                    key_id=caller.key_id,
                ),
                Mode.VERIFY,
                generation,
            )
            accepted = outcome.decided.verdict is Verdict.ACCEPT
            least = caller.disclosure is Disclosure.LEAST
            score = self._hearing.score(outcome, use)
            # of a reject by the words the voice may be the right one, which is told to nobody by default
            score = told(score if accepted or not least else min(score, JUST_UNDER), caller.disclosure)
            if generation is Generation.V1:
                phrase = await self._hearing.said(clip, summary.profile, outcome) if accepted or not least else ""
                result = "Accept" if accepted else "Reject"
                return reply({"result": result, "confidence": confidence_of(score), "phrase": phrase})
        result = "accept" if accepted else "reject"
        return reply({"recognitionResult": result if generation is Generation.V3 else result.title(), "score": score})

    async def identify(self, request: Request, caller: Caller, route: Route) -> Response:
        """Identify the speaker of a recording among profiles."""
        short = self._hearing.short(request, route)
        group = await self._group(request, caller, route)
        if route.generation is Generation.V1:

            async def work(clip: Clip) -> dict[str, Any]:
                found, score, _ = await self._identified(caller, route, group, clip)
                return {"identifiedProfileId": found, "confidence": confidence_of(score)}

            return await self._hearing.later(request, caller, route, work, least_s=1.0)
        clip = await self._hearing.clip(request, route)
        async with self._api.context.sessions.session(caller):
            await self._hearing.check_probe(clip, route, short=short)
            found, score, ranking = await self._identified(caller, route, group, clip)
        return reply({"identifiedProfile": {"profileId": found, "score": score}, "profilesRanking": ranking[:_RANKED]})

    async def _group(self, request: Request, caller: Caller, route: Route) -> dict[str, str]:
        """The candidates: ids by name."""
        first = route.generation is Generation.V1
        name = "identificationProfileIds" if first else "profileIds"
        wanted = listed(query_of(request).get(name.lower(), ""))
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
            return [self._api.look(caller, each) for each in routes]

        found = await self._api.context.store_pool.run(look)
        if len({summary.profile.locale for summary in found}) > 1 and not first:
            raise invalid_argument("Invalid group of profiles. Profiles must have the same locale.")
        if not all(map(self._api.shaper.is_enrolled, found)):
            raise not_enrolled()
        return {summary.profile.name: summary.profile.id for summary in found}

    async def _identified(
        self, caller: Caller, route: Route, group: dict[str, str], clip: Clip
    ) -> tuple[str, float, list[dict[str, Any]]]:
        names = tuple(group)
        begin = partial(self._api.authenticator.identify, among=names, tenant=caller.tenant, key_id=caller.key_id)
        allowance = self._api.context.access.allowance(caller, Purpose(Mode.IDENTIFY, among=names))
        outcome = await self._hearing.decided(clip, begin, Mode.IDENTIFY, route.generation, allowance)
        decided = outcome.decided
        accepted = decided.verdict is Verdict.ACCEPT
        scores = {
            candidate.name: score_of(candidate.llr, outcome.threshold)
            if accepted
            else min(JUST_UNDER, score_of(candidate.llr, outcome.threshold))
            for candidate in decided.ranking
        }
        level = caller.disclosure
        ranking = [
            {"profileId": group[name], "score": told(score, level)}
            for name, score in scores.items()
            # by default nobody but who was accepted: even the order would tell who comes near
            if level is not Disclosure.LEAST or name == decided.name
        ]
        found = group[decided.name] if decided.name is not None else NOBODY
        best = told(max(scores.values(), default=0.0), level)
        return found, best, ranking
