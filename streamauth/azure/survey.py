"""Examines a recording before any comparison: how much speech, how much noise, and which words."""

from collections.abc import Sequence

import numpy as np

from streamauth.core.audio.frontend import FrontEndStep
from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.audio.quality import Quality
from streamauth.core.ports import SAMPLE_RATE_HZ, Samples
from streamauth.core.sessions.base import Models, Session
from streamauth.core.sessions.recognition import Recognition
from streamauth.core.settings import CoreSettings


class SurveySession(Session):
    """Listens to one recording to its end and decides nothing.

    Args:
        audio_format: Of the recording.
        models: The engines.
        settings: All settings.
        max_s: Most audio, in seconds.
        with_words: Whether words are wanted.
        phrases: Phrases of which one may be in it, where words are wanted.

    Attributes:
        speech_s: Net speech, in seconds.
        likelihoods: Log-likelihood of each phrase in all of the speech, in nats, in their order; empty where the
            recognizer has none.
    """

    def __init__(
        self,
        audio_format: AudioFormat,
        models: Models,
        settings: CoreSettings,
        *,
        max_s: float,
        with_words: bool,
        phrases: Sequence[str] = (),
    ) -> None:
        super().__init__(audio_format, models, settings, max_s=max_s, with_words=with_words)
        self._phrases = phrases if with_words else ()
        self._utterances: list[Samples] = []
        self.likelihoods: tuple[float, ...] = ()
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
        if self._phrases:
            self._utterances.extend(frame for frame, _ in step.segmented.utterance)
        if self._recognition is not None and (transcript := self._recognition.hear(step)) is not None:
            self._heard.extend(word.text for word in transcript.words)

    def _conclude(self) -> None:
        """Nothing is decided."""
        recognizer = self.models.recognizer
        if self._phrases and self._utterances and recognizer is not None:
            words = [tuple(phrase.split()) for phrase in self._phrases]
            self.likelihoods = recognizer.likelihoods(np.concatenate(self._utterances), words) or ()
