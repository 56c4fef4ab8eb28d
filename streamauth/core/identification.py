"""Identification: which of a group is speaking, or nobody of them."""

from collections.abc import Mapping

from streamauth.core.calibration import cosine
from streamauth.core.decision import VoiceRule, lacking
from streamauth.core.events import Candidate, Decided, RankingUpdated, Reason, Verdict
from streamauth.core.frontend import FrontEndStep
from streamauth.core.listening import Models, Session, SessionState
from streamauth.core.pcm import AudioFormat
from streamauth.core.ports import SAMPLE_RATE_HZ, Embedding
from streamauth.core.quality import QualityMeter
from streamauth.core.voice import RollingVoice
from streamauth.settings import Settings


class IdentificationSession(Session):
    """Names the speaker of one stream among a group; ends with exactly one Decided, unless it fails.

    The threshold is that of a false-accept rate of target/N: with N candidates an unknown voice has N chances to
    resemble one of them (Bonferroni).

    Args:
        group: Voiceprints by name, at least one.

    Attributes:
        threshold: The LLR to reach.
    """

    def __init__(
        self, group: Mapping[str, Embedding], audio_format: AudioFormat, models: Models, settings: Settings
    ) -> None:
        super().__init__(audio_format, models, settings, max_s=settings.audio.max_attempt_s, with_words=False)
        self._group = dict(group)
        self.threshold = models.calibration.threshold(settings.decision.target_far / len(self._group))
        self._rule = VoiceRule(self.threshold, settings.decision)
        self._voice = RollingVoice(models.encoder, settings.voice)
        self._quality = QualityMeter()

    def _advance(self, step: FrontEndStep) -> None:
        if step.frame.size:
            self._quality.add(step.frame, voiced=step.speaking)
        fresh = False
        for frame, voiced in step.segmented.utterance:
            if voiced:
                fresh |= self._voice.accept(frame)
        if fresh:
            ranking = self._rank(step.at_sample)
            verdict = self._rule.early(ranking[0].llr, self._voice.speech_s)
            if verdict is not None:
                self._decided(step.at_sample, verdict, ranking)
                return
        if step.at_sample >= self.settings.decision.max_time_s * SAMPLE_RATE_HZ:
            self._undecided(step.at_sample, (Reason.TIME_BUDGET_SPENT,))

    def _conclude(self) -> None:
        self._voice.flush()
        if self._voice.sample() is None:
            self._undecided(self.at_sample, ())
            return
        ranking = self._rank(self.at_sample)
        self._decided(self.at_sample, self._rule.final(ranking[0].llr, self._voice.speech_s), ranking)

    def _rank(self, at_sample: int) -> tuple[Candidate, ...]:
        voice = self._voice.sample()
        if voice is None:
            raise RuntimeError("ranked before the first window")
        scores = {name: cosine(voice.embedding, voiceprint) for name, voiceprint in self._group.items()}
        calibration = self.models.calibration
        ranking = tuple(
            Candidate(name, score, calibration.llr(score, voice.speech_s))
            for name, score in sorted(scores.items(), key=lambda item: (-item[1], item[0]))
        )
        self._emit(RankingUpdated(at_sample, ranking, voice.speech_s))
        return ranking

    def _decided(self, at_sample: int, verdict: Verdict, ranking: tuple[Candidate, ...]) -> None:
        accepted = verdict is Verdict.ACCEPT
        reasons = {
            Verdict.ACCEPT: (Reason.VOICE_MATCH,),
            Verdict.REJECT: (Reason.NOBODY,),
            Verdict.UNDECIDED: (Reason.TOO_LITTLE_SPEECH,),
        }[verdict]
        best = ranking[0]
        self._emit(
            Decided(
                at_sample,
                verdict,
                reasons,
                best.score,
                best.llr,
                round(self._voice.speech_s, 3),
                name=best.name if accepted else None,
                ranking=ranking,
            )
        )
        self.state = SessionState.DECIDED

    def _undecided(self, at_sample: int, reasons: tuple[Reason, ...]) -> None:
        reasons += lacking(self._quality.result(), self._voice.speech_s)
        speech_s = round(self._voice.speech_s, 3)
        self._emit(Decided(at_sample, Verdict.UNDECIDED, reasons, None, None, speech_s))
        self.state = SessionState.DECIDED
