"""An attempt: a session together with what must be stored because of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Self, TypeVar

from streamauth.core.audio.pcm import AudioFormat, PcmInput
from streamauth.core.events import (
    Decided,
    Event,
    Failed,
    PromptGiven,
    RankingUpdated,
    Reason,
    ScoreUpdated,
    SpeechStarted,
    UtteranceRefused,
    UtteranceTaken,
    Verdict,
    VoiceprintAdapted,
    WordsHeard,
)
from streamauth.core.lockout import AttemptOutcome
from streamauth.core.phrase.prompt import Challenge
from streamauth.core.ports import Embedding
from streamauth.core.replay.trail import Trail
from streamauth.core.sessions.base import Session, SessionState
from streamauth.core.sessions.continuous import ContinuousSession
from streamauth.core.sessions.enrolled import EnrolledUtterance
from streamauth.core.sessions.enrollment import EnrollmentSession
from streamauth.core.sessions.identification import IdentificationSession
from streamauth.core.sessions.spoken_words import HearingSession
from streamauth.core.sessions.verification import VerificationSession
from streamauth.errors import PromptExpired, StreamAuthError, UnexpectedMessage
from streamauth.service.charges import Charge

AnySession = TypeVar("AnySession", bound=Session)
AnyCharged = TypeVar("AnyCharged", bound=VerificationSession | ContinuousSession | IdentificationSession)
Remember = Callable[[Decided | StreamAuthError, Trail], None]
"""Keeps the trail of an attempt; told its decision, or what it ended by without one."""

_FACTORS = frozenset(
    {
        Reason.OTHER_VOICE,
        Reason.OTHER_PHRASE,
        Reason.PHRASE_MISMATCH,
        Reason.PHRASE_INCOMPLETE,
        Reason.PRONUNCIATION_MISMATCH,
        Reason.HEARD_BEFORE,
    }
)
"""Reasons to refuse an utterance that tell somebody who tries how near he came."""


@dataclass(frozen=True)
class Demand:
    """A random prompt that an attempt asks for.

    Attributes:
        challenge: What its session waits for.
        after_phrase: Whether the pass phrase must be said before it.
        in_time: Tells whether it is not too old yet, by the clock.
        use: Uses it up, once; called at the first speech.
    """

    challenge: Challenge
    after_phrase: bool
    in_time: Callable[[], bool]
    use: Callable[[], None] = lambda: None

    def given(self) -> PromptGiven:
        """What the speaker must be told."""
        return PromptGiven(0, self.challenge.prompt.text, self.after_phrase, self.challenge.lifetime_s)


class Attempt(Generic[AnySession]):
    """A session together with what must be stored because of it. Use as a context manager, or call ``close``.

    Attributes:
        session: The session.
        prompt: What the speaker must be told before the audio, None without a prompt.
        prompt_kind: Of what kind it is.
    """

    def __init__(self, session: AnySession, demand: Demand | None = None) -> None:
        self.session = session
        self.prompt = None if demand is None else demand.given()
        self.prompt_kind = None if demand is None else demand.challenge.prompt.kind
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

    def check(self) -> None:
        """Go on only where all that the attempt relies on is still there; from any thread.

        Raises:
            StreamAuthError: The profile was deleted, reset or enrolled anew, or the API key was revoked.
        """

    def close(self) -> None:
        """Give back what the attempt holds. Idempotent."""
        self.session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
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


class ChargedAttempt(Attempt[AnyCharged], Generic[AnyCharged]):
    """An attempt that costs whom it is tried on, from its first speech on.

    The charge is given back where the attempt ended before anything was compared or heard; once it was, whoever is
    undecided, fails or vanishes stays charged, as a reject does.
    """

    def __init__(
        self,
        session: AnyCharged,
        charge: Charge,
        demand: Demand | None = None,
        remember: Remember = lambda outcome, trail: None,
    ) -> None:
        super().__init__(session, demand)
        self._charge = charge
        self._remember: Remember | None = remember
        self._evidence = False

    def check(self) -> None:
        """See Attempt."""
        self._charge.check()

    def close(self) -> None:
        """Give back what the attempt holds and settle its charge. Idempotent."""
        super().close()
        remember, self._remember = self._remember, None
        try:
            if remember is not None and self._evidence and self.session.error is not None:
                remember(self.session.error, self.session.trail)
        finally:
            self._charge.settle(AttemptOutcome.REJECTED if self._evidence else AttemptOutcome.NO_EVIDENCE)

    def _settle(self, event: Event) -> None:
        compared = isinstance(event, ScoreUpdated | RankingUpdated)
        if compared or isinstance(event, SpeechStarted | WordsHeard):
            if self._demand is not None:
                self._demand.use()  # a prompt is used up by the first speech, and may be drawn again until then
            self._charge.begin()
        self._evidence |= compared or (isinstance(event, WordsHeard) and bool(event.text))
        if isinstance(event, Decided):
            if self._remember is not None:
                # before the decision is told, and once: a session that goes on has one trail
                remember, self._remember = self._remember, None
                remember(event, self.session.trail)
            self._charge.settle(self._outcome_of(event), event.name)

    def _outcome_of(self, decided: Decided) -> AttemptOutcome:
        if decided.verdict is Verdict.ACCEPT:
            return AttemptOutcome.ACCEPTED
        tried = decided.verdict is Verdict.REJECT or self._evidence
        return AttemptOutcome.REJECTED if tried else AttemptOutcome.NO_EVIDENCE


class VerificationAttempt(ChargedAttempt[VerificationSession | ContinuousSession]):
    """A charged attempt on one profile. An accept clears the profile's count.

    Args:
        session: The session.
        charge: What it costs.
        demand: The random prompt that it waits for.
        follow: Moves the voiceprint after a sure accept.
        remember: Keeps the trail of the attempt.
    """

    def __init__(
        self,
        session: VerificationSession | ContinuousSession,
        charge: Charge,
        demand: Demand | None = None,
        follow: Callable[[Embedding], int | None] | None = None,
        remember: Remember = lambda outcome, trail: None,
    ) -> None:
        super().__init__(session, charge, demand, remember)
        self._follow = follow

    def _brought_about(self, event: Event) -> Sequence[Event]:
        if not isinstance(event, Decided) or not isinstance(self.session, VerificationSession) or self._follow is None:
            return ()
        voice = self.session.sure_voice
        if voice is None:
            return ()
        updates = self._follow(voice)
        return () if updates is None else (VoiceprintAdapted(event.at_sample, updates),)


class IdentificationAttempt(ChargedAttempt[IdentificationSession]):
    """An identification; each candidate is charged where few are named."""


class HearingAttempt(Attempt[HearingSession]):
    """A look at a prompt, whoever says it; not charged, as no voice is compared."""


class EnrollmentAttempt(Attempt[EnrollmentSession]):
    """An enrollment whose utterances are stored one by one.

    Args:
        session: The session.
        keep: Stores the utterances taken so far; told whether the enrollment is complete, and the phrase.
        proposed_sounds: See below.
        make_charge: Makes the charge of one utterance, where an enrollment is added to: it compares a voice with the
            enrolled one, so another voice or phrase counts as a failed attempt.
        check: Goes on only where the profile is still as this enrollment knows it.
        correct: Stores another pass phrase than the one that was heard; gives its words, and the pronunciations
            proposed for some of them.

    Attributes:
        proposed_sounds: The words of the phrase that the dictionary does not have, with the pronunciations that the
            utterances have to confirm; for nobody but the person who enrolls.
    """

    def __init__(
        self,
        session: EnrollmentSession,
        keep: Callable[[Sequence[EnrolledUtterance], bool, str | None], None],
        proposed_sounds: Mapping[str, Sequence[str]] | None = None,
        make_charge: Callable[[], Charge] | None = None,
        check: Callable[[], None] = lambda: None,
        correct: Callable[[str], tuple[tuple[str, ...], Mapping[str, Sequence[str]]]] | None = None,
    ) -> None:
        super().__init__(session)
        self._check = check
        self._correct = correct
        self.proposed_sounds = proposed_sounds or {}
        self._keep = keep
        self._kept = 0
        self._make_charge = make_charge
        self._charge: Charge | None = None

    def check(self) -> None:
        """See Attempt."""
        self._check()

    def end_utterance(self, next_format: AudioFormat | None = None) -> list[Event]:
        """The speaker is done with this utterance; give what happened."""
        self.session.end_utterance(next_format)
        return self._settled()

    def correct_phrase(self, phrase: str) -> list[Event]:
        """Take these words for the pass phrase that the first utterance has set; give that utterance once more.

        Raises:
            UnexpectedMessage: The phrase was given, or another utterance was taken since.
            BadPhrase: It cannot be a pass phrase.
        """
        if self._correct is None or not self.session.proposes:
            raise UnexpectedMessage("A pass phrase can be corrected right after the first utterance has set it.")
        words, self.proposed_sounds = self._correct(phrase)
        return [self.session.correct(words)]

    def close(self) -> None:
        """Give back what the attempt holds and settle its charge. Idempotent."""
        super().close()
        self._settle_charge(AttemptOutcome.NO_EVIDENCE)  # nothing is told of an utterance before it is judged

    def _settle(self, event: Event) -> None:
        if self._make_charge is not None and isinstance(event, SpeechStarted | UtteranceTaken | UtteranceRefused):
            self._charge = self._charge or self._make_charge()
            self._charge.begin()
        if isinstance(event, UtteranceTaken):
            self._settle_charge(AttemptOutcome.ACCEPTED)  # checks the enrollment that the next line changes
            self._kept += 1
            complete = not event.needed and not event.needed_speech_s
            self._keep(self.session.utterances[: self._kept], complete, event.phrase)
        elif isinstance(event, UtteranceRefused):
            tried = bool(_FACTORS & set(event.reasons))
            self._settle_charge(AttemptOutcome.REJECTED if tried else AttemptOutcome.NO_EVIDENCE)

    def _settle_charge(self, outcome: AttemptOutcome) -> None:
        charge, self._charge = self._charge, None
        if charge is not None:
            charge.settle(outcome)
