"""A voice against voiceprints: similarity, normalized by the cohort, calibrated to LLRs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamauth.core.audio.quality import Quality
from streamauth.core.ports import Voiceprint
from streamauth.core.voice.calibration import Calibration
from streamauth.core.voice.pooling import VoiceSample
from streamauth.core.voice.voiceprint import Voiceprints

_BATCH = 10_000
"""Voiceprints that are compared with the cohort at once: all of many would take more memory than they are."""


@dataclass(frozen=True, slots=True)
class VoiceScore:
    """A voice against one person.

    Attributes:
        score: Similarity in [-1, 1] (``voiceprint``).
        llr: Natural-log likelihood ratio, same speaker against another.
        speech_s: Net speech behind it, in seconds.
    """

    score: float
    llr: float
    speech_s: float


class Gallery:
    """The voiceprints that the voices of streams are compared with.

    Args:
        voiceprints: At least one.
        calibration: Of the encoder that made them.
    """

    def __init__(self, voiceprints: Sequence[Voiceprint], calibration: Calibration) -> None:
        self._voiceprints = Voiceprints(voiceprints)
        self._calibration = calibration
        self._cohort = cohort = calibration.normalizer
        if cohort is not None:
            statistics = [
                cohort.statistics(Voiceprints(voiceprints[at : at + _BATCH]).similarities(cohort.embeddings))
                for at in range(0, len(voiceprints), _BATCH)
            ]
            self._means, self._spreads = (np.concatenate(each) for each in zip(*statistics, strict=True))

    def similarities(self, voice: VoiceSample) -> NDArray[np.float32]:
        """Similarity to each voiceprint, in [-1, 1] but for rounding, shape (voiceprints,)."""
        return self._voiceprints.products(voice.embedding[None])[:, 0]

    def normalized(self, similar: NDArray[np.float32], voice: VoiceSample) -> NDArray[np.float32]:
        """What similarities are worth beside those of the cohort, shape (voiceprints,): LLRs rise with it."""
        return np.asarray(self._beside_cohort(similar, voice, slice(None)), np.float32)

    def scores(
        self, similar: NDArray[np.float32], voice: VoiceSample, quality: Quality, which: NDArray[np.int64] | None = None
    ) -> tuple[VoiceScore, ...]:
        """What the similarities to all voiceprints, or to those of some numbers, amount to."""
        chosen = np.arange(len(similar)) if which is None else which
        clipped = np.clip(np.asarray(similar[chosen], np.float64), -1.0, 1.0)
        scores = self._beside_cohort(clipped, voice, chosen)
        llrs = self._calibration.llrs(scores, voice.speech_s, quality)
        return tuple(VoiceScore(float(s), float(llr), voice.speech_s) for s, llr in zip(clipped, llrs, strict=True))

    def _beside_cohort(
        self, similar: NDArray[Any], voice: VoiceSample, which: NDArray[np.int64] | slice
    ) -> NDArray[Any]:
        if self._cohort is None:
            return similar
        (mean,), (spread,) = self._cohort.statistics(voice.embedding[None] @ self._cohort.embeddings.T)
        scores: NDArray[Any] = ((similar - self._means[which]) / self._spreads[which] + (similar - mean) / spread) / 2
        return scores

    def compare(self, voice: VoiceSample, quality: Quality) -> tuple[VoiceScore, ...]:
        """The voice against each voiceprint, in order."""
        return self.scores(self.similarities(voice), voice, quality)

    def best(self, voice: VoiceSample, quality: Quality) -> VoiceScore:
        """The voice against the voiceprint that it is likest."""
        return max(self.compare(voice, quality), key=lambda comparison: comparison.llr)
