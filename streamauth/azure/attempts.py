"""The audio of a request, through the same sessions as everywhere else."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from streamauth.azure.generations import Generation
from streamauth.azure.refusals import (
    Refusal,
    bad_format,
    conflict,
    invalid_request,
    too_long,
    too_noisy,
    too_short,
)
from streamauth.azure.survey import SurveySession
from streamauth.core.audio.pcm import AudioFormat, Encoding
from streamauth.core.events import Decided, Event, Reason, UtteranceRefused, UtteranceTaken, Verdict
from streamauth.core.reasons import REASON_TEXTS
from streamauth.errors import AudioTooLong, EngineError
from streamauth.protocol.purpose import Mode
from streamauth.server.access import Allowance
from streamauth.server.audio_files import audio_path, run_file
from streamauth.server.context import Context
from streamauth.service.authenticator import Attempt
from streamauth.sources.files import open_audio

AnyAttempt = TypeVar("AnyAttempt", bound=Attempt[Any])

_LONGEST_S = 3600.0
_LENGTH = frozenset({Reason.NO_SPEECH, Reason.TOO_LITTLE_SPEECH, Reason.DIGITAL_SILENCE})
_WORDS = frozenset(
    {
        Reason.PHRASE_MISMATCH,
        Reason.PHRASE_INCOMPLETE,
        Reason.OTHER_PHRASE,
        Reason.PRONUNCIATION_MISMATCH,
        Reason.WEAK_PHRASE,
    }
)
_SAMPLE_RATES_HZ = range(16_000, 48_001)


@dataclass(frozen=True, slots=True)
class Clip:
    """The audio of a request.

    Attributes:
        file: A WAV file.
        duration_s: Its length, in seconds.
    """

    file: bytes = field(repr=False)
    duration_s: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """A decision, and the LLR that it took.

    Attributes:
        decided: The decision.
        threshold: LLR, in nats.
    """

    decided: Decided
    threshold: float


class Listener:
    """Brings audio to sessions."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def clip(self, file: bytes, generation: Generation, least_s: float, most_s: float) -> Clip:
        """The audio in a WAV file, if it may be used.

        Raises:
            Refusal: It is too short or too long, or not 16-bit mono of 16 kHz or more.
            AudioError: The file is damaged.
        """

        def look() -> Clip:
            with audio_path(file) as path, open_audio(path, max_s=_LONGEST_S, decode=self._context.decode) as source:
                layout, duration_s = source.format, source.duration_s or 0.0
            other = layout.channels != 1 or layout.encoding is not Encoding.S16LE
            if other or layout.sample_rate_hz not in _SAMPLE_RATES_HZ:
                raise bad_format(generation)
            if duration_s > most_s:
                raise too_long(most_s)
            if duration_s < least_s:
                raise too_short(least_s)
            return Clip(file, duration_s)

        try:
            return await self._context.store_pool.run(look)
        except AudioTooLong:
            raise too_long(most_s) from None

    async def survey(self, clip: Clip, *, locale: str | None, phrases: Sequence[str] = ()) -> SurveySession:
        """What is in the audio; its words, too, where their language is given, and how likely each phrase is."""
        engines, settings = self._context.authenticator.engines, self._context.settings

        def begin(layout: AudioFormat) -> Attempt[SurveySession]:
            models = engines.models(with_words=locale is not None, locale=locale)
            longest_s, wanted = clip.duration_s + 1, locale is not None
            return Attempt(SurveySession(layout, models, settings, max_s=longest_s, with_words=wanted, phrases=phrases))

        attempt, _ = await self._attempt(clip, begin)
        return attempt.session

    async def enroll(self, clip: Clip, begin: Callable[[AudioFormat], AnyAttempt], least_s: float) -> UtteranceTaken:
        """Enroll by the audio.

        Raises:
            Refusal: It was not taken.
        """
        _, events = await self._attempt(clip, begin, Mode.ENROLL)
        for event in events:
            if isinstance(event, UtteranceTaken):
                return event
        refused = [event for event in events if isinstance(event, UtteranceRefused)]
        raise refused_utterance(refused[0].reasons if refused else (Reason.NO_SPEECH,), least_s)

    async def decide(
        self,
        clip: Clip,
        begin: Callable[[AudioFormat], AnyAttempt],
        mode: Mode,
        allowance: Allowance | None = None,
    ) -> Outcome:
        """Decide by the audio.

        Raises:
            Refusal: There was nothing in it to decide by.
        """
        attempt, events = await self._attempt(clip, begin, mode, allowance)
        decided = next((event for event in events if isinstance(event, Decided)), None)
        if decided is None:
            raise EngineError
        if decided.verdict is Verdict.UNDECIDED and decided.llr is None:
            raise too_short(1)
        return Outcome(decided, attempt.session.threshold)

    async def _attempt(
        self,
        clip: Clip,
        begin: Callable[[AudioFormat], AnyAttempt],
        mode: Mode | None = None,
        allowance: Allowance | None = None,
    ) -> tuple[AnyAttempt, list[Event]]:
        return await run_file(self._context, mode, clip.file, begin, clip.duration_s + 1, allowance=allowance)


def refused_utterance(reasons: tuple[Reason, ...], least_s: float) -> Refusal:
    """Why an utterance was not taken, in the API's words where it has some."""
    found = set(reasons)
    if not found or found & _LENGTH:
        return too_short(least_s)
    if found & _WORDS:
        return invalid_request("Invalid passphrase.")
    if Reason.TOO_NOISY in found:
        return too_noisy()
    return invalid_request(REASON_TEXTS[reasons[0]])


class Turns:
    """One enrollment of a profile at a time."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def take(self, profile_id: str, *, wait: bool) -> AsyncIterator[None]:
        """Take a turn.

        Raises:
            Refusal: It is another one's, and nobody is to wait.
        """
        lock, users = self._locks.get(profile_id, (asyncio.Lock(), 0))
        if users and not wait:
            raise conflict()
        self._locks[profile_id] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            lock, users = self._locks.pop(profile_id)
            if users > 1:
                self._locks[profile_id] = (lock, users - 1)
