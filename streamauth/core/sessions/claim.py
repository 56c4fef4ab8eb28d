"""One claim in one stream: the evidence of voice and words is collected until it is enough for a verdict.

Used by verification and by the first part of continuous verification; it reads no audio itself and has no state of a
session.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from streamauth.core.audio.frontend import FrontEndStep
from streamauth.core.audio.quality import QualityMeter
from streamauth.core.decision import PhraseRule, VoiceRule, joint_llr, lacking
from streamauth.core.events import Decided, Event, Reason, ScoreUpdated, Verdict
from streamauth.core.phrase.prompt import Challenge
from streamauth.core.ports import NOTHING_USUAL, SAMPLE_RATE_HZ, Usual, Voiceprint
from streamauth.core.replay.rule import heard_before
from streamauth.core.replay.trail import Trail
from streamauth.core.sessions.base import Models
from streamauth.core.sessions.recognition import Recognition, SpokenWords
from streamauth.core.settings import CoreSettings
from streamauth.core.voice.consistency import SpeakerConsistency
from streamauth.core.voice.operating_point import accept_bound
from streamauth.core.voice.pooling import RollingVoice, VoiceSample
from streamauth.core.voice.scoring import Gallery, VoiceScore


@dataclass(frozen=True)
class Claim:
    """What the claimed speaker enrolled, and is asked to say.

    Attributes:
        expected_voiceprint: Of the encoder in use.
        expected_words: The words of the pass phrase, None if the profile is text-independent.
        challenge: A random prompt to be said after the pass phrase, or alone where there is none.
        usual: How the claimed speaker said the pass phrase at enrollment (``usual_of``).
        further_voiceprints: Of the same person, enrolled in other places or with other devices.
        earlier_trails: Gives the trails of the profile's enrollment and attempts; asked before an accept. None where
            recordings are not refused.
    """

    expected_voiceprint: Voiceprint
    expected_words: tuple[str, ...] | None = None
    challenge: Challenge | None = None
    usual: Usual = NOTHING_USUAL
    further_voiceprints: tuple[Voiceprint, ...] = ()
    earlier_trails: Callable[[], Sequence[Trail]] | None = None

    @property
    def expected_voiceprints(self) -> tuple[Voiceprint, ...]:
        """All of the person's voiceprints."""
        return (self.expected_voiceprint, *self.further_voiceprints)

    @property
    def with_words(self) -> bool:
        """Whether words are expected."""
        return bool(self.expected_words) or self.challenge is not None


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict and why it fell."""

    verdict: Verdict
    reasons: tuple[Reason, ...]


class ClaimCheck:
    """Weighs one claim.

    With a prompt the voice is that of the utterances that carry the words, and must be the enrolled one in each window
    of them.

    Args:
        claim: The claim.
        models: The engines.
        settings: Sections of settings.
        quality: Of the stream so far; kept up to date by the session.
        emit: Takes WordsHeard and ScoreUpdated.
        trails: Gives the trails of the stream so far, with a prompt at all phases.

    Attributes:
        gallery: The claimed person's voiceprints.
        words: The expected words, None where there are none.
        threshold: The LLR to reach.
    """

    def __init__(
        self,
        claim: Claim,
        models: Models,
        settings: CoreSettings,
        quality: QualityMeter,
        emit: Callable[[Event], None],
        trails: Callable[[], Sequence[Trail]],
    ) -> None:
        self._settings = settings
        self._trails = trails
        self._earlier_trails = claim.earlier_trails
        self._quality = quality
        self._emit = emit
        self.words = _words_of(claim, models, settings, emit)
        self.gallery = Gallery(claim.expected_voiceprints, models.calibration)
        # words are judged when they have been said, the voice alone again and again
        self.threshold = accept_bound(
            settings.decision,
            models.calibration,
            chances=len(claim.expected_voiceprints),
            rolling=self.words is None,
        )
        reject_llr = min(models.calibration.reject_llr, self.threshold)
        doubt_llr = 0.0 if self.words is None else math.inf
        self._rule = VoiceRule(self.threshold, reject_llr, settings.decision, doubt_llr)
        self._before_llr = math.inf
        self._consistency = SpeakerConsistency(models.encoder, settings.voice) if claim.challenge else None
        self._voice = self._consistency or RollingVoice(models.encoder, settings.voice)

    @property
    def voice(self) -> VoiceSample | None:
        """The voice so far, None before the first window."""
        return self._voice.sample()

    def joined(self, voice_llr: float) -> float:
        """LLR of a voice, in nats, with the words as they stand, where some are expected."""
        if self.words is None:
            return voice_llr
        return self.threshold + joint_llr(voice_llr - self.threshold, self.words.rule.llr)

    def advance(self, step: FrontEndStep) -> Finding | None:
        """Take a frame; what is found where it is enough."""
        found = self._weigh(step)
        return None if found is None else self._of_recording(found)

    def _weigh(self, step: FrontEndStep) -> Finding | None:
        fresh = False
        for frame, voiced in step.segmented.utterance:
            if voiced:
                fresh |= self._voice.accept(frame)
        score = self._emit_score(step.at_sample) if fresh else None
        found = None
        if self.words is not None and self.words.expired(step.at_sample):
            return Finding(Verdict.UNDECIDED, (Reason.PROMPT_EXPIRED,))
        if self.words is not None:
            share = self.words.hear(step)
            if share is not None and self._consistency is not None:
                self._consistency.end_utterance(share)
            found = self._with_words(step, fresh, self.words)
        elif score is not None:
            verdict = self._rule.early(score.llr, score.speech_s, self._before_llr, is_uneven=self._voice.is_uneven)
            self._before_llr = score.llr
            found = None if verdict is None else self._of_voice(verdict)
        return found or self._spent(step.at_sample)

    def conclude(self, at_sample: int) -> Finding:
        """All audio has come: what is found on what there is."""
        return self._of_recording(self._weigh_all(at_sample))

    def _weigh_all(self, at_sample: int) -> Finding:
        if self._voice.flush():
            self._emit_score(at_sample)
        words = self.words
        if words is not None and not words.matched:
            if self._voice.speech_s >= self._settings.decision.min_speech_s or words.rule.heard:
                return self._of_words(words)
        elif self._voice.sample() is not None:
            return self._of_voice(self._final())
        return Finding(Verdict.UNDECIDED, lacking(self._quality.result(), self._voice.speech_s))

    def decided(self, at_sample: int, found: Finding) -> Decided:
        """The event of what was found."""
        score = self.compare() if self._voice.sample() is not None else None
        reasons = found.reasons
        if found.verdict is not Verdict.ACCEPT and self._voice.speech_s:
            problems = self._quality.result().problems(self._settings.enrollment)
            reasons += tuple(reason for reason in problems if reason not in reasons)
        return decided(at_sample, Finding(found.verdict, reasons), score, self._voice.speech_s, self.words)

    def compare(self) -> VoiceScore:
        """The voice so far against the claimed person's; not to be asked before the first window."""
        voice = self._voice.sample()
        if voice is None:
            raise RuntimeError("compared before the first window")
        return self.gallery.best(voice, self._quality.result())

    def close(self) -> None:
        """Give back what the recognizer holds. Idempotent."""
        if self.words is not None:
            self.words.close()

    def _with_words(self, step: FrontEndStep, fresh: bool, words: SpokenWords) -> Finding | None:
        if words.matched:
            if fresh or self._voice.flush():
                self._emit_score(step.at_sample)
            voice = self._voice.sample()
            if voice is not None and voice.speech_s >= self._settings.decision.min_speech_s:
                return self._of_voice(self._final())
            if self._consistency is not None:
                # speech that follows carries none of the words
                return self._of_voice(Verdict.UNDECIDED)
            return None
        return self._of_words(words) if words.refused(step) else None

    def _of_recording(self, found: Finding) -> Finding:
        """What would be accepted, refused where the same recording was heard before."""
        if found.verdict is not Verdict.ACCEPT or self._earlier_trails is None:
            return found
        if heard_before(self._trails(), self._earlier_trails(), prompted=self._consistency is not None):
            return Finding(Verdict.REJECT, (Reason.HEARD_BEFORE,))
        return found

    def _spent(self, at_sample: int) -> Finding | None:
        budget = self._settings.decision
        if self._voice.speech_s >= budget.max_speech_s:
            return Finding(Verdict.UNDECIDED, (Reason.SPEECH_BUDGET_SPENT,))
        if at_sample >= budget.max_time_s * SAMPLE_RATE_HZ:
            reasons = lacking(self._quality.result(), self._voice.speech_s)
            return Finding(Verdict.UNDECIDED, (Reason.TIME_BUDGET_SPENT, *reasons))
        return None

    def _final(self) -> Verdict:
        """The verdict on all the speech there is, with the words where some are expected."""
        voice = self.compare()
        return self._rule.final(self.joined(voice.llr), voice.speech_s)

    def _of_voice(self, verdict: Verdict) -> Finding:
        reasons: tuple[Reason, ...]
        match verdict:
            case Verdict.ACCEPT if self._changed():
                verdict, reasons = Verdict.REJECT, (Reason.VOICE_CHANGED,)
            case Verdict.ACCEPT:
                reasons = (Reason.VOICE_MATCH,)
            case Verdict.REJECT:
                reasons = (Reason.VOICE_MISMATCH,)
            case Verdict.UNDECIDED:
                little = self._voice.speech_s < self._settings.decision.min_speech_s
                reasons = (Reason.TOO_LITTLE_SPEECH if little else Reason.VOICE_UNSURE,)
        return Finding(verdict, reasons + (self.words.match_reasons if self.words is not None else ()))

    def _changed(self) -> bool:
        """Whether a window of the words is in another voice, whatever their mean is."""
        if self._consistency is None:
            return False
        weakest_llr = self._consistency.weakest_llr(self.gallery, self._quality.result())
        return weakest_llr < self.threshold - self._settings.prompt.stretch_margin

    def _of_words(self, words: SpokenWords) -> Finding:
        reasons = words.rule.reasons
        if self._voice.sample() is not None:
            same = self.compare().llr >= self.threshold
            reasons += (Reason.VOICE_MATCH if same else Reason.VOICE_MISMATCH,)
        return Finding(Verdict.REJECT, reasons)

    def _emit_score(self, at_sample: int) -> VoiceScore:
        voice = self.compare()
        self._emit(ScoreUpdated(at_sample, voice.score, voice.llr, voice.speech_s))
        return voice


