"""Verification: is this the claimed speaker, and were the expected words said?"""

from streamauth.core.audio.frontend import FrontEnd, FrontEndStep
from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.events import Verdict
from streamauth.core.ports import Embedding
from streamauth.core.sessions.base import Models, Session, SessionState
from streamauth.core.sessions.claim import Claim, ClaimCheck, Finding
from streamauth.core.settings import CoreSettings


class VerificationSession(Session):
    """Verifies one stream against one claim; ends with exactly one Decided, unless it fails.

    Attributes:
        threshold: The LLR to reach.
        joint_llr: LLR of the decision, words included, in nats; None before it and where nothing was compared.
    """

    def __init__(
        self,
        claim: Claim,
        audio_format: AudioFormat,
        models: Models,
        settings: CoreSettings,
        *,
        front: FrontEnd | None = None,
    ) -> None:
        limit_s = settings.audio.max_attempt_s
        with_words, prompted = claim.with_words, claim.challenge is not None
        super().__init__(
            audio_format, models, settings, max_s=limit_s, with_words=with_words, prompted=prompted, front=front
        )
        self._settings = settings
        self._check = ClaimCheck(claim, models, settings, self._quality, self._emit, self._trail.trails)
        self.threshold = self._check.threshold
        self.joint_llr: float | None = None
        self._verdict: Verdict | None = None

    @property
    def sure_voice(self) -> Embedding | None:
        """The voice of an accept that the voiceprint may follow: far over the threshold and well heard; else None."""
        voice = self._check.voice
        if self._verdict is not Verdict.ACCEPT or voice is None or self.joint_llr is None:
            return None
        far_over = self.joint_llr >= self.threshold + self._settings.adaptation.margin_llr
        well_heard = not self._quality.result().problems(self._settings.enrollment)
        return voice.embedding if far_over and well_heard else None

    def joined(self, voice_llr: float) -> float:
        """LLR of a voice, in nats, with the words as they stand, where some are expected."""
        return self._check.joined(voice_llr)

    def close(self) -> None:
        """Give back what the session holds. Idempotent."""
        super().close()
        self._check.close()

    def _advance(self, step: FrontEndStep) -> None:
        found = self._check.advance(step)
        if found is not None:
            self._decide(step.at_sample, found)

    def _conclude(self) -> None:
        self._decide(self.at_sample, self._check.conclude(self.at_sample))

    def _decide(self, at_sample: int, found: Finding) -> None:
        event = self._check.decided(at_sample, found)
        self.joint_llr = None if event.llr is None else self._check.joined(event.llr)
        self._verdict = found.verdict
        self._emit(event)
        self.state = SessionState.DECIDED
