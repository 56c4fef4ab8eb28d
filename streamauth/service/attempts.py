"""An attempt: a session together with what must be stored because of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, Self, TypeVar

from streamauth.core.audio.pcm import AudioFormat, PcmInput
from streamauth.core.events import (
    Decided,
    Event,
    Failed,
    PromptGiven,
    ScoreUpdated,
    UtteranceTaken,
    Verdict,
    VoiceprintAdapted,
)
from streamauth.core.lockout import AttemptOutcome
from streamauth.core.phrase.prompt import Challenge
from streamauth.core.ports import Embedding
from streamauth.core.replay.trail import Trail
from streamauth.core.sessions.base import Session, SessionState
from streamauth.core.sessions.continuous import ContinuousSession
from streamauth.core.sessions.enrollment import EnrolledUtterance, EnrollmentSession
from streamauth.core.sessions.identification import IdentificationSession
from streamauth.core.sessions.spoken_words import HearingSession
from streamauth.core.sessions.verification import VerificationSession
from streamauth.errors import PromptExpired, StreamAuthError

AnySession = TypeVar("AnySession", bound=Session)


@dataclass(frozen=True)
class Demand:
    """A random prompt that an attempt asks for.

    Attributes:
        challenge: What its session waits for.
        after_phrase: Whether the pass phrase must be said before it.
        in_time: Tells whether it is not too old yet, by the clock.
    """

    challenge: Challenge
    after_phrase: bool
    in_time: Callable[[], bool]

    def given(self) -> PromptGiven:
        """What the speaker must be told."""
        return PromptGiven(0, self.challenge.prompt.text, self.after_phrase, self.challenge.lifetime_s)


class Attempt(Generic[AnySession]):
    """A session together with what must be stored because of it. Use as a context manager, or call ``close``.

    Args:
        session: The session.
        demand: The random prompt that it waits for.

    Attributes:
        session: The session.
        prompt: What the speaker must be told before the audio, None without a prompt.
    """

    def __init__(self, session: AnySession, demand: Demand | None = None) -> None:
        self.session = session
        self.prompt = None if demand is None else demand.given()
        self._demand = demand

    @property
    def state(self) -> SessionState:
        """Where the session stands."""
        return self.session.state

    @property
    def error(self) -> StreamAuthError | None:
        """Why the session failed, if it did."""
        return self.session.error

    def receive_audio(self, data: PcmInput) -> list[Event]:
        """Take PCM in the attempt's format; give what happened."""
        self.session.receive_audio(data)
        return self._settled()

    def receive_end(self) -> list[Event]:
        """No more audio will come; give what happened."""
        self.session.receive_end()
        return self._settled()

    def fail(self, error: StreamAuthError) -> list[Event]:
        """End the attempt from outside (overload, a vanished peer); it will never accept."""
        self.session.fail(error)
        return self._settled()

    def close(self) -> None:
        """Give back what the attempt holds. Idempotent."""
        self.session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _settled(self) -> list[Event]:
        """The session's new events, after everything that they promise is in the store."""
        events = self.session.events()
        told: list[Event] = []
        for event in events:
            try:
                self._check_time(event)
                self._settle(event)
            except StreamAuthError as error:
                self.session.fail(error)
                return told + [e for e in self.session.events() if isinstance(e, Failed)]
            told.append(event)
            told.extend(self._brought_about(event))
        return told

    def _check_time(self, event: Event) -> None:
        # audio that comes slower than real time must not make a prompt last longer
        if self._demand is not None and isinstance(event, Decided) and event.verdict is Verdict.ACCEPT:
            if not self._demand.in_time():
                raise PromptExpired
            self._demand = None  # a continuous session goes on for longer

    def _settle(self, event: Event) -> None:
        """Store what the event promises."""

    def _brought_about(self, event: Event) -> Sequence[Event]:
        """What follows from an event once it is settled."""
        return ()


