"""The shared first stages of every session: PCM to frames, speech and quality.

Data path: bytes -> float32 mono -> 16 kHz -> frames -> offset removed -> speech probability -> utterances.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from streamauth.core.audio.declared_rate import RateMeter
from streamauth.core.audio.framing import Framer
from streamauth.core.audio.pcm import AudioFormat, PcmDecoder, PcmInput
from streamauth.core.audio.quality import FrameMeasures, dbfs
from streamauth.core.audio.resampling import Resampler
from streamauth.core.events import LevelMeasured
from streamauth.core.ports import SAMPLE_RATE_HZ, Samples, SpeechDetector
from streamauth.core.settings import SpeechSettings
from streamauth.core.speech.segmentation import Segmented, SpeechSegmenter
from streamauth.errors import AudioTooLong

_LEVEL_EVERY_SAMPLES = SAMPLE_RATE_HZ // 10
_OFFSET_TIME_S = 0.5


@dataclass(frozen=True, slots=True)
class FrontEndStep:
    """What one frame brought.

    Attributes:
        at_sample: End of the frame, at 16 kHz.
        measures: Of the frame; None at the end of the stream.
        segmented: What the segmenter made of it; its audio has the offset removed.
        speaking: Whether the frame lies in an utterance.
        other: Whether the frame was taken for speech, but carries no voice, as a tone or music.
        level: The level since the last one, ten times a second.
    """

    at_sample: int
    measures: FrameMeasures | None
    segmented: Segmented
    speaking: bool
    level: LevelMeasured | None = None
    other: bool = False


class FrontEnd(Protocol):
    """First stages of one stream: what a session needs of them."""

    @property
    def at_sample(self) -> int:
        """Position after the last whole frame, at 16 kHz."""

    @property
    def taken_samples(self) -> int:
        """How much audio has come, in samples at 16 kHz, without what fills up the last frame."""

    @property
    def suspects_rate(self) -> bool:
        """Whether the recording sounds as if its sample rate were another one than declared."""

    def begin_recording(self, audio_format: AudioFormat) -> None:
        """What follows comes from another recording, in this format; to be called at the start or after ``flush``."""

    def feed(self, data: PcmInput) -> Iterator[FrontEndStep]:
        """Take PCM of any length; give a step for each frame that is now complete.

        Raises:
            AudioError: The audio cannot be used; the stream is over.
        """

    def flush(self) -> Iterator[FrontEndStep]:
        """Bring everything that is still inside through and end a running utterance; a new recording may follow.

        The last frame is filled up with zeros, so that ``at_sample`` may move on by up to one frame.

        Raises:
            OddByteCount: The bytes ended inside a sample.
        """


class PcmFrontEnd(FrontEnd):
    """First stages of a stream of PCM.

    Args:
        audio_format: What the stream's bytes are.
        detector: The shared voice activity detector.
        settings: Voice activity settings.
        lead_ms: Audio before speech that utterances carry for a recognizer.
        max_s: Most audio that is taken, in seconds.
    """

    def __init__(
        self, audio_format: AudioFormat, detector: SpeechDetector, settings: SpeechSettings, lead_ms: int, max_s: float
    ) -> None:
        self._shared_detector = detector
        self._framer = Framer(detector.frame_samples)
        self._segmenter = SpeechSegmenter(settings, detector.frame_samples, lead_ms)
        self._max_samples = round(max_s * SAMPLE_RATE_HZ)
        self._max_s = max_s
        self._taken = 0
        self._at = 0
        self._offset_gain = detector.frame_samples / (_OFFSET_TIME_S * SAMPLE_RATE_HZ)
        self._rate = RateMeter()
        self._level_energy = 0.0
        self._level_peak = 0.0
        self._level_clipped = 0
        self._level_from = 0
        self.begin_recording(audio_format)

    def begin_recording(self, audio_format: AudioFormat) -> None:
        """What follows comes from another recording, in this format; to be called at the start or after ``flush``."""
        self._format = audio_format
        self._decoder = PcmDecoder(audio_format)
        self._resampler = Resampler(audio_format.sample_rate_hz)
        self._detector = self._shared_detector.stream()
        self._offset: float | None = None
        self._rate_of_next = RateMeter()

    @property
    def suspects_rate(self) -> bool:
        """Whether the recording sounds as if its sample rate were another one than declared."""
        return self._rate.suspects()

    @property
    def at_sample(self) -> int:
        """Position after the last whole frame, at 16 kHz."""
        return self._at

    @property
    def taken_samples(self) -> int:
        """How much audio has come, in samples at 16 kHz, without what fills up the last frame."""
        return self._taken

    def feed(self, data: PcmInput) -> Iterator[FrontEndStep]:
        """See FrontEnd."""
        yield from self._frames(self._resampler.feed(self._decoder.feed(data)))

    def flush(self) -> Iterator[FrontEndStep]:
        """See FrontEnd."""
        self._decoder.finish()
        yield from self._frames(self._resampler.finish())
        for frame in self._framer.finish():
            yield self._step(frame)
        segmented = self._segmenter.finish()
        if segmented.ended is not None:
            yield FrontEndStep(self._at, None, segmented, speaking=False)
        self.begin_recording(self._format)

    def _frames(self, samples: Samples) -> Iterator[FrontEndStep]:
        self._taken += samples.size
        if self._taken > self._max_samples:
            raise AudioTooLong(f"The audio is longer than the limit of {self._max_s:g} s for one session.")
        for frame in self._framer.feed(samples):
            yield self._step(frame)

    def _step(self, frame: Samples) -> FrontEndStep:
        self._at += frame.size
        clean = self._without_offset(frame)
        self._rate = self._rate_of_next  # the one before is asked until something follows it
        self._rate.add(clean)
        segmented = self._segmenter.push(clean, self._detector.probability(clean), self._detector.voicing())
        measures = FrameMeasures.of(frame, self._segmenter.hears_voice)
        speaking, other = self._segmenter.in_utterance, self._segmenter.hears_other
        return FrontEndStep(self._at, measures, segmented, speaking, self._level(measures), other)

    def _without_offset(self, frame: Samples) -> Samples:
        # A constant offset (a faulty sound card) would leak into the lowest mel bands. The frame means are
        # followed slowly, so that speech itself is left as it is.
        mean = float(frame.mean(dtype=np.float64))
        if self._offset is None:
            self._offset = mean
        self._offset += self._offset_gain * (mean - self._offset)
        return frame - np.float32(self._offset)

    def _level(self, frame: FrameMeasures) -> LevelMeasured | None:
        self._level_energy += frame.energy
        self._level_peak = max(self._level_peak, frame.highest, -frame.lowest)
        self._level_clipped += frame.clipped
        measured = self._at - self._level_from
        if measured < _LEVEL_EVERY_SAMPLES:
            return None
        level = LevelMeasured(
            self._at, dbfs(self._level_energy / measured), min(1.0, self._level_peak), self._level_clipped > 0
        )
        self._level_energy = self._level_peak = 0.0
        self._level_clipped = 0
        self._level_from = self._at
        return level
