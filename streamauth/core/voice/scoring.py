"""A voice against voiceprints: similarity, normalized by the cohort, calibrated to LLRs."""

from collections.abc import Sequence
from dataclasses import dataclass

from streamauth.core.audio.quality import Quality
from streamauth.core.ports import Voiceprint
from streamauth.core.voice.calibration import Calibration
from streamauth.core.voice.pooling import VoiceSample
from streamauth.core.voice.voiceprint import Voiceprints


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
    """The voiceprints that the voices of one stream are compared with.

    Args:
        voiceprints: At least one.
        calibration: Of the encoder that made them.
    """

    def __init__(self, voiceprints: Sequence[Voiceprint], calibration: Calibration) -> None:
        self._voiceprints = Voiceprints(voiceprints)
        self._calibration = calibration
        self._cohort = cohort = calibration.normalizer
        if cohort is not None:
            self._means, self._spreads = cohort.statistics(self._voiceprints.similarities(cohort.embeddings))

    def compare(self, voice: VoiceSample, quality: Quality) -> tuple[VoiceScore, ...]:
        """The voice against each voiceprint, in order.

        Args:
            voice: What was heard.
            quality: Of the audio that it was heard in.
        """
        similar = self._voiceprints.similarities(voice.embedding[None])[:, 0]
        scores = similar
        if self._cohort is not None:
            (mean,), (spread,) = self._cohort.statistics(voice.embedding[None] @ self._cohort.embeddings.T)
            scores = ((similar - self._means) / self._spreads + (similar - mean) / spread) / 2
        llrs = self._calibration.llrs(scores, voice.speech_s, quality)
        return tuple(VoiceScore(float(s), float(llr), voice.speech_s) for s, llr in zip(similar, llrs, strict=True))

    def best(self, voice: VoiceSample, quality: Quality) -> VoiceScore:
        """The voice against the voiceprint that it is likest."""
        return max(self.compare(voice, quality), key=lambda comparison: comparison.llr)
