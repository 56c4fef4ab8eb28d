"""A voice against voiceprints: cosine, normalized by the cohort, calibrated to LLRs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamauth.core.calibration import Calibration
from streamauth.core.ports import Embedding
from streamauth.core.quality import Quality
from streamauth.core.voice import VoiceSample


@dataclass(frozen=True, slots=True)
class Comparison:
    """A voice against one person.

    Attributes:
        score: Cosine in [-1, 1].
        llr: Natural-log likelihood ratio, same speaker against another.
        speech_s: Net speech behind it, in seconds.
    """

    score: float
    llr: float
    speech_s: float


class Gallery:
    """The voiceprints that the voices of one stream are compared with.

    Args:
        voiceprints: Each of unit length, shape (dim,); at least one.
        calibration: Of the encoder that made them.
    """

    def __init__(self, voiceprints: Sequence[Embedding], calibration: Calibration) -> None:
        self._voiceprints: NDArray[np.float32] = np.stack(voiceprints)
        self._calibration = calibration
        self._cohort = cohort = calibration.normalizer
        self._means, self._spreads = cohort.statistics(self._voiceprints) if cohort else (np.zeros(1), np.ones(1))

    def compare(self, voice: VoiceSample, quality: Quality) -> tuple[Comparison, ...]:
        """The voice against each voiceprint, in order.

        Args:
            voice: What was heard.
            quality: Of the audio that it was heard in.
        """
        cosines = np.clip(np.asarray(self._voiceprints @ voice.embedding, np.float64), -1.0, 1.0)
        scores = cosines
        if self._cohort is not None:
            (mean,), (spread,) = self._cohort.statistics(voice.embedding[None])
            scores = ((cosines - self._means) / self._spreads + (cosines - mean) / spread) / 2
        llrs = self._calibration.llrs(scores, voice.speech_s, quality)
        return tuple(Comparison(float(c), float(llr), voice.speech_s) for c, llr in zip(cosines, llrs, strict=True))

    def best(self, voice: VoiceSample, quality: Quality) -> Comparison:
        """The voice against the voiceprint that it is likest."""
        return max(self.compare(voice, quality), key=lambda comparison: comparison.llr)
