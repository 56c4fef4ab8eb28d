"""Verification: is this the claimed speaker, and were the expected words said?"""

import math
from dataclasses import dataclass

from streamauth.core.audio.frontend import FrontEnd, FrontEndStep
from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.audio.quality import QualityMeter
from streamauth.core.decision import PhraseRule, PhraseState, VoiceRule, joint_llr, lacking
from streamauth.core.events import Decided, Reason, ScoreUpdated, Verdict
from streamauth.core.phrase.prompt import Challenge
from streamauth.core.ports import SAMPLE_RATE_HZ, Embedding, Voiceprint
from streamauth.core.sessions.base import Models, Session, SessionState
from streamauth.core.voice.consistency import VoiceAllAlong
from streamauth.core.voice.operating_point import accept_bound
from streamauth.core.voice.pooling import RollingVoice
from streamauth.core.voice.scoring import Comparison, Gallery
from streamauth.core.voice.speaker_change import ChangeWatch
from streamauth.settings import Settings

_QUALITY_MEMORY_S = 10.0


@dataclass(frozen=True)
class Claim:
    """What the claimed speaker enrolled, and is asked to say.

    Attributes:
        expected_voiceprint: Of the encoder in use.
        expected_words: The words of the pass phrase, None if the profile is text-independent.
        challenge: A random prompt to be said after the pass phrase, or alone where there is none.
        expected_scores: Usual pronunciation score of each word from the claimed speaker (``expected_scores_of``).
        further_voiceprints: Of the same person, enrolled in other places or with other devices.
    """

    expected_voiceprint: Voiceprint
    expected_words: tuple[str, ...] | None = None
    challenge: Challenge | None = None
    expected_scores: tuple[float, ...] = ()
    further_voiceprints: tuple[Voiceprint, ...] = ()

    @property
    def expected_voiceprints(self) -> tuple[Voiceprint, ...]:
        """All of the person's voiceprints."""
        return (self.expected_voiceprint, *self.further_voiceprints)


