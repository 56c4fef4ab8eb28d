"""Hearing the same recording in many trials at the cost of one.

The first stages and the encoder do not depend on the claim: their results are kept and handed to the product's own
sessions, which do everything else as ever.
"""

from collections.abc import Iterator
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from streamauth.core.frontend import FrontEnd, FrontEndStep
from streamauth.core.listening import Models
from streamauth.core.pcm import AudioFormat, Encoding, PcmInput
from streamauth.core.ports import SAMPLE_RATE_HZ, Samples, SpeakerEncoder
from streamauth.core.voice import RollingVoice, VoiceSample
from streamauth.settings import Settings

FORMAT = AudioFormat(SAMPLE_RATE_HZ, 1, Encoding.F32LE)


class CachingEncoder:
    """Remembers the embedding of every window that it has seen."""

    def __init__(self, encoder: SpeakerEncoder) -> None:
        self._encoder = encoder
        self._known: dict[bytes, NDArray[np.float32]] = {}
        self.id, self.dim = encoder.id, encoder.dim
        self.window_samples, self.min_samples = encoder.window_samples, encoder.min_samples

    def embed(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """As the encoder's, window by window."""
        rows = []
        for window in windows:
            key = blake2b(np.ascontiguousarray(window).tobytes(), digest_size=16).digest()
            if key not in self._known:
                self._known[key] = self._encoder.embed(window[None])[0]
            rows.append(self._known[key])
        return np.stack(rows)


class Probe:
    """One recording, heard once.

    Args:
        audio: Shape (samples,), float32 at 16 kHz.
        models: With a CachingEncoder.
        settings: As the trials'.
    """

    def __init__(self, audio: Samples, models: Models, settings: Settings) -> None:
        front = FrontEnd(FORMAT, models.detector, settings.speech, 0, 1e9)
        self._steps = [*front.feed(audio), *front.flush()]
        self._models = models
        self._settings = settings

    def front(self) -> "ReplayedFrontEnd":
        """First stages that bring the recording, whatever they are fed."""
        return ReplayedFrontEnd(self._steps)

    def voice(self, speech_s: float | None = None) -> VoiceSample | None:
        """The voice of the first ``speech_s`` seconds of net speech, or of all; None if that is too little."""
        voice = RollingVoice(self._models.encoder, self._settings.voice)
        limit = np.inf if speech_s is None else speech_s * SAMPLE_RATE_HZ
        taken = 0
        for step in self._steps:
            for frame, voiced in step.segmented.utterance:
                if voiced and taken + frame.size <= limit:
                    taken += frame.size
                    voice.accept(frame)
        voice.flush()
        return voice.sample()


class ReplayedFrontEnd(FrontEnd):
    """Brings recorded steps: all of them at the first ``feed``."""

    def __init__(self, steps: list[FrontEndStep]) -> None:
        self._steps = steps

    def feed(self, data: PcmInput) -> Iterator[FrontEndStep]:
        """Every step that was recorded; what is fed is not looked at."""
        for step in self._steps:
            self._at = step.at_sample
            yield step

    def flush(self) -> Iterator[FrontEndStep]:
        """Nothing more."""
        yield from ()
