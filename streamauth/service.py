"""The one application object behind every entrance: command line, microphone, server, evaluation.

It joins the store, the engines and the pure sessions, and sees to it that

- an attempt is charged to the profile before its audio is judged, and settled before its decision is told;
- a random prompt is used up before audio is judged by it;
- an enrollment utterance is in the store before it is confirmed.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from streamauth.attempt import (
    Attempt,
    Demand,
    EnrollmentAttempt,
    HearingAttempt,
    IdentificationAttempt,
    VerificationAttempt,
)
from streamauth.core.decision import PhraseRule
from streamauth.core.enrollment import (
    EnrolledUtterance,
    EnrollmentPlan,
    EnrollmentSession,
    habits_of,
    voiceprint_of,
)
from streamauth.core.hearing import HearingSession
from streamauth.core.identification import IdentificationSession
from streamauth.core.pcm import AudioFormat
from streamauth.core.phrase import normalize
from streamauth.core.prompt import Challenge, PromptPlan
from streamauth.core.strength import Strength, strength
from streamauth.core.verification import Claim, VerificationSession
from streamauth.engines.loader import Engines
from streamauth.errors import ProfileExists, UnknownProfile, UnknownWord, WeakPhrase
from streamauth.prompting import Prompting
from streamauth.settings import Settings, data_folder, load_settings
from streamauth.store.profiles import (
    DEFAULT_TENANT,
    EnrollmentRecord,
    OpenPrompt,
    Profile,
    ProfileKind,
    ProfileStore,
)

__all__ = [
    "Attempt",
    "Authenticator",
    "EnrollmentAttempt",
    "HearingAttempt",
    "IdentificationAttempt",
    "VerificationAttempt",
]


class Authenticator(Prompting):
    """Enrolls, verifies and identifies.

    Args:
        store: Where profiles are.
        engines: The models, loaded at first use.
        settings: All settings.
        clock: Seconds since the epoch, for the attempt rule and the life of prompts.
    """

    def __init__(
        self, store: ProfileStore, engines: Engines, settings: Settings, clock: Callable[[], float] = time.time
    ) -> None:
        super().__init__(store, settings, clock)
        self.engines = engines

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
        words = self.usable_phrase(phrase) if phrase is not None else None
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
            record = EnrollmentRecord(models.encoder.id, newest.embedding, newest.speech_s, newest.audio_s, newest.fits)
            voiceprint = voiceprint_of((*earlier, *taken)) if complete else None
            self.store.add_enrollment(profile.id, record, phrase=heard, voiceprint=voiceprint)

        return EnrollmentAttempt(session, keep)

    def check_prompt(self, taken: OpenPrompt, audio_format: AudioFormat) -> HearingAttempt | VerificationAttempt:
        """Begin to check whether audio holds the words of a prompt, without a pass phrase.

        A prompt of a profile must be said in that voice all along, which is charged as an attempt on it.

        Raises:
            UnknownProfile, ProfileNotEnrolled, EncoderChanged: There is no voice to compare with.
            AttemptDelayed, ProfileLocked: There were too many failures.
            StoreError, EngineError: The store or a model cannot be used.
        """
        models = self.engines.models(with_words=True)
        if taken.profile_id is None:
            rule = PhraseRule((), self.settings.prompt, taken.prompt.words, min_llr=self.settings.phrase.min_llr)
            return HearingAttempt(HearingSession(rule, audio_format, models, self.settings))
        voiceprint = self.store.voiceprint(taken.profile_id, models.encoder.id)
        claim = Claim(voiceprint, None, Challenge(taken.prompt, self.settings.prompt.lifetime_s))
        return self._charged(taken.profile_id, VerificationSession(claim, audio_format, models, self.settings))

    def verify(
        self,
        name: str,
        audio_format: AudioFormat,
        *,
        continuous: bool = False,
        prompt: str | PromptPlan | None = None,
        tenant: str = DEFAULT_TENANT,
    ) -> VerificationAttempt:
        """Begin an attempt to verify a claimed identity; it is charged to the profile at once.

        Args:
            name: Who the speaker claims to be.
            audio_format: Of the audio to come.
            continuous: Go on after an accept.
            prompt: A random prompt to be said after the pass phrase, or alone where there is none: the id of one
                that waits, or what to draw for this attempt; the attempt's ``prompt`` then has its text.
            tenant: Who owns the profile.

        Raises:
            UnknownProfile, ProfileNotEnrolled, EncoderChanged: There is nothing to compare with.
            UnknownPrompt, PromptExpired: The prompt cannot be used.
            AttemptDelayed, ProfileLocked: There were too many failures.
            StoreError, EngineError: The store or a model cannot be used.
        """
        profile = self.store.get(name, tenant=tenant)
        models = self.engines.models(with_words=profile.phrase is not None or prompt is not None)
        voiceprint = self.store.voiceprint(profile.id, models.encoder.id)
        words = tuple(profile.phrase.split()) if profile.phrase is not None else None
        demand = self._demand(prompt, (profile.id, None), tenant, after_phrase=words is not None)
        habits = habits_of(self._taken(profile, models.encoder.id)) if words is not None else ()
        claim = Claim(voiceprint, words, demand.challenge if demand else None, habits)
        session = VerificationSession(claim, audio_format, models, self.settings, continuous=continuous)
        return self._charged(profile.id, session, demand)

    def identify(
        self,
        audio_format: AudioFormat,
        *,
        among: Sequence[str] | None = None,
        prompt: str | PromptPlan | None = None,
        tenant: str = DEFAULT_TENANT,
    ) -> IdentificationAttempt:
        """Begin to identify the speaker among all enrolled profiles of the tenant, or those named.

        Args:
            audio_format: Of the audio to come.
            among: Only these profiles.
            prompt: A random prompt to be said, as for ``verify``; not one of a certain profile.
            tenant: Whose profiles.

        Raises:
            NobodyToIdentify: No enrolled profile to compare with.
            UnknownProfile, ProfileNotEnrolled, EncoderChanged: One that is named cannot be compared with.
            UnknownPrompt, PromptExpired: The prompt cannot be used.
            StoreError, EngineError: The store or a model cannot be used.
        """
        models = self.engines.models(with_words=prompt is not None)
        found = self.store.voiceprints(models.encoder.id, names=among, tenant=tenant)
        group = {profile.name: voiceprint for profile, voiceprint in found}
        demand = self._demand(prompt, (None,), tenant)
        challenge = demand.challenge if demand else None
        session = IdentificationSession(group, audio_format, models, self.settings, challenge=challenge)
        return IdentificationAttempt(session, demand)

    def _charged(
        self, profile_id: str, session: VerificationSession, demand: Demand | None = None
    ) -> VerificationAttempt:
        token = self.store.begin_attempt(profile_id, self._clock(), self.settings.attempts)
        return VerificationAttempt(session, lambda outcome: self.store.finish_attempt(token, outcome), demand)

    def phrase_words(self, phrase: str) -> tuple[tuple[str, ...], Strength | None]:
        """The words of a phrase, and what it is worth as a pass phrase; None where the recognizer cannot tell.

        Raises:
            BadPhrase: It has no words or too many, or one that the recognizer does not know.
            EngineError: The recognizer cannot be used.
        """
        words = normalize(phrase, max_words=self.settings.phrase.max_words)
        recognizer = self.engines.recognizer()
        unknown = recognizer.unknown_words(words)
        if unknown:
            raise UnknownWord(f"The recognizer does not know: {', '.join(unknown)}. Choose other words.")
        return words, strength(words, recognizer.facts)

    def hear(self, words: tuple[str, ...], audio_format: AudioFormat) -> HearingAttempt:
        """Begin to check whether audio holds words, as given by ``phrase_words``, in whatever voice.

        Raises:
            EngineError: A model cannot be used.
        """
        rule = PhraseRule(words, self.settings.phrase, min_llr=self.settings.phrase.min_llr)
        models = self.engines.models(with_words=True)
        return HearingAttempt(HearingSession(rule, audio_format, models, self.settings))

    def usable_phrase(self, phrase: str) -> tuple[str, ...]:
        """The words of a phrase that can be a pass phrase.

        Raises:
            BadPhrase: It cannot.
            EngineError: The recognizer cannot be used.
        """
        words, worth = self.phrase_words(phrase)
        if worth is not None and (weakness := worth.weakness(self.settings.phrase)):
            raise WeakPhrase(weakness)
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
        return self._taken(profile, encoder_id)

    def _taken(self, profile: Profile, encoder_id: str) -> tuple[EnrolledUtterance, ...]:
        return tuple(
            EnrolledUtterance(record.embedding, record.speech_s, record.audio_s, profile.phrase, record.fits)
            for record in self.store.enrollments(profile.id, encoder_id)
        )