class VerificationSession(Session):
    """Verifies one stream against one claim.

    One-shot: ends with exactly one Decided, unless it fails. Continuous: goes on after an accept, judges the
    recent speech, and emits a Decided whenever the voice stops or begins again to be the enrolled one; without
    an accept at first there is nothing to continue, so that the voice alone never makes up for a wrong phrase.

    With a prompt the voice is that of the utterances that carry the words, and must be the enrolled one in each
    window of them.

    Attributes:
        threshold: The LLR to reach.
        joint_llr: LLR of the decision, words included, in nats; None before it and where nothing was compared.
    """

    def __init__(
        self,
        claim: Claim,
        audio_format: AudioFormat,
        models: Models,
        settings: Settings,
        *,
        continuous: bool = False,
        front: FrontEnd | None = None,
    ) -> None:
        limit_s = settings.audio.max_continuous_s if continuous else settings.audio.max_attempt_s
        self._claim = claim
        self._phrase = _rule_of(claim, settings)
        with_words = self._phrase is not None
        super().__init__(audio_format, models, settings, max_s=limit_s, with_words=with_words, front=front)
        self._expected_scores = claim.expected_scores
        self._continuous = continuous
        self._gallery = Gallery(claim.expected_voiceprints, models.calibration)
        # words are judged when they have been said, the voice alone again and again
        self.threshold = accept_bound(
            settings.decision,
            models.calibration,
            chances=len(claim.expected_voiceprints),
            rolling=self._phrase is None,
        )
        self.joint_llr: float | None = None
        reject_llr = min(models.calibration.reject_llr, self.threshold)
        doubt_llr = 0.0 if self._phrase is None else math.inf
        self._rule = VoiceRule(self.threshold, reject_llr, settings.decision, doubt_llr)
        self._watch: ChangeWatch | None = None
        self._along = VoiceAllAlong(models.encoder, settings.voice) if claim.challenge else None
        self._voice: RollingVoice | VoiceAllAlong = self._along or RollingVoice(models.encoder, settings.voice)
        self._verdict: Verdict | None = None

    @property
    def sure_voice(self) -> Embedding | None:
        """The voice of an accept that the voiceprint may follow: far over the threshold and well heard; else None."""
        voice, settings = self._voice.sample(), self.settings
        if self._verdict is not Verdict.ACCEPT or self._continuous or voice is None or self.joint_llr is None:
            return None
        far_over = self.joint_llr >= self.threshold + settings.adaptation.margin_llr
        return voice.embedding if far_over and not self._quality.result().problems(settings.enrollment) else None

    def joined(self, voice_llr: float) -> float:
        """LLR of a voice, in nats, with the words as they stand, where some are expected."""
        if self._phrase is None:
            return voice_llr
        return self.threshold + joint_llr(voice_llr - self.threshold, self._phrase.llr)

    def _advance(self, step: FrontEndStep) -> None:
        fresh = False
        for frame, voiced in step.segmented.utterance:
            if voiced:
                fresh |= self._voice.accept(frame)
        voice = self._emit_score(step.at_sample) if fresh else None
        if self._verdict is not None:
            if fresh:
                self._follow(step.at_sample)
            return
        challenge = self._claim.challenge
        if challenge is not None and challenge.expired(step.at_sample):
            self._decided(step.at_sample, Verdict.UNDECIDED, (Reason.PROMPT_EXPIRED,))
        elif self._phrase is not None:
            transcript = self._hear(step, self._phrase.expected, self._phrase.completed_by)
            if transcript is not None:
                share = self._phrase.add(transcript, step.at_sample)
                if self._along is not None:
                    self._along.end_utterance(share)
            self._decide_with_phrase(step, fresh, self._phrase)
        elif voice is not None:
            verdict = self._rule.early(voice.llr, voice.speech_s)
            if verdict is not None:
                self._conclude_voice(step.at_sample, verdict)
        if self._verdict is None:
            self._spend(step.at_sample)

    def _decide_with_phrase(self, step: FrontEndStep, fresh: bool, phrase: PhraseRule) -> None:
        at_sample = step.at_sample
        if phrase.state is PhraseState.MATCHED:
            if fresh or self._voice.flush():
                self._emit_score(at_sample)
            voice = self._voice.sample()
            if voice is not None and voice.speech_s >= self.settings.decision.min_speech_s:
                self._conclude_voice(at_sample, self._final())
            elif self._along is not None:
                # speech that follows carries none of the words
                self._conclude_voice(at_sample, Verdict.UNDECIDED)
        elif phrase.state is PhraseState.WRONG or phrase.lost_patience(at_sample, step.speaking):
            self._conclude_phrase(at_sample, phrase)

    def _spend(self, at_sample: int) -> None:
        budget = self.settings.decision
        if self._voice.speech_s >= budget.max_speech_s:
            self._decided(at_sample, Verdict.UNDECIDED, (Reason.SPEECH_BUDGET_SPENT,))
        elif at_sample >= budget.max_time_s * SAMPLE_RATE_HZ:
            reasons = lacking(self._quality.result(), self._voice.speech_s)
            self._decided(at_sample, Verdict.UNDECIDED, (Reason.TIME_BUDGET_SPENT, *reasons))

    def _conclude(self) -> None:
        if self._verdict is not None:
            return
        if self._voice.flush():
            self._emit_score(self.at_sample)
        phrase = self._phrase
        if phrase is not None and phrase.state is not PhraseState.MATCHED:
            if self._voice.speech_s >= self.settings.decision.min_speech_s or phrase.heard:
                self._conclude_phrase(self.at_sample, phrase)
                return
        elif self._voice.sample() is not None:
            self._conclude_voice(self.at_sample, self._final())
            return
        reasons = lacking(self._quality.result(), self._voice.speech_s)
        self._decided(self.at_sample, Verdict.UNDECIDED, reasons)

    def _final(self) -> Verdict:
        """The verdict on all the speech there is, with the words where some are expected."""
        voice = self._compare()
        return self._rule.final(self.joined(voice.llr), voice.speech_s)

    def _conclude_voice(self, at_sample: int, verdict: Verdict) -> None:
        reasons: tuple[Reason, ...]
        match verdict:
            case Verdict.ACCEPT if self._changed():
                verdict, reasons = Verdict.REJECT, (Reason.VOICE_CHANGED,)
            case Verdict.ACCEPT:
                reasons = (Reason.VOICE_MATCH,)
            case Verdict.REJECT:
                reasons = (Reason.VOICE_MISMATCH,)
            case Verdict.UNDECIDED:
                little = self._voice.speech_s < self.settings.decision.min_speech_s
                reasons = (Reason.TOO_LITTLE_SPEECH if little else Reason.VOICE_UNSURE,)
        if self._phrase is not None and self._phrase.state is PhraseState.MATCHED:
            reasons += self._phrase.reasons
        self._decided(at_sample, verdict, reasons)

    def _changed(self) -> bool:
        """Whether a window of the words is in another voice, whatever their mean is."""
        if self._along is None:
            return False
        weakest_llr = self._along.weakest_llr(self._gallery, self._quality.result())
        return weakest_llr < self.threshold - self.settings.prompt.stretch_margin

    def _conclude_phrase(self, at_sample: int, phrase: PhraseRule) -> None:
        reasons = phrase.reasons
        if self._voice.sample() is not None:
            reasons += (Reason.VOICE_MATCH if self._compare().llr >= self.threshold else Reason.VOICE_MISMATCH,)
        self._decided(at_sample, Verdict.REJECT, reasons)

    def _compare(self) -> Comparison:
        voice = self._voice.sample()
        if voice is None:
            raise RuntimeError("compared before the first window")
        return self._gallery.best(voice, self._quality.result())

    def _emit_score(self, at_sample: int) -> Comparison:
        voice = self._compare()
        self._emit(ScoreUpdated(at_sample, voice.score, voice.llr, voice.speech_s))
        return voice

    def _follow(self, at_sample: int) -> None:
        """Continuous mode after the accept: look at the newest window for another voice."""
        assert self._watch is not None  # noqa: S101 - made with the accept
        assert isinstance(self._voice, RollingVoice)  # noqa: S101 - likewise
        newest = self._voice.newest()
        if newest is not None:
            hop_s = self.settings.voice.hop_ms / 1000
            verdict = self._watch.add(self._gallery.best(newest, self._quality.result()).llr, hop_s / newest.speech_s)
            if verdict is not None:
                self._conclude_voice(at_sample, verdict)

    def _decided(self, at_sample: int, verdict: Verdict, reasons: tuple[Reason, ...]) -> None:
        compared = self._voice.sample() is not None
        voice = self._compare() if compared else None
        self.joint_llr = self.joined(voice.llr) if voice else None
        if verdict is not Verdict.ACCEPT and self._verdict is None and self._voice.speech_s:
            reasons += tuple(r for r in self._quality.result().problems(self.settings.enrollment) if r not in reasons)
        phrase = self._phrase
        self._emit(
            Decided(
                at_sample,
                verdict,
                reasons,
                voice.score if voice else None,
                voice.llr if voice else None,
                round(self._voice.speech_s, 3),
                phrase_expected=" ".join(phrase.expected) if phrase else None,
                phrase_heard=phrase.heard if phrase else None,
                phrase_matched=phrase.state is PhraseState.MATCHED if phrase else None,
            )
        )
        if not self._continuous or (self._verdict is None and verdict is not Verdict.ACCEPT):
            self.state = SessionState.DECIDED
        elif self._verdict is None:
            # from here on the voice is judged by its recent past alone
            self._along = None
            memory_s = self.settings.decision.continuous_window_s
            self._voice = RollingVoice(self.models.encoder, self.settings.voice, memory_s)
            self._quality = QualityMeter(_QUALITY_MEMORY_S)
            self._watch = ChangeWatch(self.models.calibration.change_llr, max(self.threshold, 1.0))
        self._verdict = verdict


def _rule_of(claim: Claim, settings: Settings) -> PhraseRule | None:
    phrase = claim.expected_words or ()
    if claim.challenge is not None:
        return PhraseRule(phrase, settings.prompt, claim.challenge.prompt.words, min_llr=settings.phrase.min_llr)
    return PhraseRule(phrase, settings.phrase, min_llr=settings.phrase.min_llr) if phrase else None
