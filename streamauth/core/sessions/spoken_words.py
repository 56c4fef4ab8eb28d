"""Hearing: were certain words said, by any voice? It accepts nobody."""

import math
from collections.abc import Mapping

from streamauth.core.audio.frontend import FrontEndStep
from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.decision import PhraseRule
from streamauth.core.ports import SAMPLE_RATE_HZ
from streamauth.core.sessions.base import Models, Session, SessionState
from streamauth.core.sessions.recognition import Recognition, SpokenWords
from streamauth.core.settings import CoreSettings


class HearingSession(Session):
    """Listens for words in one stream; there is no decision, only what was heard."""

    def __init__(self, rule: PhraseRule, audio_format: AudioFormat, models: Models, settings: CoreSettings) -> None:
        super().__init__(audio_format, models, settings, max_s=settings.audio.max_attempt_s, with_words=True)
        self._words = SpokenWords(rule, Recognition(models.recognizer, self._emit, rule.expected))
        self._budget = settings.decision

    @property
    def heard(self) -> str:
        """All words heard, one space between."""
        return self._words.rule.heard

    @property
    def matched(self) -> bool:
        """Whether they are the expected ones."""
        return self._words.matched

    @property
    def llr(self) -> float | None:
        """Natural-log likelihood ratio that all of them were said; None where the recognizer gives none."""
        rule = self._words.rule
        return rule.llr if self.matched and math.isfinite(rule.llr) else rule.whole_llr

    def close(self) -> None:
        """Give back what the session holds. Idempotent."""
        super().close()
        self._words.close()

    @property
    def evidence(self) -> Mapping[str, float]:
        """What the likelihood ratio of all of them is made of, by name, in nats; empty where nothing is known."""
        return self._words.rule.evidence

    def _advance(self, step: FrontEndStep) -> None:
        self._words.hear(step)
        spent = step.at_sample >= self._budget.max_time_s * SAMPLE_RATE_HZ
        if self._words.matched or spent or self._words.refused(step):
            self.state = SessionState.DECIDED

    def _conclude(self) -> None:
        self.state = SessionState.DECIDED
