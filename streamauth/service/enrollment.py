"""Enrollment behind every entrance: begun, gone on with, for a further place, or made anew from kept speech."""

from collections.abc import Callable, Sequence

from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.phrase.strength import Strength, strength
from streamauth.core.phrase.words import normalize
from streamauth.core.sessions.enrollment import (
    EnrolledUtterance,
    EnrollmentPlan,
    EnrollmentSession,
    voiceprint_of,
)
from streamauth.engines.loader import Engines
from streamauth.errors import ProfileExists, UnknownProfile, UnknownWord, WeakPhrase
from streamauth.service.attempts import EnrollmentAttempt
from streamauth.service.prompts import Prompting
from streamauth.service.reenrollment import rebuild
from streamauth.settings import Settings
from streamauth.store.profiles import DEFAULT_TENANT, EnrollmentRecord, Profile, ProfileKind, ProfileStore


class Enrolling(Prompting):
    """The part of an Authenticator that enrolls.

    Args:
        store: Where profiles are.
        engines: The models, loaded at first use.
        settings: All settings.
        clock: Seconds since the epoch.
    """

    def __init__(self, store: ProfileStore, engines: Engines, settings: Settings, clock: Callable[[], float]) -> None:
        super().__init__(store, settings, clock)
        self.engines = engines

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
        tenant: str = DEFAULT_TENANT,
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
            tenant: Who owns the profile.

        Raises:
            UnknownProfile, ProfileNotEnrolled, EncoderChanged: A further voiceprint, and there is no first one.
            ProfileExists: It is enrolled already, or was begun in the other way or with another phrase.
            BadPhrase: The phrase cannot be used, or has a word that the recognizer does not know.
            StoreError, EngineError: The store or a model cannot be used.
        """
        if label is not None:
            return self._enroll_further(name, audio_format, label, tenant)
        kind = ProfileKind.TEXT_INDEPENDENT if text_independent else ProfileKind.TEXT_DEPENDENT
        try:
            profile: Profile | None = self.store.get(name, tenant=tenant)
        except UnknownProfile:
            profile = None
        locale = profile.locale if profile is not None else self.settings.phrase.locale
        models = self.engines.models(with_words=not text_independent, locale=locale)
        words = self.usable_phrase(phrase, locale) if phrase is not None else None
        earlier: tuple[EnrolledUtterance, ...] = ()
        if profile is not None:
            earlier = self._earlier(profile, kind, words, models.encoder.id, more=whole)
            if profile.phrase is not None:
                words = tuple(profile.phrase.split())
        plan = EnrollmentPlan(not text_independent, words, earlier, whole=whole, least_speech_s=least_speech_s)
        sounds = self.proposed_sounds(words or (), locale)
        session = EnrollmentSession(plan, audio_format, models, self.settings)

        def keep(taken: Sequence[EnrolledUtterance], complete: bool, heard: str | None) -> None:
            nonlocal profile
            if profile is None:
                # made with its first confirmed utterance, so that a refused one leaves no empty profile behind
                profile = self.store.create(name, kind, phrase=heard, locale=locale, tenant=tenant)
            newest = taken[-1]
            record = EnrollmentRecord(
                models.encoder.id,
                newest.voiceprint,
                newest.speech_s,
                newest.audio_s,
                newest.pronunciation_scores,
                audio=newest.audio,
            )
            voiceprint = voiceprint_of((*earlier, *taken)) if complete else None
            most_s = self.settings.enrollment.keep_audio_s
            self.store.add_enrollment(
                profile.id, record, phrase=heard, voiceprint=voiceprint, keep_audio_s=most_s, more=whole
            )

        return EnrollmentAttempt(session, keep, sounds)

    def _enroll_further(self, name: str, audio_format: AudioFormat, label: str, tenant: str) -> EnrollmentAttempt:
        profile = self.store.get(name, tenant=tenant)
        with_words = profile.kind is ProfileKind.TEXT_DEPENDENT
        models = self.engines.models(with_words=with_words, locale=profile.locale)
        known = self.store.voiceprint(profile.id, models.encoder.id)
        words = tuple(profile.phrase.split()) if profile.phrase is not None else None
        plan = EnrollmentPlan(with_words, words, known=known)

        def keep(taken: Sequence[EnrolledUtterance], complete: bool, heard: str | None) -> None:
            if complete:
                most = self.settings.enrollment.max_templates
                self.store.put_template(profile.id, models.encoder.id, label, voiceprint_of(taken), most=most)

        return EnrollmentAttempt(EnrollmentSession(plan, audio_format, models, self.settings), keep)

    def rebuild(self, name: str, *, tenant: str = DEFAULT_TENANT) -> None:
        """Enroll a profile for the present encoder with the speech that is kept of it; see ``rebuilding``."""
        rebuild(self.store, self.store.get(name, tenant=tenant).id, self.engines.encoder())

    def phrase_words(self, phrase: str, locale: str | None = None) -> tuple[tuple[str, ...], Strength | None]:
        """The words of a phrase, and what it is worth as a pass phrase; None where the recognizer cannot tell.

        Args:
            phrase: The phrase.
            locale: Its language, ``phrase.locale`` if None.

        Raises:
            BadPhrase: It has no words or too many, or one that the recognizer does not know.
            EngineError: The recognizer cannot be used.
        """
        words = normalize(phrase, max_words=self.settings.phrase.max_words)
        recognizer = self.engines.recognizer(locale)
        unknown = recognizer.unknown_words(words)
        if not self.settings.phrase.propose_sounds:
            unknown += tuple(self.proposed_sounds(words, locale))
        if unknown:
            raise UnknownWord(f"The recognizer does not know: {', '.join(unknown)}. Choose other words.")
        return words, strength(words, recognizer.facts)

    def proposed_sounds(self, words: tuple[str, ...], locale: str | None = None) -> dict[str, tuple[str, ...]]:
        """Those of the words that the dictionary does not have, with the pronunciations proposed for each.

        A pronunciation is its phones with one space between, such as "K EH L V AA N D R OW".

        Raises:
            EngineError: The recognizer cannot be used.
        """
        facts = {word: self.engines.recognizer(locale).facts(word) for word in words}
        return {
            word: tuple(map(" ".join, fact.sounds))
            for word, fact in facts.items()
            if fact is not None and fact.proposed
        }

    def usable_phrase(self, phrase: str, locale: str | None = None) -> tuple[str, ...]:
        """The words of a phrase that can be a pass phrase.

        Raises:
            BadPhrase: It cannot.
            EngineError: The recognizer cannot be used.
        """
        words, worth = self.phrase_words(phrase, locale)
        if worth is not None and (weakness := worth.weakness(self.settings.phrase)):
            raise WeakPhrase(weakness)
        return words

    def _earlier(
        self,
        profile: Profile,
        kind: ProfileKind,
        words: tuple[str, ...] | None,
        encoder_id: str,
        *,
        more: bool,
    ) -> tuple[EnrolledUtterance, ...]:
        if profile.kind is not kind:
            raise ProfileExists("This profile was begun in the other way, with or without a phrase. Delete it first.")
        if not more and encoder_id in self.store.enrolled_encoders(profile.id):
            raise ProfileExists()
        if words is not None and profile.phrase is not None and words != tuple(profile.phrase.split()):
            raise ProfileExists("This profile was begun with another pass phrase. Reset it to change the phrase.")
        return self._taken(profile, encoder_id)

    def _taken(self, profile: Profile, encoder_id: str) -> tuple[EnrolledUtterance, ...]:
        return tuple(
            EnrolledUtterance(record.voiceprint, record.speech_s, record.audio_s, profile.phrase, record.fits)
            for record in self.store.enrollments(profile.id, encoder_id)
        )
