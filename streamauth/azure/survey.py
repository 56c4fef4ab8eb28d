"""Examines a recording before any comparison: how much speech, how much noise, and which words."""

from streamauth.core.audio.frontend import FrontEndStep
from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.audio.quality import Quality
from streamauth.core.ports import SAMPLE_RATE_HZ
from streamauth.core.sessions.base import Models, Session, SessionSettings
from streamauth.core.sessions.recognition import Recognition


class SurveySession(Session):
    """Listens to one recording to its end and decides nothing.

    Attributes:
        speech_s: Net speech, in seconds.
    """

    def __init__(
        self, audio_format: AudioFormat, models: Models, settings: SessionSettings, *, max_s: float, with_words: bool
    ) -> None:
        super().__init__(audio_format, models, settings, max_s=max_s, with_words=with_words)
        self.speech_s = 0.0
        self._recognition = Recognition(models.recognizer, self._emit, None) if with_words else None
        self._heard: list[str] = []

    @property
    def heard(self) -> tuple[str, ...]:
        """The words."""
        return tuple(self._heard)

    @property
    def quality(self) -> Quality:
        """Level and noise."""
        return self._quality.result()

    def close(self) -> None:
        """Give back what the session holds. Idempotent."""
        super().close()
        if self._recognition is not None:
            self._recognition.close()

    def _advance(self, step: FrontEndStep) -> None:
        self.speech_s += sum(frame.size for frame, voiced in step.segmented.utterance if voiced) / SAMPLE_RATE_HZ
        if self._recognition is not None and (transcript := self._recognition.hear(step)) is not None:
            self._heard.extend(word.text for word in transcript.words)

    def _conclude(self) -> None:
        """Nothing is decided."""
