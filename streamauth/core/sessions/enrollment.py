"""Enrollment: utterances in, each checked for quality; a voiceprint out."""

from dataclasses import dataclass, replace

import numpy as np

from streamauth.core.audio.frontend import FrontEndStep
from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.audio.quality import QualityMeter, dbfs
from streamauth.core.decision import PhraseRule, PhraseState, lacking
from streamauth.core.events import Enrolled, Reason, UtteranceRefused, UtteranceTaken
from streamauth.core.phrase.strength import strength
from streamauth.core.ports import SAMPLE_RATE_HZ, Rendering, Samples, Usual, Voiceprint
from streamauth.core.replay.rule import heard_before
from streamauth.core.replay.trail import Trail, TrailRecorder
from streamauth.core.sessions.base import TRAIL_S, Models, Session, SessionState
from streamauth.core.sessions.enrolled import EnrolledUtterance, renderings_of, voiceprint_of
from streamauth.core.sessions.recognition import Recognition
from streamauth.core.settings import CoreSettings
from streamauth.core.voice.augmentation import augmented_voiceprint
from streamauth.core.voice.forecast import forecast
from streamauth.core.voice.operating_point import accept_bound
from streamauth.core.voice.pooling import VoiceSample, voice_of
from streamauth.core.voice.scoring import Gallery

# A text-independent utterance closes at the first pause after so much net speech: long enough for a steady
# embedding, short enough that little is lost where one is refused.
_UNIT_SPEECH_S = 3.0
_SOUND_S = 0.5
_SOUND_BELOW_DB = 10.0
"""Another sound counts as loud if it lasts this long and is at most so much quieter than the speech."""
LEAST_PRONUNCIATION_SCORE = -2.5
"""Pronunciation score of a word, in nats per phone, from which on it was said as the G2P model proposes: of words that
are said so, 98 % score higher, of other words next to none (``scripts/measure/g2p.py``)."""


@dataclass(frozen=True, slots=True)
class EnrollmentPlan:
    """What is enrolled.

    Attributes:
        text_dependent: Whether a pass phrase belongs to it.
        expected_words: The pass phrase; None lets the first utterance set it (or text-independent).
        earlier: Utterances that were confirmed before this session.
        known: A voiceprint of the same person, from another place or device, that the voice must agree with.
        owner: Voiceprints of the person whose complete enrollment is added to: each utterance must be in that voice at
            the operating point of decisions.
        whole: Whether all audio is one utterance, judged at its end.
        least_speech_s: Net speech that a text-independent one needs, in seconds; that of the settings if None.
        refuse_replays: Whether an utterance must be none that was heard before, here or in ``earlier_trails``.
        earlier_trails: Of the profile's enrollment and attempts.
        least_phrase_llr: Likelihood ratio from which the phrase counts as said, in nats; that of the settings if None.
    """

    text_dependent: bool
    expected_words: tuple[str, ...] | None = None
    earlier: tuple[EnrolledUtterance, ...] = ()
    known: Voiceprint | None = None
    owner: tuple[Voiceprint, ...] = ()
    whole: bool = False
    least_speech_s: float | None = None
    refuse_replays: bool = False
    earlier_trails: tuple[Trail, ...] = ()
    least_phrase_llr: float | None = None


