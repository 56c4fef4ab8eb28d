"""The application object behind every entrance: command line, microphone, server, evaluation.

It joins the store, the engines and the pure sessions, and sees to it that

- an attempt is charged to the profile before anything of its speech is told, and settled before its decision is;
- an accept is checked against what it relies on in the transaction that settles it;
- a random prompt is used up by the first speech;
- an enrollment utterance is in the store before it is confirmed.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from streamauth.catalog.registry import Catalog
from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.decision import PhraseRule
from streamauth.core.events import Decided
from streamauth.core.phrase.prompt import Challenge, Prompt, PromptPlan
from streamauth.core.replay.trail import Trail
from streamauth.core.sessions.base import Models
from streamauth.core.sessions.claim import Claim
from streamauth.core.sessions.continuous import ContinuousSession
from streamauth.core.sessions.enrolled import usual_of
from streamauth.core.sessions.identification import IdentificationSession
from streamauth.core.sessions.spoken_words import HearingSession
from streamauth.core.sessions.verification import VerificationSession
from streamauth.core.voice.roster import Roster
from streamauth.engines.loader import Engines
from streamauth.errors import NobodyToIdentify, StreamAuthError
from streamauth.service.attempts import (
    Attempt,
    Demand,
    EnrollmentAttempt,
    HearingAttempt,
    IdentificationAttempt,
    VerificationAttempt,
)
from streamauth.service.charges import GroupCharge, ProfileCharge
from streamauth.service.enrollment import Enrollment
from streamauth.service.phrases import Phrases
from streamauth.service.prompts import Prompts
from streamauth.service.reenrollment import rebuild
from streamauth.service.replays import Replays
from streamauth.service.voices import People, Voices
from streamauth.settings import AttemptSettings, Settings, data_folder, load_settings
from streamauth.store.attempts import check_verdict
from streamauth.store.overlay import Overlay
from streamauth.store.prompts import OpenPrompt
from streamauth.store.schema import DEFAULT_TENANT
from streamauth.store.standing import check_key
from streamauth.store.store import Store

__all__ = [
    "Attempt",
    "Authenticator",
    "EnrollmentAttempt",
    "HearingAttempt",
    "IdentificationAttempt",
    "VerificationAttempt",
]


class Authenticator:
    """Enrolls, verifies and identifies.

    Args:
        store: Where profiles are.
        engines: The models, loaded at first use.
        settings: All settings.
        clock: Seconds, for the life of prompts.

    Attributes:
        store: As given.
        engines: As given.
        settings: As given.
        prompts: Draws random prompts.
        phrases: Judges pass phrases before they are enrolled.
    """

    def __init__(
        self, store: Store, engines: Engines, settings: Settings, clock: Callable[[], float] = time.time
    ) -> None:
        self.store = store
        self.engines = engines
        self.settings = settings
        self.prompts = Prompts(store, settings, clock)
        self.phrases = Phrases(engines, settings.phrase)
        self._replays = Replays(store, settings.replay)
        self._voices = Voices(store, settings.adaptation)
        self._enrollment = Enrollment(store, engines, settings, self.phrases, self._voices, self._replays)

    @classmethod
    def open(
        cls, home: Path | None = None, settings: Settings | None = None, engines: Engines | None = None
    ) -> "Authenticator":
        """Open the store of a data folder with its settings; loads no model.

        Args:
            home: The data folder; the usual one if None.
            settings: All settings; those of the folder if None.
            engines: The models; those of the settings and the folder if None.
        """
        home = home or data_folder()
        settings = settings or load_settings(home)
        return cls(Store.open(home, settings.store), engines or Engines(settings, Catalog(home)), settings)

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
        label: str | None = None,
        whole: bool = False,
        least_speech_s: float | None = None,
        least_phrase_llr: float | None = None,
        by_owner: bool = True,
        consent: str | None = None,
        tenant: str = DEFAULT_TENANT,
        key_id: str | None = None,
    ) -> EnrollmentAttempt:
        """Begin or go on with an enrollment.

        Args:
            name: The profile; made where it does not exist.
            audio_format: Of the audio to come.
            phrase: The pass phrase; without it the first utterance sets it.
            text_independent: No pass phrase at all.
            label: A further voiceprint of one who is enrolled, for this place or device; nothing of it is kept
                before it is complete.
            whole: All audio is one utterance, and may be added to an enrollment that is complete.
            least_speech_s: Net speech for a text-independent voiceprint, in place of the setting.
            least_phrase_llr: Likelihood ratio from which the phrase counts as said, in place of the setting.
            by_owner: What is added to an enrollment that is complete must be in its owner's voice, at the operating
                point of decisions, and another voice counts as a failed attempt; without it whoever may delete the
                profile vouches for the speaker.
            consent: Version of the text that the person has agreed to; recorded with the time.
            tenant: Who owns the profile.
            key_id: The API key behind it; nothing is stored any more once it is revoked.

        Raises:
            UnknownProfile, ProfileNotEnrolled, EncoderChanged: A further voiceprint, and there is no first one.
            AttemptDelayed, ProfileLocked: It is added to, and there were too many failures.
            ConsentMissing: The settings name a text, and the person has not agreed to it.
            ProfileExists: It is enrolled already, or was begun in the other way or with another phrase.
            BadPhrase: The phrase cannot be used, or has a word that the recognizer does not know.
            StoreError, EngineError: The store or a model cannot be used.
        """
        if label is not None:
            return self._enrollment.further(name, audio_format, label, by_owner=by_owner, tenant=tenant, key_id=key_id)
        return self._enrollment.begin(
            name,
            audio_format,
            phrase=phrase,
            text_independent=text_independent,
            whole=whole,
            least_speech_s=least_speech_s,
            least_phrase_llr=least_phrase_llr,
            by_owner=by_owner,
            consent=consent,
            tenant=tenant,
            key_id=key_id,
        )

    def delete_unused(self) -> int:
        """Delete the profiles that were used for as long as ``enrollment.unused_days`` by nobody; how many they were.

        Raises:
            StoreError: The store cannot be used.
        """
        days = self.settings.enrollment.unused_days
        old = self.store.profiles.unused(days) if days else []
        if old:
            self.store.profiles.delete(*old, reason="unused")
        return len(old)

    def rebuild(self, name: str, *, tenant: str = DEFAULT_TENANT) -> None:
        """Enroll a profile for the present encoder with the speech that is kept of it.

        Raises:
            UnknownProfile: There is no profile of that name.
            ProfileNotEnrolled, ProfileExists, EncoderChanged: It cannot be rebuilt; see ``service.reenrollment``.
            StoreError, EngineError: The store or the encoder cannot be used.
        """
        rebuild(self.store, self.store.profiles.get(name, tenant=tenant).id, self.engines.encoder())

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
        charge = self._charge(taken.profile_id, models.encoder.id, self.settings.attempts, None)
        voiceprint, further = self._voices.of(taken.profile_id, models.encoder.id)
        claim = Claim(
            voiceprint,
            None,
            Challenge(taken.prompt, self.settings.prompt.lifetime_s),
            further_voiceprints=further,
            earlier_trails=self._replays.of(taken.profile_id),
        )
        return self._verification(VerificationSession(claim, audio_format, models, self.settings), charge, None)

    def verify(
        self,
        name: str,
        audio_format: AudioFormat,
        *,
        continuous: bool = False,
        prompt: str | PromptPlan | Prompt | None = None,
        limits: AttemptSettings | None = None,
        tenant: str = DEFAULT_TENANT,
        key_id: str | None = None,
        attempt_id: str | None = None,
    ) -> VerificationAttempt:
        """Begin an attempt to verify a claimed identity; it is charged to the profile at its first speech.

        Args:
            name: Who the speaker claims to be.
            audio_format: Of the audio to come.
            continuous: Go on after an accept.
            prompt: A random prompt to be said after the pass phrase, or alone where there is none: the id of one
                that waits, or what to draw for this attempt; the attempt's ``prompt`` then has its text.
            limits: Of failed attempts, in place of the settings.
            tenant: Who owns the profile.
            key_id: The API key behind it; nothing is accepted any more once it is revoked.
            attempt_id: The client's id of it, by which it may be sent again (``store.trails``); not with a prompt.

        Raises:
            UnknownProfile, ProfileNotEnrolled, EncoderChanged: There is nothing to compare with.
            UnknownPrompt, PromptExpired: The prompt cannot be used.
            AttemptDelayed, ProfileLocked: There were too many failures.
            StoreError, EngineError: The store or a model cannot be used.
        """
        profile = self.store.profiles.get(name, tenant=tenant)
        with_words = profile.phrase is not None or prompt is not None
        models = self.engines.models(with_words=with_words, locale=profile.locale)
        # before the voiceprint is read: of one that is replaced in between nothing is accepted
        charge = self._charge(profile.id, models.encoder.id, limits or self.settings.attempts, key_id)
        voiceprint, further = self._voices.of(profile.id, models.encoder.id)
        words = tuple(profile.phrase.split()) if profile.phrase is not None else None
        earlier = self._enrollment.utterances(profile, models.encoder.id)
        said = earlier if words is not None else ()
        # only now, so that an attempt that is refused leaves the prompt as it is
        demand = self.prompts.demand(prompt, profile.id, tenant, after_phrase=words is not None)
        attempt_id = attempt_id if demand is None else None  # a prompt is new in each attempt
        claim = Claim(
            voiceprint,
            words,
            demand.challenge if demand else None,
            usual_of(said),
            further,
            earlier_trails=self._replays.of(profile.id, attempt_id),
        )
        kind = ContinuousSession if continuous else VerificationSession
        return self._verification(kind(claim, audio_format, models, self.settings), charge, demand, attempt_id)

    def correct_phrase(
        self, name: str, phrase: str, *, tenant: str = DEFAULT_TENANT, key_id: str | None = None
    ) -> dict[str, tuple[str, ...]]:
        """Take other words for the pass phrase that the first utterance of an enrollment has set.

        Args:
            name: The profile; nothing but one utterance was taken of it.
            phrase: What was said.
            tenant: Whose profile.
            key_id: The API key behind it.

        Gives the pronunciations proposed for words that the dictionary does not have.

        Raises:
            BadPhrase: It cannot be a pass phrase.
            ProfileExists: It is too late, or too early.
            UnknownProfile, Unauthorized: The profile or the key is gone.
        """
        profile = self.store.profiles.get(name, tenant=tenant)
        return self._enrollment.correct_phrase(profile, phrase, check=partial(check_key, key_id=key_id))[1]

    def identify(
        self,
        audio_format: AudioFormat,
        *,
        among: Sequence[str] | None = None,
        prompt: str | PromptPlan | Prompt | None = None,
        charged: bool = True,
        tenant: str = DEFAULT_TENANT,
        key_id: str | None = None,
    ) -> IdentificationAttempt:
        """Begin to identify the speaker among all enrolled profiles of the tenant, or those named.

        Profiles that are locked or delayed are left out. Where few are named, at most ``attempts.charged_candidates``,
        each of them is charged with the attempt; more must be limited by whoever calls.

        Args:
            audio_format: Of the audio to come.
            among: Only these profiles.
            prompt: A random prompt to be said, as for ``verify``; not one of a certain profile.
            charged: Whether few candidates are charged; a door, where strangers speak all day, limits tries by itself.
            tenant: Whose profiles.
            key_id: The API key behind it; nobody is accepted any more once it is revoked.

        Raises:
            NobodyToIdentify: No enrolled profile to compare with.
            AttemptDelayed, ProfileLocked: All of those who are named were tried too often.
            UnknownProfile, ProfileNotEnrolled, EncoderChanged: One that is named cannot be compared with.
            UnknownPrompt, PromptExpired: The prompt cannot be used.
            StoreError, EngineError: The store or a model cannot be used.
        """
        models = self.engines.models(with_words=prompt is not None)
        limits = self.settings.attempts
        roster, people = self._group(models, among, tenant)
        left_out = people.names_of(self.store.attempts.refused(limits))
        tried = roster.without(left_out)
        if not tried.chances and among is not None:
            check_verdict(self.store.attempts.standing(next(iter(people.by_name.values())).profile_id, limits)[1])
        if not tried.chances:
            raise NobodyToIdentify
        group = (
            people.by_name
            if among is None
            else {name: one for name, one in people.by_name.items() if name not in left_out}
        )
        charge = GroupCharge(
            self.store,
            group,
            lambda one: self.store.gallery.confirming(one, models.encoder.id, key_id),
            limits,
            charged=charged and among is not None and len(among) <= limits.charged_candidates,
        )
        demand = self.prompts.demand(prompt, None, tenant)

        def earlier(named: str) -> Sequence[Trail]:
            return self._replays.earlier(people.by_name[named].profile_id)

        session = IdentificationSession(
            tried,
            audio_format,
            models,
            self.settings,
            challenge=demand.challenge if demand else None,
            earlier_trails=earlier if self._replays.refused else None,
        )

        def remember(outcome: Decided | StreamAuthError, trail: Trail) -> None:
            if isinstance(outcome, Decided) and outcome.name is not None:
                self._replays.keep(people.by_name[outcome.name].profile_id, trail)

        return IdentificationAttempt(session, charge, demand, remember)

    def _group(self, models: Models, among: Sequence[str] | None, tenant: str) -> tuple[Roster, People]:
        """Whom a voice may be of: everybody, whom all sessions share, or those who are named."""
        if among is None:
            return self._voices.everybody(models.encoder.id, models.calibration, tenant)
        found = self._voices.of_group(models.encoder.id, among, tenant)
        voiceprints = {one.name: (voiceprint, *further) for one, voiceprint, further in found}
        return Roster.of(voiceprints, models.calibration), People.of(Overlay({one.name: one for one, *_ in found}))

    def _verification(
        self,
        session: VerificationSession | ContinuousSession,
        charge: ProfileCharge,
        demand: Demand | None,
        attempt_id: str | None = None,
    ) -> VerificationAttempt:
        follow = self._voices.follower(charge.profile_id, session.models.encoder.id)
        remember = partial(self._replays.keep_attempt, charge.profile_id, attempt_id)
        return VerificationAttempt(session, charge, demand, follow, remember)

    def _charge(self, profile_id: str, encoder_id: str, limits: AttemptSettings, key_id: str | None) -> ProfileCharge:
        """The charge of an attempt on a profile that may be tried now."""
        standing = self.store.standings.of(profile_id, encoder_id, key_id)
        check_verdict(self.store.attempts.standing(profile_id, limits)[1])
        return ProfileCharge(self.store, standing, limits)

    def hear(self, words: tuple[str, ...], audio_format: AudioFormat) -> HearingAttempt:
        """Begin to check whether audio holds words, as given by ``phrases.words``, in whatever voice.

        Raises:
            EngineError: A model cannot be used.
        """
        rule = PhraseRule(words, self.settings.phrase, min_llr=self.settings.phrase.min_llr)
        models = self.engines.models(with_words=True)
        return HearingAttempt(HearingSession(rule, audio_format, models, self.settings))
