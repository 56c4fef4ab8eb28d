"""Identification: which person of a group is speaking, or none of them."""

from collections.abc import Callable, Sequence
from math import inf

from streamauth.core.audio.frontend import FrontEndStep
from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.decision import PhraseRule, VoiceRule, joint_llr, lacking
from streamauth.core.events import Candidate, Decided, RankingUpdated, Reason, Verdict
from streamauth.core.phrase.prompt import Challenge
from streamauth.core.ports import SAMPLE_RATE_HZ
from streamauth.core.replay.rule import heard_before
from streamauth.core.replay.trail import Trail
from streamauth.core.sessions.base import Models, Session, SessionState
from streamauth.core.sessions.recognition import Recognition, SpokenWords
from streamauth.core.settings import CoreSettings
from streamauth.core.voice.consistency import SpeakerConsistency
from streamauth.core.voice.operating_point import accept_bound
from streamauth.core.voice.pooling import RollingVoice
from streamauth.core.voice.roster import Roster

_REASONS: dict[Verdict, tuple[Reason, ...]] = {
    Verdict.ACCEPT: (Reason.VOICE_MATCH,),
    Verdict.REJECT: (Reason.NOBODY,),
    Verdict.UNDECIDED: (Reason.TOO_LITTLE_SPEECH,),
}


