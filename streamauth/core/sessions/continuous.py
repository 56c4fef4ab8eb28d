"""Continuous verification: is it still the claimed speaker?"""

from streamauth.core.audio.frontend import FrontEndStep
from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.audio.quality import QualityMeter
from streamauth.core.events import Reason, ScoreUpdated, Verdict
from streamauth.core.sessions.base import Models, Session, SessionState
from streamauth.core.sessions.claim import Claim, ClaimCheck, Finding, decided
from streamauth.core.settings import CoreSettings
from streamauth.core.voice.pooling import RollingVoice
from streamauth.core.voice.speaker_change import SpeakerChangeDetector

_QUALITY_MEMORY_S = 10.0
_LEAST_RETURN_LLR = 1.0
_REASONS = {Verdict.ACCEPT: Reason.VOICE_MATCH, Verdict.REJECT: Reason.VOICE_MISMATCH}


class ContinuousSession(Session):
    """Verifies one stream against one claim, and goes on after an accept.

    From then on the voice is judged by the recent speech alone, and a Decided comes whenever it stops or begins again
    to be the enrolled one. Without an accept at first there is nothing to continue, so that the voice alone never makes
    up for a wrong phrase.

    Attributes:
        threshold: The LLR to reach.
    """

    def __init__(self, claim: Claim, audio_format: AudioFormat, models: Models, settings: CoreSettings) -> None:
        limit_s = settings.audio.max_continuous_s
        with_words, prompted = claim.with_words, claim.challenge is not None
        super().__init__(audio_format, models, settings, max_s=limit_s, with_words=with_words, prompted=prompted)
        self._settings = settings
        self._check = ClaimCheck(claim, models, settings, self._quality, self._emit, self._trail.trails)
        self.threshold = self._check.threshold
        self._watch: SpeakerChangeDetector | None = None
        self._voice = RollingVoice(models.encoder, settings.voice, settings.decision.continuous_window_s)

    def close(self) -> None:
        """Give back what the session holds. Idempotent."""
        super().close()
        self._check.close()

    def _advance(self, step: FrontEndStep) -> None:
        if self._watch is not None:
            self._follow(step, self._watch)
            return
        found = self._check.advance(step)
        if found is not None:
            self._decide(step.at_sample, found)

    def _conclude(self) -> None:
        if self._watch is None:
            self._decide(self.at_sample, self._check.conclude(self.at_sample))

    def _decide(self, at_sample: int, found: Finding) -> None:
        """The first decision: of an accept on, the stream is followed."""
        self._emit(self._check.decided(at_sample, found))
        if found.verdict is Verdict.ACCEPT:
            self._quality = QualityMeter(_QUALITY_MEMORY_S)
            return_llr = max(self.threshold, _LEAST_RETURN_LLR)
            self._watch = SpeakerChangeDetector(self.models.calibration.change_llr, return_llr)
        else:
            self.state = SessionState.DECIDED

    def _follow(self, step: FrontEndStep, watch: SpeakerChangeDetector) -> None:
        fresh = False
        for frame, voiced in step.segmented.utterance:
            if voiced:
                fresh |= self._voice.accept(frame)
        voice, newest = self._voice.sample(), self._voice.newest()
        if not fresh or voice is None or newest is None:
            return
        quality = self._quality.result()
        score = self._check.gallery.best(voice, quality)
        self._emit(ScoreUpdated(step.at_sample, score.score, score.llr, score.speech_s))
        hop_s = self._settings.voice.hop_ms / 1000
        verdict = watch.add(self._check.gallery.best(newest, quality).llr, hop_s / newest.speech_s)
        if verdict is not None:
            words = self._check.words
            found = Finding(verdict, (_REASONS[verdict], *(words.match_reasons if words is not None else ())))
            self._emit(decided(step.at_sample, found, score, self._voice.speech_s, words))
