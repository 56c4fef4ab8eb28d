"""REST: enrollment, verification and identification by audio file."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request

from streamauth.core.audio.pcm import MAX_CHANNELS, AudioFormat
from streamauth.core.events import Decided, Event, UtteranceRefused, UtteranceTaken
from streamauth.errors import AudioError, EngineError
from streamauth.protocol.disclosure import decision_object
from streamauth.protocol.purpose import ATTEMPT_ID, MAX_AMONG, MAX_LABEL, Mode, Purpose
from streamauth.server.access import Caller
from streamauth.server.attempts import sign
from streamauth.server.audio_files import run_file
from streamauth.server.context import Context
from streamauth.server.rest.models import DecisionBody, EnrollmentBody, UtteranceBody
from streamauth.server.rest.part import Known, part_of_rest
from streamauth.server.rest.profiles import ProfileId, one
from streamauth.server.uploads import audio_of, hint
from streamauth.service.authenticator import Attempt
from streamauth.store.api_keys import Scope
from streamauth.store.records import Profile, ProfileKind

AUDIO = {
    "requestBody": {
        "required": True,
        "description": "A WAV, AIFF, FLAC, Ogg or MP3 file, 8 to 192 kHz; with the extra `media` WebM, M4A and others.",
        "content": {
            "application/octet-stream": {"schema": {"type": "string", "format": "binary", "minLength": 1}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "string", "format": "binary", "minLength": 1}},
                    "required": ["file"],
                }
            },
        },
    }
}
PromptId = Annotated[str | None, Query(max_length=64, description="Id of a prompt that must be said; used up by it.")]
Among = Annotated[
    list[str] | None,
    Query(min_length=1, max_length=MAX_AMONG, description="Ids of the profiles to compare with; all if not given."),
]
Audience = Annotated[
    str | None, Query(min_length=1, max_length=MAX_LABEL, description="Asks for a signed verdict for this audience.")
]
Nonce = Annotated[str | None, Query(min_length=1, max_length=MAX_LABEL, description="Repeated in the signed verdict.")]
AttemptId = Annotated[
    str | None,
    Header(
        alias="Streamauth-Attempt",
        pattern=ATTEMPT_ID,
        description="Your id of this attempt, such as a random UUID: where it ends without a decision, the same audio "
        "may be sent once more under it.",
    ),
]
Channel = Annotated[
    int | None,
    Query(ge=1, le=MAX_CHANNELS, description="The only channel to listen to, counted from 1; all are mixed else."),
]


def decision_routes(context: Context) -> APIRouter:
    """The routes, for one server."""
    routes = part_of_rest("decisions")
    authenticator, limits = context.authenticator, context.settings.audio

    async def found(caller: Caller, profile_id: str) -> Profile:
        return await context.store_pool.run(
            lambda: authenticator.store.profiles.get_by_id(profile_id, tenant=caller.tenant)
        )

    async def events(
        caller: Caller,
        request: Request,
        begin: Callable[[AudioFormat], Attempt[Any]],
        max_s: float,
        purpose: Purpose,
        channel: int | None,
    ) -> tuple[Attempt[Any], list[Event]]:
        # read and taken apart before a place is taken, as that can take its time
        body = await request.body()
        file = await context.store_pool.run(lambda: audio_of(body, request.headers))
        allowance = context.access.allowance(caller, purpose)
        async with context.sessions.session(caller):
            try:
                return await run_file(context, purpose.mode, file, begin, max_s, channel=channel, allowance=allowance)
            except AudioError as error:
                raise hint(error, request.headers) from None

    async def decision(
        caller: Caller,
        request: Request,
        begin: Callable[[AudioFormat], Attempt[Any]],
        purpose: Purpose,
        channel: int | None,
    ) -> DecisionBody:
        attempt, told = await events(caller, request, begin, limits.max_attempt_s, purpose, channel)
        decided = next((event for event in told if isinstance(event, Decided)), None)
        if decided is None:
            raise EngineError
        data = decision_object(decided, caller.learns(context.threshold))
        signed = await sign(context, decided, replace(purpose, prompt=attempt.prompt_kind))
        return DecisionBody.model_validate(data | {"signed_verdict": None if signed is None else signed.token})

    @routes.post("/profiles/{profile_id}/enrollments", openapi_extra=AUDIO)
    async def enroll(caller: Known, request: Request, profile_id: ProfileId, channel: Channel = None) -> EnrollmentBody:
        """Enroll by an audio file: one utterance of the pass phrase, or free speech. Scope: enroll."""
        caller.need(Scope.ENROLL)
        profile = await found(caller, profile_id)
        begin = partial(
            authenticator.enroll,
            profile.name,
            text_independent=profile.kind is ProfileKind.TEXT_INDEPENDENT,
            by_owner=Scope.ADMIN not in caller.scopes,
            tenant=caller.tenant,
            key_id=caller.key_id,
        )
        purpose = Purpose(Mode.ENROLL, name=profile.name)
        _, told = await events(caller, request, begin, limits.max_enroll_s, purpose, channel)
        proposes = profile.kind is ProfileKind.TEXT_DEPENDENT and profile.phrase is None
        utterances = [
            _utterance(event, proposes=proposes)
            for event in told
            if isinstance(event, UtteranceTaken | UtteranceRefused)
        ]
        body = await context.store_pool.run(lambda: one(authenticator, profile))
        return EnrollmentBody(utterances=utterances, profile=body)

    @routes.post("/profiles/{profile_id}/verifications", openapi_extra=AUDIO)
    async def verify(
        caller: Known,
        request: Request,
        profile_id: ProfileId,
        prompt: PromptId = None,
        audience: Audience = None,
        nonce: Nonce = None,
        channel: Channel = None,
        attempt_id: AttemptId = None,
    ) -> DecisionBody:
        """Verify a claimed identity by an audio file; the attempt is charged to the profile. Scope: verify."""
        caller.need(Scope.VERIFY)
        profile = await found(caller, profile_id)
        purpose = Purpose(Mode.VERIFY, name=profile.name, audience=audience, nonce=nonce).complete()
        whose: dict[str, Any] = {"tenant": caller.tenant, "key_id": caller.key_id}
        begin = partial(authenticator.verify, profile.name, prompt=prompt, attempt_id=attempt_id, **whose)
        return await decision(caller, request, begin, purpose, channel)

    @routes.post("/identifications", openapi_extra=AUDIO)
    async def identify(
        caller: Known,
        request: Request,
        among: Among = None,
        prompt: PromptId = None,
        audience: Audience = None,
        nonce: Nonce = None,
        channel: Channel = None,
    ) -> DecisionBody:
        """Identify the speaker of an audio file among profiles of the key's tenant. Scope: identify."""
        caller.need(Scope.IDENTIFY)
        names = None if among is None else tuple([(await found(caller, each)).name for each in among])
        purpose = Purpose(Mode.IDENTIFY, among=names, audience=audience, nonce=nonce).complete()
        whose: dict[str, Any] = {"tenant": caller.tenant, "key_id": caller.key_id}
        begin = partial(authenticator.identify, among=names, prompt=prompt, **whose)
        return await decision(caller, request, begin, purpose, channel)

    return routes


def _utterance(event: UtteranceTaken | UtteranceRefused, *, proposes: bool) -> UtteranceBody:
    if isinstance(event, UtteranceRefused):
        return UtteranceBody(taken=False, reasons=[reason.value for reason in event.reasons], phrase=None)
    return UtteranceBody(taken=True, reasons=[], phrase=event.phrase if proposes and event.count == 1 else None)