class VerificationAttempt(Attempt[VerificationSession | ContinuousSession]):
    """A charged attempt on one profile.

    An accept clears the profile's count. The charge is given back where the attempt ended before anything was
    compared; once it was, whoever is undecided, fails or vanishes stays charged, as a reject does.
    """

    def __init__(
        self,
        session: VerificationSession | ContinuousSession,
        settle: Callable[[AttemptOutcome], None],
        demand: Demand | None = None,
        follow: Callable[[Embedding], int | None] | None = None,
        remember: Callable[[Trail], None] = lambda trail: None,
    ) -> None:
        super().__init__(session, demand)
        self._follow = follow
        self._remember: Callable[[Trail], None] | None = remember
        self._charge: Callable[[AttemptOutcome], None] | None = settle
        self._compared = False

    def close(self) -> None:
        """Give back what the attempt holds and settle its charge. Idempotent."""
        super().close()
        self._discharge(Verdict.UNDECIDED)

    def _settle(self, event: Event) -> None:
        self._compared |= isinstance(event, ScoreUpdated)
        if isinstance(event, Decided):
            if self._remember is not None:
                # before the decision is told, and once: a session that goes on has one trail
                remember, self._remember = self._remember, None
                remember(self.session.trail)
            self._discharge(event.verdict)

    def _brought_about(self, event: Event) -> Sequence[Event]:
        if not isinstance(event, Decided) or not isinstance(self.session, VerificationSession) or self._follow is None:
            return ()
        voice = self.session.sure_voice
        if voice is None:
            return ()
        updates = self._follow(voice)
        return () if updates is None else (VoiceprintAdapted(event.at_sample, updates),)

    def _discharge(self, verdict: Verdict) -> None:
        if self._charge is None:
            return
        charge, self._charge = self._charge, None
        if verdict is Verdict.ACCEPT:
            charge(AttemptOutcome.ACCEPTED)
        elif verdict is Verdict.REJECT or self._compared:
            charge(AttemptOutcome.REJECTED)
        else:
            charge(AttemptOutcome.NO_EVIDENCE)


class IdentificationAttempt(Attempt[IdentificationSession]):
    """An identification; not charged, as it claims no profile.

    Args:
        session: The session.
        demand: The random prompt that it waits for.
        remember: Keeps the trail of who was named.
    """

    def __init__(
        self,
        session: IdentificationSession,
        demand: Demand | None = None,
        remember: Callable[[str, Trail], None] = lambda name, trail: None,
    ) -> None:
        super().__init__(session, demand)
        self._remember = remember

    def _settle(self, event: Event) -> None:
        if isinstance(event, Decided) and event.name is not None:
            self._remember(event.name, self.session.trail)


class HearingAttempt(Attempt[HearingSession]):
    """A look at a prompt, whoever says it; not charged, as no voice is compared."""


class EnrollmentAttempt(Attempt[EnrollmentSession]):
    """An enrollment whose utterances are stored one by one.

    Attributes:
        proposed_sounds: The words of the phrase that the dictionary does not have, with the pronunciations that the
            utterances have to confirm; for nobody but the person who enrolls.
    """

    def __init__(
        self,
        session: EnrollmentSession,
        keep: Callable[[Sequence[EnrolledUtterance], bool, str | None], None],
        proposed_sounds: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        super().__init__(session)
        self.proposed_sounds = proposed_sounds or {}
        self._keep = keep
        self._kept = 0

    def end_utterance(self, next_format: AudioFormat | None = None) -> list[Event]:
        """The speaker is done with this utterance; give what happened."""
        self.session.end_utterance(next_format)
        return self._settled()

    def _settle(self, event: Event) -> None:
        if isinstance(event, UtteranceTaken):
            self._kept += 1
            complete = not event.needed and not event.needed_speech_s
            self._keep(self.session.utterances[: self._kept], complete, event.phrase)
