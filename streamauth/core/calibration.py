"""Scores to log-likelihood ratios, and the threshold that follows from a target error rate."""

from dataclasses import dataclass
from math import log

import numpy as np

from streamauth.core.ports import Embedding


def cosine(a: Embedding, b: Embedding) -> float:
    """Cosine of two unit-length embeddings, in [-1, 1]."""
    return float(np.clip(np.dot(a, b), -1.0, 1.0))


@dataclass(frozen=True, slots=True)
class Calibration:
    """Maps a cosine and its net speech to a natural-log likelihood ratio, for one encoder.

    Linear logistic regression (Brümmer and du Preez, 2006) with the logarithm of the net speech as side
    information: ``llr = scale·s + offset``, both linear in ``ln(speech_s)``.

    Attributes:
        encoder_id: The encoder that it was fitted for; it is never applied to another.
        scale: (constant, per ln second) of the score's weight.
        offset: (constant, per ln second) of the offset.
        speech_range_s: (least, most) net speech among the trials it was fitted on; outside, the nearest counts.
        thresholds: (false-accept rate, LLR) pairs by falling rate: the LLR that non-target trials of the fitting
            set exceed at that rate.
    """

    encoder_id: str
    scale: tuple[float, float]
    offset: tuple[float, float]
    speech_range_s: tuple[float, float]
    thresholds: tuple[tuple[float, float], ...]

    def llr(self, score: float, speech_s: float) -> float:
        """The LLR of a cosine measured over so much net speech."""
        duration = log(min(max(speech_s, self.speech_range_s[0]), self.speech_range_s[1]))
        return (self.scale[0] + self.scale[1] * duration) * score + self.offset[0] + self.offset[1] * duration

    def threshold(self, target_far: float) -> float:
        """The LLR to exceed for a false-accept rate of at most ``target_far``, in (0, 1).

        Between the measured rates the threshold is interpolated over ``ln(rate)``. Below the least measured rate
        it rises by the ratio of the rates: a well calibrated LLR is exceeded by at most exp(-LLR) of non-targets.
        """
        rates = [log(rate) for rate, _ in reversed(self.thresholds)]
        llrs = [llr for _, llr in reversed(self.thresholds)]
        wanted = log(target_far)
        return float(np.interp(wanted, rates, llrs)) + max(0.0, rates[0] - wanted)
