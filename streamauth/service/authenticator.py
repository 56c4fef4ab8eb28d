"""The one application object behind every entrance: command line, microphone, server, evaluation.

It joins the store, the engines and the pure sessions, and sees to it that

- an attempt is charged to the profile before its audio is judged, and settled before its decision is told;
- a random prompt is used up before audio is judged by it;
- an enrollment utterance is in the store before it is confirmed.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.decision import PhraseRule
from streamauth.core.lockout import AttemptOutcome
from streamauth.core.phrase.prompt import Challenge, PromptPlan
from streamauth.core.ports import Embedding, Voiceprint
from streamauth.core.sessions.enrollment import expected_scores_of
from streamauth.core.sessions.identification import IdentificationSession
from streamauth.core.sessions.spoken_words import HearingSession
from streamauth.core.sessions.verification import Claim, VerificationSession
from streamauth.core.voice.adaptation import adapted
from streamauth.engines.loader import Engines
from streamauth.service.attempts import (
    Attempt,
    Demand,
    EnrollmentAttempt,
    HearingAttempt,
    IdentificationAttempt,
    VerificationAttempt,
)
from streamauth.service.enrollment import Enrolling
from streamauth.settings import AttemptSettings, Settings, data_folder, load_settings
from streamauth.store.profiles import DEFAULT_TENANT, OpenPrompt, ProfileStore
from streamauth.store.templates import FOLLOWING, Template

__all__ = [
    "Attempt",
    "Authenticator",
    "EnrollmentAttempt",
    "HearingAttempt",
    "IdentificationAttempt",
    "VerificationAttempt",
]


class Authenticator(Enrolling):
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
        super().__init__(store, engines, settings, clock)

    @classmethod
    def open(cls, home: Path | None = None, settings: Settings | None = None) -> "Authenticator":
        """Open the store of a data folder with its settings; loads no model."""
        home = home or data_folder()
        settings = settings or load_settings(home)
        return cls(ProfileStore.open(home, settings.store), Engines(settings), settings)

    def close(self) -> None:
        """Close the store."""
        self.store.close()

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
        voiceprint, further = self._voiceprints(taken.profile_id, models.encoder.id)
        challenge = Challenge(taken.prompt, self.settings.prompt.lifetime_s)
        claim = Claim(voiceprint, None, challenge, further_voiceprints=further)
        with self._charged(taken.profile_id) as begun:
            return begun(VerificationSession(claim, audio_format, models, self.settings), None)

    def verify(
        self,
        name: str,
        audio_format: AudioFormat,
        *,
        continuous: bool = False,
        prompt: str | PromptPlan | None = None,
        limits: AttemptSettings | None = None,
        tenant: str = DEFAULT_TENANT,
    ) -> VerificationAttempt:
        """Begin an attempt to verify a claimed identity; it is charged to the profile at once.

        Args:
            name: Who the speaker claims to be.
            audio_format: Of the audio to come.
            continuous: Go on after an accept.
            prompt: A random prompt to be said after the pass phrase, or alone where there is none: the id of one
                that waits, or what to draw for this attempt; the attempt's ``prompt`` then has its text.
            limits: Of failed attempts, in place of the settings.
            tenant: Who owns the profile.

        Raises:
            UnknownProfile, ProfileNotEnrolled, EncoderChanged: There is nothing to compare with.
            UnknownPrompt, PromptExpired: The prompt cannot be used.
            AttemptDelayed, ProfileLocked: There were too many failures.
            StoreError, EngineError: The store or a model cannot be used.
        """
        profile = self.store.get(name, tenant=tenant)
        with_words = profile.phrase is not None or prompt is not None
        models = self.engines.models(with_words=with_words, locale=profile.locale)
        voiceprint, further = self._voiceprints(profile.id, models.encoder.id)
        words = tuple(profile.phrase.split()) if profile.phrase is not None else None
        expected_scores = expected_scores_of(self._taken(profile, models.encoder.id)) if words is not None else ()
        with self._charged(profile.id, limits) as begun:
            # only now, so that an attempt that is refused leaves the prompt as it is
            demand = self._demand(prompt, (profile.id, None), tenant, after_phrase=words is not None)
            claim = Claim(voiceprint, words, demand.challenge if demand else None, expected_scores, further)
            session = VerificationSession(claim, audio_format, models, self.settings, continuous=continuous)
            return begun(session, demand)

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
        beside = self.store.templates(models.encoder.id, [profile.id for profile, _ in found])
        group, further = {}, {}
        for profile, voiceprint in found:
            group[profile.name], further[profile.name] = self._compared_by(voiceprint, beside[profile.id])
        demand = self._demand(prompt, (None,), tenant)
        challenge = demand.challenge if demand else None
        session = IdentificationSession(
            group, audio_format, models, self.settings, further=further, challenge=challenge
        )
        return IdentificationAttempt(session, demand)

    @contextmanager
    def _charged(
        self, profile_id: str, limits: AttemptSettings | None = None
    ) -> Iterator[Callable[[VerificationSession, Demand | None], VerificationAttempt]]:
        """Charge an attempt; the charge is taken back where the attempt then cannot begin."""
        token = self.store.begin_attempt(profile_id, self._clock(), limits or self.settings.attempts)
        settle = partial(self.store.finish_attempt, token)
        try:
            yield lambda session, demand: VerificationAttempt(
                session, settle, demand, self._follower(profile_id, session.models.encoder.id)
            )
        except BaseException:
            settle(AttemptOutcome.NO_EVIDENCE)
            raise

    def _voiceprints(self, profile_id: str, encoder_id: str) -> tuple[Voiceprint, tuple[Voiceprint, ...]]:
        """What a person is compared by: the voiceprint, as it has followed their voice, and those of other places."""
        beside = self.store.templates(encoder_id, (profile_id,))[profile_id]
        return self._compared_by(self.store.voiceprint(profile_id, encoder_id), beside)

    def _compared_by(
        self, voiceprint: Voiceprint, beside: Sequence[Template]
    ) -> tuple[Voiceprint, tuple[Voiceprint, ...]]:
        further = []
        for template in beside:
            if template.label != FOLLOWING:
                further.append(template.voiceprint)
            elif self.settings.adaptation.enabled:
                voiceprint = template.voiceprint
        return voiceprint, tuple(further)

    def _follower(self, profile_id: str, encoder_id: str) -> Callable[[Embedding], int | None] | None:
        settings = self.settings.adaptation
        if not settings.enabled:
            return None
        return lambda heard: self.store.follow(
            profile_id, encoder_id, lambda enrolled, current: adapted(enrolled, current, heard, settings)
        )

    def hear(self, words: tuple[str, ...], audio_format: AudioFormat) -> HearingAttempt:
        """Begin to check whether audio holds words, as given by ``phrase_words``, in whatever voice.

        Raises:
            EngineError: A model cannot be used.
        """
        rule = PhraseRule(words, self.settings.phrase, min_llr=self.settings.phrase.min_llr)
        models = self.engines.models(with_words=True)
        return HearingAttempt(HearingSession(rule, audio_format, models, self.settings))