def decided(
    at_sample: int, found: Finding, score: VoiceScore | None, speech_s: float, words: SpokenWords | None
) -> Decided:
    """The event of a decision on a claim.

    Args:
        at_sample: Where it fell.
        found: Verdict and reasons.
        score: Of the voice; None where nothing was compared.
        speech_s: Net speech used, in seconds.
        words: The expected words, None where there are none.
    """
    return Decided(
        at_sample,
        found.verdict,
        found.reasons,
        score.score if score else None,
        score.llr if score else None,
        round(speech_s, 3),
        phrase_expected=words.text if words else None,
        phrase_heard=words.rule.heard if words else None,
        phrase_matched=words.matched if words else None,
    )


def _words_of(
    claim: Claim, models: Models, settings: CoreSettings, emit: Callable[[Event], None]
) -> SpokenWords | None:
    if not claim.with_words:
        return None
    phrase, challenge = claim.expected_words or (), claim.challenge
    if challenge is not None:
        rule = PhraseRule(phrase, settings.prompt, challenge.prompt.words, min_llr=settings.phrase.min_llr)
    else:
        rule = PhraseRule(phrase, settings.phrase, min_llr=settings.phrase.min_llr)
    # renderings are of the phrase alone, so that they are no measure of a phrase with a prompt behind it
    usual = claim.usual if challenge is None else replace(claim.usual, renderings=())
    return SpokenWords(rule, Recognition(models.recognizer, emit, rule.expected, usual), challenge)