class EnrollmentSession(Session):
    """Collects the utterances of one enrollment.

    Each utterance ends as UtteranceTaken or UtteranceRefused; Enrolled ends the session. A text-dependent
    utterance closes when the phrase was heard, when other words were, after ``timeout_ms`` of silence, or at
    ``end_utterance``. The utterances taken are in ``utterances``.
    """

    def __init__(self, plan: EnrollmentPlan, audio_format: AudioFormat, models: Models, settings: CoreSettings) -> None:
        super().__init__(
            audio_format, models, settings, max_s=settings.audio.max_enroll_s, with_words=plan.text_dependent
        )
        self._settings = settings
        self._plan = plan
        self._expected = plan.expected_words
        # nobody attacks by enrolling another phrase: the bar is far below that of verification
        least_llr = plan.least_phrase_llr
        self._least_llr = settings.enrollment.min_phrase_llr if least_llr is None else least_llr
        if plan.text_dependent and self._expected is None and plan.earlier and plan.earlier[0].phrase:
            self._expected = tuple(plan.earlier[0].phrase.split())
        self._recognition = Recognition(
            models.recognizer,
            self._emit,
            self._expected,
            Usual(renderings=renderings_of(plan.earlier) or None),
            least_llr=self._least_llr,
        )
        self.utterances: list[EnrolledUtterance] = []
        self._closed_at = 0
        self._judged = False
        self._sounded_before = False
        self._begin()

    @property
    def everything(self) -> tuple[EnrolledUtterance, ...]:
        """The utterances taken, those of earlier sessions first."""
        return (*self._plan.earlier, *self.utterances)

    @property
    def needed(self) -> int:
        """Utterances still to come; 0 if text-independent."""
        return max(0, self._settings.enrollment.utterances - len(self.everything)) if self._plan.text_dependent else 0

    @property
    def needed_speech_s(self) -> float:
        """Net speech still to come, in seconds; 0 if text-dependent."""
        if self._plan.text_dependent:
            return 0.0
        taken, least_s = sum(u.speech_s for u in self.everything), self._plan.least_speech_s
        return max(0.0, (self._settings.enrollment.text_independent_speech_s if least_s is None else least_s) - taken)

    @property
    def _speech_s(self) -> float:
        """Net speech since the last utterance closed, in seconds."""
        return sum(frame.size for frame in self._spoken) / SAMPLE_RATE_HZ

    @property
    def complete(self) -> bool:
        """Whether the enrollment has all that it needs."""
        return bool(self.everything) and not self.needed and not self.needed_speech_s

    def end_utterance(self, next_format: AudioFormat | None = None) -> None:
        """The speaker is done with this utterance (end of a file, a button): judge it now.

        Args:
            next_format: Format of the recording that follows, where it is another one.
        """
        if self.state is SessionState.LISTENING:
            self._run(self._front.flush())
        if self.state is SessionState.LISTENING:
            self._guard(self._conclude)
            if next_format is not None:
                self._front.begin_recording(next_format)

    @property
    def proposes(self) -> bool:
        """Whether the pass phrase is what the one utterance so far was heard as, so that it may be corrected."""
        own = self._plan.text_dependent and self._plan.expected_words is None and not self._plan.earlier
        return own and len(self.utterances) == 1 and not self.complete and self.state is SessionState.LISTENING

    def correct(self, words: tuple[str, ...]) -> UtteranceTaken:
        """Take these words for the pass phrase, where ``proposes``; give the utterance anew, as it is taken now.

        What has come of another utterance since then does not count.
        """
        assert self.proposes  # noqa: S101 - whoever corrects has asked
        self._expected = words
        phrase = " ".join(words)
        if phrase != self.utterances[0].phrase:
            # how surely each word was said is known of the former ones alone
            first = replace(self.utterances[0], phrase=phrase, pronunciation_scores=(), recognition_scores=())
            self.utterances[0] = first
            self._recognition.expect(words, Usual(renderings=renderings_of(self.everything) or None))
            self._begin()
        taken = sum(u.speech_s for u in self.everything)
        return UtteranceTaken(self.at_sample, 1, self.needed, taken, self.needed_speech_s, phrase)

    def close(self) -> None:
        """Give back what the session holds. Idempotent."""
        super().close()
        self._recognition.close()

    def _begin(self) -> None:
        self._quality = QualityMeter()
        self._trail = TrailRecorder(TRAIL_S)
        self._heard: list[str] = []
        self._scores: list[float] = []
        self._recognition_scores: list[float] = []
        self._whole_scores: tuple[float, ...] = ()
        self._rendering: Rendering | None = None
        self._differs = False
        self._spoken: list[Samples] = []
        self._other_samples = 0
        self._other_energy = 0.0
        self._ended_at: int | None = None
        words, least_llr = self._expected, self._least_llr
        self._phrase = PhraseRule(words, self._settings.phrase, min_llr=least_llr) if words else None

    def _advance(self, step: FrontEndStep) -> None:
        for frame, voiced in step.segmented.utterance:
            if voiced:
                self._spoken.append(frame)
        if step.other and step.measures is not None:
            self._other_samples += step.measures.samples
            self._other_energy += step.measures.power * step.measures.samples
        if self._plan.text_dependent:
            self._advance_phrase(step)
        elif step.segmented.ended is not None and not self._plan.whole:
            least = self._settings.enrollment.min_utterance_speech_s
            if self._speech_s >= min(_UNIT_SPEECH_S, max(least, self.needed_speech_s)):
                self._close(step.at_sample)

    def _advance_phrase(self, step: FrontEndStep) -> None:
        transcript = self._recognition.hear(step)
        if transcript is not None:
            self._ended_at = step.at_sample
            self._heard.extend(word.text for word in transcript.words)
            scores = (word.pronunciation_score for word in transcript.words)
            self._scores.extend(score for score in scores if score is not None)
            scores = (word.recognition_score for word in transcript.words)
            self._recognition_scores.extend(score for score in scores if score is not None)
            self._whole_scores = transcript.pronunciation_scores or self._whole_scores
            self._rendering = transcript.rendering
            # a phrase that is doubtful to the judges must at least be the same each time
            doubtful = transcript.whole_llr is not None and transcript.whole_llr < 0
            self._differs |= doubtful and transcript.agreement is not None and transcript.agreement < 0
            if self._phrase is not None:
                self._phrase.add(transcript, step.at_sample)
        if self._ended_at is None or step.speaking or self._plan.whole:
            return
        settled = self._phrase is not None and self._phrase.state in (PhraseState.MATCHED, PhraseState.WRONG)
        timeout = self._settings.phrase.timeout_ms * SAMPLE_RATE_HZ // 1000
        if settled or step.at_sample - self._ended_at >= timeout:
            self._close(step.at_sample)

    def _conclude(self) -> None:
        # What is left of a recording after its utterance was judged, a breath or a door, is no utterance.
        leftover = self._judged and self._speech_s < self._settings.enrollment.min_utterance_speech_s
        self._judged = False
        if leftover:
            self._begin()
        elif self.at_sample > self._closed_at:
            self._close(self.at_sample)
            self._judged = False
        self._closed_at = self.at_sample

    def _close(self, at_sample: int) -> None:
        """Judge what came since the last utterance closed."""
        end_at = self._front.taken_samples if self._plan.whole else at_sample
        audio_s = (end_at - self._closed_at) / SAMPLE_RATE_HZ
        self._closed_at = at_sample
        self._judged = True
        speech = np.concatenate((*self._spoken, np.zeros(0, np.float32)))
        enough = self._speech_s >= self._settings.enrollment.min_utterance_speech_s
        voice = voice_of(speech, self.models.encoder) if enough else None
        reasons = self._problems(voice)
        if reasons or voice is None:
            heard = " ".join(self._heard) if self._plan.text_dependent else None
            self._emit(UtteranceRefused(at_sample, reasons, heard))
        else:
            text = self._phrase_text()
            # a false start leaves more scores than words
            words = len(text.split()) if text is not None else 0
            scores, recognition_scores = (
                tuple(each) if len(each) == words else () for each in (self._scores, self._recognition_scores)
            )
            snr_db = self._quality.result().snr_db
            voiceprint = augmented_voiceprint(voice, speech, self.models.encoder)
            audio = speech if self._settings.enrollment.keep_audio_s else None
            taken = EnrolledUtterance(
                voiceprint,
                voice.speech_s,
                audio_s,
                text,
                scores,
                snr_db,
                audio,
                self._trail.trail(),
                recognition_scores,
                self._rendering,
            )
            self._take(at_sample, taken)
        self._sounded_before |= self._sounded
        self._begin()

    def _problems(self, voice: VoiceSample | None) -> tuple[Reason, ...]:
        limits = self._settings.enrollment
        quality = self._quality.result()
        if self._speech_s < limits.min_utterance_speech_s:
            others = tuple(r for r in quality.problems(limits) if r is not Reason.DIGITAL_SILENCE)
            return lacking(quality, self._speech_s) + (others if self._speech_s else ())
        found = list(quality.problems(limits))
        # what utterances of a phrase share beside the speech would become part of what is compared
        if self._plan.text_dependent and self._sounded and self._sounded_before:
            found.append(Reason.OTHER_SOUND)
        if self._plan.text_dependent and not self._heard:
            found.append(Reason.PHRASE_MISMATCH)
        elif self._plan.text_dependent and self._expected is None and self._is_weak():
            found.append(Reason.WEAK_PHRASE)
        elif self._phrase is not None and self._phrase.state is PhraseState.INCOMPLETE:
            found.append(Reason.PHRASE_INCOMPLETE)
        elif self._is_said_otherwise():
            found.append(Reason.PRONUNCIATION_MISMATCH)
        elif self._phrase is not None and (self._differs or self._phrase.state is not PhraseState.MATCHED):
            found.append(Reason.PHRASE_MISMATCH if self._plan.expected_words else Reason.OTHER_PHRASE)
        known = voiceprint_of(self.everything) if self.everything else self._plan.known
        if self._plan.owner:
            bound = accept_bound(self._settings.decision, self.models.calibration, chances=len(self._plan.owner))
            if (
                voice is not None
                and Gallery(self._plan.owner, self.models.calibration).best(voice, quality).llr < bound
            ):
                found.append(Reason.OTHER_VOICE)
        elif known is not None and voice is not None:
            llr = Gallery((known,), self.models.calibration).best(voice, quality).llr
            if llr < self.models.calibration.threshold(limits.consistency_far):
                found.append(Reason.OTHER_VOICE)
        taken = tuple(u.trail for u in self.utterances if u.trail is not None)
        if self._plan.refuse_replays and heard_before(self._trail.trails(), (*self._plan.earlier_trails, *taken)):
            found.append(Reason.HEARD_BEFORE)
        return tuple(found)

    @property
    def _sounded(self) -> bool:
        """Whether this utterance came with another loud sound."""
        if self._other_samples < _SOUND_S * SAMPLE_RATE_HZ:
            return False
        return dbfs(self._other_energy / self._other_samples) >= self._quality.result().speech_dbfs - _SOUND_BELOW_DB

    def _is_said_otherwise(self) -> bool:
        """Whether a word whose pronunciation is proposed was not said so, as far as the phrase was said."""
        if self._expected is None or self._phrase is None:
            return False
        assert self.models.recognizer is not None  # noqa: S101 - sessions with words are made with one
        facts = map(self.models.recognizer.facts, self._expected)
        proposed = [fact is not None and fact.proposed for fact in facts]
        matched = self._phrase.state is PhraseState.MATCHED
        scores = self._scores[-len(proposed) :] if matched else self._whole_scores
        if len(scores) != len(proposed):
            return False
        others = [score for score, guess in zip(scores, proposed, strict=True) if not guess]
        phrase_said = matched or not others or float(np.median(others)) >= LEAST_PRONUNCIATION_SCORE
        return phrase_said and any(
            score < LEAST_PRONUNCIATION_SCORE for score, guess in zip(scores, proposed, strict=True) if guess
        )

    def _is_weak(self) -> bool:
        """Whether the words heard, which would become the pass phrase, are not worth it."""
        assert self.models.recognizer is not None  # noqa: S101 - sessions with words are made with one
        worth = strength(tuple(self._heard), self.models.recognizer.facts)
        return worth is not None and worth.weakness(self._settings.phrase) is not None

    def _phrase_text(self) -> str | None:
        if not self._plan.text_dependent:
            return None
        return " ".join(self._expected if self._expected is not None else self._heard)

    def _take(self, at_sample: int, utterance: EnrolledUtterance) -> None:
        self.utterances.append(utterance)
        if self._expected is None and utterance.phrase:
            self._expected = tuple(utterance.phrase.split())
        if self._expected is not None:
            # the first utterance may have set the phrase, and each one shows how this person says it
            self._recognition.expect(self._expected, Usual(renderings=renderings_of(self.everything) or None))
        speech_s = sum(u.speech_s for u in self.everything)
        count = len(self.everything)
        phrase = utterance.phrase
        self._emit(UtteranceTaken(at_sample, count, self.needed, speech_s, self.needed_speech_s, phrase))
        if self.complete:
            self._emit(self._enrolled(at_sample, phrase))
            self.state = SessionState.DECIDED

    def _enrolled(self, at_sample: int, phrase: str | None) -> Enrolled:
        everything, calibration = self.everything, self.models.calibration
        accept_llr = accept_bound(self._settings.decision, calibration, rolling=not self._plan.text_dependent)
        known = [u.snr_db for u in everything if u.snr_db is not None]
        worth = forecast(
            [(u.voiceprint, u.speech_s) for u in everything], min(known, default=None), calibration, accept_llr
        )
        speech_s = sum(u.speech_s for u in everything)
        return Enrolled(at_sample, len(everything), speech_s, phrase, worth.frr, worth.far, worth.advice)