class IdentificationSession(Session):
    """Names the speaker of one stream among a group; ends with exactly one Decided, unless it fails.

    The threshold is that of the false-accept rate of the whole search: with N candidates an unknown voice has N chances
    to resemble one of them.

    With a prompt nobody is named who has not said it, in the same voice in each window of it.

    Args:
        roster: The people, at least one; other sessions may share it.
        challenge: A random prompt to be said.
        earlier_trails: Gives the trails of a named profile's enrollment and attempts; asked before it is named. None
            where recordings are not refused.

    Attributes:
        threshold: The LLR to reach.
    """

    def __init__(
        self,
        roster: Roster,
        audio_format: AudioFormat,
        models: Models,
        settings: CoreSettings,
        *,
        challenge: Challenge | None = None,
        earlier_trails: Callable[[str], Sequence[Trail]] | None = None,
    ) -> None:
        self._earlier_trails = earlier_trails
        limit_s, with_words = settings.audio.max_attempt_s, challenge is not None
        super().__init__(audio_format, models, settings, max_s=limit_s, with_words=with_words, prompted=with_words)
        self._roster = roster
        self.threshold = accept_bound(
            settings.decision, models.calibration, chances=roster.chances, rolling=challenge is None
        )
        self._rule = VoiceRule(self.threshold, min(models.calibration.reject_llr, self.threshold), settings.decision)
        self._before_llr = inf
        self._settings = settings
        self._prompt: SpokenWords | None = None
        self._consistency: SpeakerConsistency | None = None
        if challenge is not None:
            rule = PhraseRule((), settings.prompt, challenge.prompt.words, min_llr=settings.phrase.min_llr)
            self._prompt = SpokenWords(rule, Recognition(models.recognizer, self._emit, rule.expected), challenge)
            self._consistency = SpeakerConsistency(models.encoder, settings.voice)
        self._voice = self._consistency or RollingVoice(models.encoder, settings.voice)

    def close(self) -> None:
        """Give back what the session holds. Idempotent."""
        super().close()
        if self._prompt is not None:
            self._prompt.close()

    def _advance(self, step: FrontEndStep) -> None:
        fresh = False
        for frame, voiced in step.segmented.utterance:
            if voiced:
                fresh |= self._voice.accept(frame)
        ranking = self._rank(step.at_sample) if fresh else ()
        if self._prompt is not None and self._prompt.expired(step.at_sample):
            self._decided(step.at_sample, Verdict.UNDECIDED, (Reason.PROMPT_EXPIRED,))
        elif self._prompt is not None and self._consistency is not None:
            share = self._prompt.hear(step)
            if share is not None:
                self._consistency.end_utterance(share)
            if self._prompt.matched or self._prompt.refused(step):
                self._judge_prompt(step.at_sample, self._prompt, self._consistency)
        elif ranking:
            verdict = self._rule.early(
                ranking[0].llr, self._voice.speech_s, self._before_llr, is_uneven=self._voice.is_uneven
            )
            self._before_llr = ranking[0].llr
            if verdict is not None:
                self._decided(step.at_sample, verdict, _REASONS[verdict], ranking)
        spent = step.at_sample >= self._settings.decision.max_time_s * SAMPLE_RATE_HZ
        if spent and self.state is SessionState.LISTENING:
            self._undecided(step.at_sample, (Reason.TIME_BUDGET_SPENT,))

    def _conclude(self) -> None:
        self._voice.flush()
        if self._prompt is not None and self._consistency is not None:
            if self._prompt.rule.heard or self._voice.speech_s >= self._settings.decision.min_speech_s:
                self._judge_prompt(self.at_sample, self._prompt, self._consistency)
                return
        elif self._voice.sample() is not None:
            ranking = self._rank(self.at_sample)
            verdict = self._rule.final(ranking[0].llr, self._voice.speech_s)
            self._decided(self.at_sample, verdict, _REASONS[verdict], ranking)
            return
        self._undecided(self.at_sample, ())

    def _judge_prompt(self, at_sample: int, prompt: SpokenWords, consistency: SpeakerConsistency) -> None:
        if not prompt.matched:
            self._decided(at_sample, Verdict.REJECT, prompt.rule.reasons)
            return
        consistency.flush()
        voice = consistency.sample()
        if voice is None:
            self._decided(at_sample, Verdict.UNDECIDED, (Reason.TOO_LITTLE_SPEECH, *prompt.rule.reasons))
            return
        best, *_ = ranking = self._rank(at_sample)
        llr = self.threshold + joint_llr(best.llr - self.threshold, prompt.rule.llr)
        verdict = self._rule.final(llr, voice.speech_s)
        reasons = _REASONS[verdict]
        least_llr = self.threshold - self._settings.prompt.stretch_margin
        if verdict is Verdict.ACCEPT:
            named = self._roster.gallery_of(best.name)
            if consistency.weakest_llr(named, self._quality.result()) < least_llr:
                verdict, reasons = Verdict.REJECT, (Reason.VOICE_CHANGED,)
        self._decided(at_sample, verdict, reasons + prompt.rule.reasons, ranking)

    def _rank(self, at_sample: int) -> tuple[Candidate, ...]:
        voice = self._voice.sample()
        if voice is None:
            raise RuntimeError("ranked before the first window")
        ranking = self._roster.rank(voice, self._quality.result())
        self._emit(RankingUpdated(at_sample, ranking, voice.speech_s))
        return ranking

    def _undecided(self, at_sample: int, reasons: tuple[Reason, ...]) -> None:
        reasons += lacking(self._quality.result(), self._voice.speech_s)
        self._decided(at_sample, Verdict.UNDECIDED, reasons)

    def _decided(
        self, at_sample: int, verdict: Verdict, reasons: tuple[Reason, ...], ranking: tuple[Candidate, ...] = ()
    ) -> None:
        best = ranking[0] if ranking else None
        prompt = self._prompt
        if verdict is Verdict.ACCEPT and best is not None and self._earlier_trails is not None:
            earlier = self._earlier_trails(best.name)
            if heard_before(self._trail.trails(), earlier, prompted=prompt is not None):
                verdict, reasons = Verdict.REJECT, (Reason.HEARD_BEFORE,)
        self._emit(
            Decided(
                at_sample,
                verdict,
                reasons,
                best.score if best else None,
                best.llr if best else None,
                round(self._voice.speech_s, 3),
                phrase_expected=prompt.text if prompt else None,
                phrase_heard=prompt.rule.heard if prompt else None,
                phrase_matched=prompt.matched if prompt else None,
                name=best.name if best and verdict is Verdict.ACCEPT else None,
                ranking=ranking,
            )
        )
        self.state = SessionState.DECIDED
