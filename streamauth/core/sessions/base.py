"""Base of all sessions: audio in, events out, and no way to accept after a failure."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from streamauth.core.audio.frontend import FrontEnd, FrontEndStep, PcmFrontEnd
from streamauth.core.audio.pcm import AudioFormat, PcmInput
from streamauth.core.audio.quality import QualityMeter
from streamauth.core.events import (
    Decided,
    Enrolled,
    Event,
    Failed,
    Reason,
    SpeechEnded,
    SpeechStarted,
    UtteranceRefused,
    Verdict,
)
from streamauth.core.ports import PhraseRecognizer, SpeakerEncoder, SpeechDetector
from streamauth.core.replay.trail import PHASES, Trail, TrailRecorder
from streamauth.core.settings import CoreSettings
from streamauth.core.voice.calibration import Calibration
from streamauth.errors import EngineError, StreamAuthError

TRAIL_S = 15.0
"""Longest trail of one attempt, in seconds of speech."""


class SessionState(StrEnum):
    """Where a session stands."""

    LISTENING = "listening"
    DECIDED = "decided"
    ENDED = "ended"
    FAILED = "failed"


@dataclass(frozen=True)
class Models:
    """The loaded engines that a session works with; shared by all sessions.

    Attributes:
        detector: Voice activity.
        encoder: Speaker embeddings.
        calibration: Of this very encoder.
        recognizer: Pass phrases; None where only text-independent sessions are made.
    """

    detector: SpeechDetector
    encoder: SpeakerEncoder
    calibration: Calibration
    recognizer: PhraseRecognizer | None = None


class Session(ABC):
    """One stream of audio.

    ``receive_audio`` and ``receive_end`` never raise for what is *in* the audio: unusable audio or a failing
    engine ends the session in state FAILED, with a Failed event and ``error`` set. They raise RuntimeError only
    after ``receive_end`` (misuse). Call ``events`` after each of them, and ``close`` at last.

    Args:
        audio_format: Of the audio to come.
        models: The engines.
        settings: Sections of settings.
        max_s: Most audio that is taken, in seconds.
        with_words: Whether the recognizer is used.
        prompted: Whether words are asked for that a recording may be pieced together to.
        front: First stages other than the usual, for an evaluation that hears the same audio many times.
    """

    def __init__(
        self,
        audio_format: AudioFormat,
        models: Models,
        settings: CoreSettings,
        *,
        max_s: float,
        with_words: bool,
        prompted: bool = False,
        front: FrontEnd | None = None,
    ) -> None:
        self.models = models
        self.state = SessionState.LISTENING
        self.error: StreamAuthError | None = None
        self._events: list[Event] = []
        self._over = False
        self._quality = QualityMeter()
        self._trail = TrailRecorder(TRAIL_S, PHASES if prompted else 1)
        lead_ms = settings.phrase.lead_ms if with_words else 0
        self._front = front or PcmFrontEnd(audio_format, models.detector, settings.speech, lead_ms, max_s)

    @property
    def at_sample(self) -> int:
        """How much audio has been worked on, in samples at 16 kHz."""
        return self._front.at_sample

    @property
    def trail(self) -> Trail:
        """The trail of the speech so far, by which the same recording is known again."""
        return self._trail.trail()

    def receive_audio(self, data: PcmInput) -> None:
        """Take PCM of any length in the session's format."""
        if self._over:
            raise RuntimeError("receive_audio after receive_end")
        if self.state is SessionState.LISTENING:
            self._run(self._front.feed(data))

    def receive_end(self) -> None:
        """No more audio will come: conclude."""
        if self._over:
            raise RuntimeError("receive_end twice")
        self._over = True
        if self.state is SessionState.LISTENING:
            self._run(self._front.flush())
        if self.state is SessionState.LISTENING:
            self._guard(self._conclude)
        if self.state is SessionState.LISTENING:
            self.state = SessionState.ENDED

    def events(self) -> list[Event]:
        """What happened since the last call, in order."""
        happened, self._events = self._events, []
        return happened

    def fail(self, error: StreamAuthError) -> None:
        """End the session from outside; it will never accept."""
        if self.state in (SessionState.LISTENING, SessionState.DECIDED):
            self.state = SessionState.FAILED
            self.error = error
            self._emit(Failed(self.at_sample, error.code, error.message))

    def close(self) -> None:
        """Give back what the session holds. Idempotent."""
        self._over = True

    @abstractmethod
    def _advance(self, step: FrontEndStep) -> None:
        """Work on one frame; its quality has been measured."""

    @abstractmethod
    def _conclude(self) -> None:
        """All audio has been worked on: decide with what there is."""

    def _emit(self, event: Event) -> None:
        self._events.append(self._with_doubts(event))

    def _with_doubts(self, event: Event) -> Event:
        """The event, which says so where something failed, or was enrolled, in audio of a doubtful sample rate."""
        if isinstance(event, UtteranceRefused) and self._front.suspects_rate:
            return replace(event, reasons=(*event.reasons, Reason.OTHER_RATE))
        if isinstance(event, Decided) and event.verdict is not Verdict.ACCEPT and self._front.suspects_rate:
            return replace(event, reasons=(*event.reasons, Reason.OTHER_RATE))
        if isinstance(event, Enrolled) and self._front.suspects_rate:
            return replace(event, advice=(*event.advice, Reason.OTHER_RATE))
        return event

    def _run(self, steps: Iterable[FrontEndStep]) -> None:
        def work() -> None:
            for step in steps:
                segmented = step.segmented
                if step.level is not None:
                    self._emit(step.level)
                if segmented.started is not None:
                    self._emit(SpeechStarted(step.at_sample, segmented.started))
                if segmented.ended is not None:
                    self._emit(SpeechEnded(step.at_sample, *segmented.ended))
                if step.measures is not None:
                    self._quality.add(step.measures)
                for frame, _ in segmented.utterance:
                    self._trail.add(frame)
                self._advance(step)
                if self.state is not SessionState.LISTENING:
                    return

        self._guard(work)

    def _guard(self, work: Callable[[], None]) -> None:
        try:
            work()
        except StreamAuthError as error:
            self.fail(error)
        except Exception as error:
            # whatever an engine throws, it must end as a failure: never as silence, never as an accept
            failure = EngineError()
            failure.__cause__ = error
            self.fail(failure)
