"""What the operations on audio share."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from streamauth.azure.attempts import Clip, Outcome
from streamauth.azure.common import ApiContext
from streamauth.azure.generations import LIMITS, Generation, Use
from streamauth.azure.inputs import audio_file, flag, query_of, read_body
from streamauth.azure.refusals import Refusal, invalid_request, refusal_of, reply, too_noisy, too_short
from streamauth.azure.routing import SCOPES, Route
from streamauth.azure.scores import score_of
from streamauth.core.events import Verdict
from streamauth.errors import InternalError, StreamAuthError
from streamauth.protocol.purpose import Mode
from streamauth.server.access import Allowance, Caller
from streamauth.store.records import Profile

log = logging.getLogger("streamauth.server")

JUST_UNDER = 0.5 - 2.0**-53
"""The highest score that is no accept."""


class Hearing:
    """What the operations with audio share, and those that go on after their request."""

    def __init__(self, api: ApiContext) -> None:
        self._api = api
        self._tasks: set[asyncio.Task[None]] = set()

    async def clip(self, request: Request, route: Route, *, least_s: float | None = None) -> Clip:
        """The audio of a request, if it may be used.

        Raises:
            Refusal, AudioError: It may not.
        """
        limits = LIMITS[route.generation, route.use]
        most_mb = limits.body_mb
        most = most_mb * 2**20 if most_mb else round(self._api.context.settings.server.max_upload_mb * 1e6)
        body = await read_body(request, most)
        file = audio_file(body, request.headers, route.generation)
        return await self._api.listener.clip(
            file, route.generation, limits.min_s if least_s is None else least_s, limits.max_s
        )

    async def check_probe(self, clip: Clip, route: Route, *, short: bool) -> None:
        """Refuse an attempt's audio that has too little speech or too much noise.

        Raises:
            Refusal: It has.
        """
        limits = LIMITS[route.generation, route.use]
        survey = await self._api.listener.survey(clip, locale=None)
        if survey.speech_s < limits.probe_speech_s and not short:
            raise too_short(limits.probe_speech_s)
        if survey.speech_s and survey.quality.snr_db < limits.probe_snr_db:
            raise too_noisy()

    async def decided(
        self,
        clip: Clip,
        begin: Callable[..., Any],
        mode: Mode,
        generation: Generation,
        allowance: Allowance | None = None,
    ) -> Outcome:
        """What an attempt decides, and why it cannot in the words of its generation.

        Raises:
            Refusal: There was nothing to decide by.
        """
        try:
            return await self._api.listener.decide(clip, begin, mode, allowance)
        except Refusal as refusal:
            raise first_words(refusal) if generation is Generation.V1 else refusal from None

    def score(self, outcome: Outcome, use: Use) -> float:
        """The score of a verification, in [0, 1]."""
        decided = outcome.decided
        if decided.llr is None:
            return 0.0
        score = score_of(decided.llr, outcome.threshold)
        # the words count beside the voice where there are some; elsewhere the score alone tells the decision
        free = use is Use.TD or decided.verdict is Verdict.ACCEPT
        return score if free else min(score, JUST_UNDER)

    async def said(self, clip: Clip, profile: Profile, outcome: Outcome) -> str:
        """The pass phrase that was said in an attempt.

        Raises:
            Refusal: It is none.
        """
        decided = outcome.decided
        if decided.phrase_matched and decided.phrase_expected is not None:
            return decided.phrase_expected
        survey = await self._api.listener.survey(clip, locale=profile.locale)
        if self._api.any_phrase(profile.locale):
            return " ".join(survey.heard)
        phrase = self._api.phrases.meant(survey.heard, profile.locale)
        if phrase is None and profile.phrase in self._api.phrases.of(profile.locale):
            raise self.wrong_words(Generation.V1, survey.heard)
        return phrase or " ".join(survey.heard)

    async def later(
        self,
        request: Request,
        caller: Caller,
        route: Route,
        work: Callable[[Clip], Awaitable[dict[str, Any]]],
        *,
        least_s: float | None,
    ) -> Response:
        """Go on after the answer, which tells where the outcome will be."""
        clip = await self.clip(request, route, least_s=least_s)
        holder = object()
        await self._api.context.sessions.enter(holder, caller)
        operation_id, operation = self._api.operations.begin(caller.tenant, route.operation)

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
                await self._api.operations.run(operation, guarded)
            finally:
                self._api.context.sessions.leave(holder)

        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        location = f"{self._api.base(request)}/spid/v1.0/operations/{operation_id}"
        return Response(status_code=202, headers={"Operation-Location": location})

    async def status(self, request: Request, caller: Caller, route: Route) -> Response:
        """How an operation stands, for who may do what it does."""
        operation = self._api.operations.find(caller.tenant, route.item)
        caller.need(*SCOPES[operation.verb])
        return reply(operation.shown())

    def short(self, request: Request, route: Route) -> bool:
        """Whether a client allows less speech than usual."""
        if route.use is Use.TD:
            return False  # sent by the SDK, of no meaning
        return flag(query_of(request), "shortAudio" if route.generation is Generation.V1 else "ignoreMinLength")

    def wrong_words(self, generation: Generation, heard: tuple[str, ...]) -> Refusal:
        """400: the words are no pass phrase."""
        if generation is not Generation.V1:
            return invalid_request("Invalid passphrase.")
        return invalid_request("InvalidPhrase" if heard else "SpeechNotRecognized")


def first_words(refusal: Refusal) -> Refusal:
    """A refusal in the words of the first generation."""
    if refusal.message == "Invalid passphrase.":
        return invalid_request("InvalidPhrase")
    if refusal.message.startswith(("Invalid audio length. Minimum", "Audio is too noisy")):
        return invalid_request("SpeechNotRecognized")
    return refusal
