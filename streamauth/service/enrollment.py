"""Enrollment: started, continued, or for a further voiceprint of another place or device."""

from collections.abc import Callable, Sequence

from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.ports import Voiceprint
from streamauth.core.sessions.enrolled import EnrolledUtterance, voiceprint_of
from streamauth.core.sessions.enrollment import EnrollmentPlan, EnrollmentSession
from streamauth.engines.loader import Engines
from streamauth.errors import ConsentMissing, ProfileExists, UnknownProfile
from streamauth.service.attempts import EnrollmentAttempt
from streamauth.service.charges import Charge, ProfileCharge
from streamauth.service.phrases import Phrases
from streamauth.service.replays import Replays
from streamauth.service.voices import Voices
from streamauth.settings import Settings
from streamauth.store.attempts import check_verdict
from streamauth.store.records import EnrollmentRecord, Profile, ProfileKind
from streamauth.store.standing import Check, enrolling_check
from streamauth.store.store import Store


class Enrollment:
    """Makes the attempts that enroll."""

    def __init__(
        self,
        store: Store,
        engines: Engines,
        settings: Settings,
        phrases: Phrases,
        voices: Voices,
        replays: Replays,
    ) -> None:
        self._replays = replays
        self._store = store
        self._engines = engines
        self._settings = settings
        self._phrases = phrases
        self._voices = voices

    def begin(
        self,
        name: str,
        audio_format: AudioFormat,
        *,
        phrase: str | None,
        text_independent: bool,
        whole: bool,
        least_speech_s: float | None,
        least_phrase_llr: float | None,
        by_owner: bool,
        consent: str | None,
        tenant: str,
        key_id: str | None,
    ) -> EnrollmentAttempt:
        """Begin or continue the enrollment of a profile; see ``Authenticator.enroll``."""
        kind = ProfileKind.TEXT_INDEPENDENT if text_independent else ProfileKind.TEXT_DEPENDENT
        try:
            profile: Profile | None = self._store.profiles.get(name, tenant=tenant)
        except UnknownProfile:
            profile = None
        self._agreed(profile, consent)
        locale = profile.locale if profile is not None else self._settings.phrase.locale
        models = self._engines.models(with_words=not text_independent, locale=locale)
        words = self._phrases.usable(phrase, locale) if phrase is not None else None
        earlier: tuple[EnrolledUtterance, ...] = ()
        if profile is not None:
            earlier = self._earlier(profile, kind, words, models.encoder.id, more=whole)
            if profile.phrase is not None:
                words = tuple(profile.phrase.split())
        added = profile is not None and models.encoder.id in self._store.voiceprints.encoders(profile.id)
        owner, make_charge = (
            self._of_owner(profile, models.encoder.id, key_id) if profile and added and by_owner else ((), None)
        )
        plan = EnrollmentPlan(
            not text_independent,
            words,
            earlier,
            owner=owner,
            whole=whole,
            least_speech_s=least_speech_s,
            refuse_replays=self._replays.refused,
            earlier_trails=tuple(self._replays.earlier(profile.id if profile is not None else None)),
            least_phrase_llr=least_phrase_llr,
        )
        sounds = self._phrases.proposed_sounds(words or (), locale)
        session = EnrollmentSession(plan, audio_format, models, self._settings)

        kept = 0

        def keep(taken: Sequence[EnrolledUtterance], complete: bool, heard: str | None) -> None:
            nonlocal profile, kept
            if profile is None:
                # made with its first confirmed utterance, so that a refused one leaves no empty profile behind
                profile = self._store.profiles.create(
                    name, kind, phrase=heard, locale=locale, tenant=tenant, consent=consent
                )
            elif consent is not None and not taken[1:] and profile.consent != consent:
                self._store.profiles.consented(profile.id, consent)
            newest = taken[-1]
            if newest.trail is not None:
                self._replays.keep(profile.id, newest.trail, enrolled=True)
            record = EnrollmentRecord(
                models.encoder.id,
                newest.voiceprint,
                newest.speech_s,
                newest.audio_s,
                # kept in one sealed field, one after the other
                newest.pronunciation_scores + (newest.recognition_scores if newest.pronunciation_scores else ()),
                audio=newest.audio,
                rendering=newest.rendering,
            )
            voiceprint = voiceprint_of((*earlier, *taken)) if complete else None
            most_s = self._settings.enrollment.keep_audio_s
            # as many as this session knows of, or the profile was reset meanwhile
            there = len(earlier) + len(taken) - 1
            self._store.enrollments.add(
                profile.id,
                record,
                phrase=heard,
                voiceprint=voiceprint,
                keep_audio_s=most_s,
                more=whole,
                check=enrolling_check(profile.id, models.encoder.id, there, key_id),
            )
            kept = len(taken)

        def check() -> None:
            if profile is not None:
                known = len(earlier) + kept
                self._store.standings.check(enrolling_check(profile.id, models.encoder.id, known, key_id))

        def correct(text: str) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
            assert profile is not None  # noqa: S101 - it was made with the utterance that set the phrase
            return self.correct_phrase(profile, text, check=enrolling_check(profile.id, models.encoder.id, 1, key_id))

        return EnrollmentAttempt(session, keep, sounds, make_charge, check, correct)

    def correct_phrase(
        self, profile: Profile, text: str, *, check: Check | None = None
    ) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
        """Store other words as the pass phrase of a profile whose first utterance alone was taken.

        Returns:
            The words, and the pronunciations proposed for those that the dictionary does not have.
        """
        words = self._phrases.usable(text, profile.locale)
        self._store.enrollments.correct_phrase(profile.id, " ".join(words), check=check)
        return words, self._phrases.proposed_sounds(words, profile.locale)

    def _agreed(self, profile: Profile | None, consent: str | None) -> None:
        """Go on only where the person has agreed to the text that there must be.

        Raises:
            ConsentMissing: They have not, or to another version.
        """
        wanted = self._settings.enrollment.consent
        known = consent if consent is not None or profile is None else profile.consent
        if wanted and known != wanted:
            raise ConsentMissing

    def further(
        self, name: str, audio_format: AudioFormat, label: str, *, by_owner: bool, tenant: str, key_id: str | None
    ) -> EnrollmentAttempt:
        """Begin a further voiceprint of a person who is enrolled."""
        profile = self._store.profiles.get(name, tenant=tenant)
        with_words = profile.kind is ProfileKind.TEXT_DEPENDENT
        models = self._engines.models(with_words=with_words, locale=profile.locale)
        known = self._store.voiceprints.get(profile.id, models.encoder.id)
        words = tuple(profile.phrase.split()) if profile.phrase is not None else None
        owner, make_charge = self._of_owner(profile, models.encoder.id, key_id) if by_owner else ((), None)
        plan = EnrollmentPlan(
            with_words,
            words,
            known=known,
            owner=owner,
            refuse_replays=self._replays.refused,
            earlier_trails=tuple(self._replays.earlier(profile.id)),
        )

        def keep(taken: Sequence[EnrolledUtterance], complete: bool, heard: str | None) -> None:
            if complete:
                most = self._settings.enrollment.max_templates
                for utterance in taken:
                    if utterance.trail is not None:
                        self._replays.keep(profile.id, utterance.trail, enrolled=True)
                check = enrolling_check(profile.id, models.encoder.id, 0, key_id)
                self._store.templates.put(
                    profile.id, models.encoder.id, label, voiceprint_of(taken), most=most, check=check
                )

        def still() -> None:
            self._store.standings.check(enrolling_check(profile.id, models.encoder.id, 0, key_id))
            self._store.profiles.get_by_id(profile.id, tenant=tenant)

        session = EnrollmentSession(plan, audio_format, models, self._settings)
        return EnrollmentAttempt(session, keep, make_charge=make_charge, check=still)

    def _of_owner(
        self, profile: Profile, encoder_id: str, key_id: str | None
    ) -> tuple[tuple[Voiceprint, ...], Callable[[], Charge]]:
        """The voice that whatever is added must be in, and what makes the charge of one utterance."""
        limits = self._settings.attempts
        check_verdict(self._store.attempts.standing(profile.id, limits)[1])
        voiceprint, others = self._voices.of(profile.id, encoder_id)

        def make() -> Charge:
            standing = self._store.standings.of(profile.id, encoder_id, key_id)
            return ProfileCharge(self._store, standing, limits, clears=False)

        return (voiceprint, *others), make

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
        if not more and encoder_id in self._store.voiceprints.encoders(profile.id):
            raise ProfileExists()
        if words is not None and profile.phrase is not None and words != tuple(profile.phrase.split()):
            raise ProfileExists("This profile was begun with another pass phrase. Reset it to change the phrase.")
        return self.utterances(profile, encoder_id)

    def utterances(self, profile: Profile, encoder_id: str) -> tuple[EnrolledUtterance, ...]:
        """The confirmed utterances of a profile, oldest first."""
        words = len(profile.phrase.split()) if profile.phrase is not None else 0
        return tuple(
            EnrolledUtterance(
                record.voiceprint,
                record.speech_s,
                record.audio_s,
                profile.phrase,
                record.pronunciation_scores[:words],
                recognition_scores=record.pronunciation_scores[words:],
                rendering=record.rendering,
            )
            for record in self._store.enrollments.of(profile.id, encoder_id)
        )
