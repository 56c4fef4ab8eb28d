"""The one application object behind every entrance: command line, microphone, server, evaluation.

It joins the store, the engines and the pure sessions, and sees to it that

- an attempt is charged to the profile before its audio is judged, and settled before its decision is told;
- an enrollment utterance is in the store before it is confirmed.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Generic, Self, TypeVar

from streamauth.core.enrollment import EnrolledUtterance, EnrollmentPlan, EnrollmentSession, voiceprint_of
from streamauth.core.events import Decided, Event, Failed, ScoreUpdated, UtteranceTaken, Verdict
from streamauth.core.identification import IdentificationSession
from streamauth.core.listening import Session, SessionState
from streamauth.core.pcm import AudioFormat, PcmInput
from streamauth.core.phrase import normalize
from streamauth.core.verification import Claim, VerificationSession
from streamauth.engines.loader import Engines
from streamauth.errors import ProfileExists, StreamAuthError, UnknownProfile, UnknownWord
from streamauth.settings import Settings, data_folder, load_settings
from streamauth.store.profiles import (
    DEFAULT_TENANT,
    AttemptOutcome,
    EnrollmentRecord,
    Profile,
    ProfileKind,
    ProfileStore,
)

AnySession = TypeVar("AnySession", bound=Session)


class Attempt(Generic[AnySession]):
    """A session together with what must be stored because of it. Use as a context manager, or call ``close``."""

    def __init__(self, session: AnySession) -> None:
        self.session = session

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
                self._settle(event)
            except StreamAuthError as error:
                self.session.fail(error)
                return told + [e for e in self.session.events() if isinstance(e, Failed)]
            told.append(event)
        return told

    def _settle(self, event: Event) -> None:
        """Store what the event promises."""


class VerificationAttempt(Attempt[VerificationSession]):
    """A charged attempt on one profile.

    An accept clears the profile's count. The charge is given back where the attempt ended before anything was
    compared; once it was, whoever is undecided, fails or vanishes stays charged, as a reject does.
    """

    def __init__(self, session: VerificationSession, settle: Callable[[AttemptOutcome], None]) -> None:
        super().__init__(session)
        self._charge: Callable[[AttemptOutcome], None] | None = settle
        self._compared = False

    def close(self) -> None:
        """Give back what the attempt holds and settle its charge. Idempotent."""
        super().close()
        self._discharge(Verdict.UNDECIDED)

    def _settle(self, event: Event) -> None:
        self._compared |= isinstance(event, ScoreUpdated)
        if isinstance(event, Decided):
            self._discharge(event.verdict)

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
    """An identification; not charged, as it claims no profile."""


class EnrollmentAttempt(Attempt[EnrollmentSession]):
    """An enrollment whose utterances are stored one by one."""

    def __init__(
        self, session: EnrollmentSession, keep: Callable[[Sequence[EnrolledUtterance], bool, str | None], None]
    ) -> None:
        super().__init__(session)
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


class Authenticator:
    """Enrolls, verifies and identifies.

    Args:
        store: Where profiles are.
        engines: The models, loaded at first use.
        settings: All settings.
        clock: Seconds since the epoch, for the attempt rule only.
    """

    def __init__(
        self, store: ProfileStore, engines: Engines, settings: Settings, clock: Callable[[], float] = time.time
    ) -> None:
        self.store = store
        self.engines = engines
        self.settings = settings
        self._clock = clock

    @classmethod
    def open(cls, home: Path | None = None, settings: Settings | None = None) -> "Authenticator":
        """Open the store of a data folder with its settings; loads no model."""
        home = home or data_folder()
        settings = settings or load_settings(home)
        return cls(ProfileStore.open(home, settings.store), Engines(settings), settings)

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    def enroll(
        self,
        name: str,
        audio_format: AudioFormat,
        *,
        phrase: str | None = None,
        text_independent: bool = False,
        tenant: str = DEFAULT_TENANT,
    ) -> EnrollmentAttempt:
        """Begin or go on with an enrollment.

        Args:
            name: The profile; made where it does not exist.
            audio_format: Of the audio to come.
            phrase: The pass phrase; without it the first utterance sets it.
            text_independent: No pass phrase at all.
            tenant: Who owns the profile.

        Raises:
            ProfileExists: It is enrolled already, or was begun in the other way or with another phrase.
            BadPhrase: The phrase cannot be used, or has a word that the recognizer does not know.
            StoreError, EngineError: The store or a model cannot be used.
        """
        models = self.engines.models(with_words=not text_independent)
        words = self._usable(phrase) if phrase is not None else None
        kind = ProfileKind.TEXT_INDEPENDENT if text_independent else ProfileKind.TEXT_DEPENDENT
        try:
            profile: Profile | None = self.store.get(name, tenant=tenant)
        except UnknownProfile:
            profile = None
        earlier: tuple[EnrolledUtterance, ...] = ()
        if profile is not None:
            earlier = self._earlier(profile, kind, words, models.encoder.id)
            if profile.phrase is not None:
                words = tuple(profile.phrase.split())
        plan = EnrollmentPlan(not text_independent, words, earlier)
        session = EnrollmentSession(plan, audio_format, models, self.settings)

        def keep(taken: Sequence[EnrolledUtterance], complete: bool, heard: str | None) -> None:
            nonlocal profile
            if profile is None:
                # made with its first confirmed utterance, so that a refused one leaves no empty profile behind
                profile = self.store.create(name, kind, phrase=heard, tenant=tenant)
            newest = taken[-1]
            record = EnrollmentRecord(models.encoder.id, newest.embedding, newest.speech_s, newest.audio_s)
            voiceprint = voiceprint_of((*earlier, *taken)) if complete else None
            self.store.add_enrollment(profile.id, record, phrase=heard, voiceprint=voiceprint)

        return EnrollmentAttempt(session, keep)

    def verify(
        self, name: str, audio_format: AudioFormat, *, continuous: bool = False, tenant: str = DEFAULT_TENANT
    ) -> VerificationAttempt:
        """Begin an attempt to verify a claimed identity; it is charged to the profile at once.

        Raises:
            UnknownProfile, ProfileNotEnrolled, EncoderChanged: There is nothing to compare with.
            AttemptDelayed, ProfileLocked: There were too many failures.
            StoreError, EngineError: The store or a model cannot be used.
        """
        profile = self.store.get(name, tenant=tenant)
        models = self.engines.models(with_words=profile.phrase is not None)
        voiceprint = self.store.voiceprint(profile.id, models.encoder.id)
        words = tuple(profile.phrase.split()) if profile.phrase is not None else None
        session = VerificationSession(
            Claim(voiceprint, words), audio_format, models, self.settings, continuous=continuous
        )
        token = self.store.begin_attempt(profile.id, self._clock(), self.settings.attempts)
        return VerificationAttempt(session, lambda outcome: self.store.finish_attempt(token, outcome))

    def identify(
        self, audio_format: AudioFormat, *, among: Sequence[str] | None = None, tenant: str = DEFAULT_TENANT
    ) -> IdentificationAttempt:
        """Begin to identify the speaker among all enrolled profiles of the tenant, or those named.

        Raises:
            NobodyToIdentify: No enrolled profile to compare with.
            UnknownProfile, ProfileNotEnrolled, EncoderChanged: One that is named cannot be compared with.
            StoreError, EngineError: The store or a model cannot be used.
        """
        models = self.engines.models(with_words=False)
        found = self.store.voiceprints(models.encoder.id, names=among, tenant=tenant)
        group = {profile.name: voiceprint for profile, voiceprint in found}
        return IdentificationAttempt(IdentificationSession(group, audio_format, models, self.settings))

    def _usable(self, phrase: str) -> tuple[str, ...]:
        words = normalize(phrase, max_words=self.settings.phrase.max_words)
        unknown = self.engines.recognizer().unknown_words(words)
        if unknown:
            raise UnknownWord(f"The recognizer does not know: {', '.join(unknown)}. Choose other words.")
        return words

    def _earlier(
        self, profile: Profile, kind: ProfileKind, words: tuple[str, ...] | None, encoder_id: str
    ) -> tuple[EnrolledUtterance, ...]:
        if profile.kind is not kind:
            raise ProfileExists("This profile was begun in the other way, with or without a phrase. Delete it first.")
        if encoder_id in self.store.enrolled_encoders(profile.id):
            raise ProfileExists()
        if words is not None and profile.phrase is not None and words != tuple(profile.phrase.split()):
            raise ProfileExists("This profile was begun with another pass phrase. Reset it to change the phrase.")
        return tuple(
            EnrolledUtterance(record.embedding, record.speech_s, record.audio_s, profile.phrase)
            for record in self.store.enrollments(profile.id, encoder_id)
        )
