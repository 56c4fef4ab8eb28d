"""Hearing: were certain words said, in whatever voice? It accepts nobody."""

import math

from streamauth.core.audio.frontend import FrontEndStep
from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.decision import PhraseRule, PhraseState
from streamauth.core.ports import SAMPLE_RATE_HZ
from streamauth.core.sessions.base import Models, Session, SessionState
from streamauth.settings import Settings


class HearingSession(Session):
    """Listens for words in one stream; there is no decision, only what was heard.

    Args:
        rule: What to listen for.
    """

    def __init__(self, rule: PhraseRule, audio_format: AudioFormat, models: Models, settings: Settings) -> None:
        super().__init__(audio_format, models, settings, max_s=settings.audio.max_attempt_s, with_words=True)
        self._rule = rule

    @property
    def heard(self) -> str:
        """All words heard, one space between."""
        return self._rule.heard

    @property
    def matched(self) -> bool:
        """Whether they are the expected ones."""
        return self._rule.state is PhraseState.MATCHED

    @property
    def llr(self) -> float | None:
        """Natural-log likelihood ratio that all of them were said; None where the recognizer gives none."""
        return self._rule.llr if self.matched and math.isfinite(self._rule.llr) else self._rule.whole_llr

    def _advance(self, step: FrontEndStep) -> None:
        transcript = self._hear(step, self._rule.expected, self._rule.completed_by)
        if transcript is not None:
            self._rule.add(transcript, step.at_sample)
        spent = step.at_sample >= self.settings.decision.max_time_s * SAMPLE_RATE_HZ
        settled = self._rule.state in (PhraseState.MATCHED, PhraseState.WRONG)
        if settled or spent or self._rule.lost_patience(step.at_sample, step.speaking):
            self.state = SessionState.DECIDED

    def _conclude(self) -> None:
        self.state = SessionState.DECIDED
