"""Whether audio sounds as if its sample rate were another one than declared: too slow and deep, or too fast and high.

Samples of 16 kHz that are declared as 8 kHz last twice as long, an octave lower; declared as 48 kHz, a third as long.
Nothing in the samples says so, but speech has a usual pitch, usual resonances and a usual pace. Two linear rules, one
for each direction, weigh them together, as no one of them tells a slow recording from a deep voice. The spectrum is
looked at under 4 kHz alone: what lies above tells telephone lines from other ones, and nothing of the rate.

They were fitted, and their errors are measured, by `python -m scripts.measure.declared_rate`. It is a suspicion: it is
put into words, and decides nothing.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamauth.core.ports import SAMPLE_RATE_HZ, Samples
from streamauth.core.speech.voicing import FRAME_SAMPLES, spectra

_KEPT_FRAMES = 4 * SAMPLE_RATE_HZ // FRAME_SAMPLES
_FLOOR_POWER = 1e-6
_LOUD_NATS = 4.0
_PERIODIC = 0.5
_LEAST_VOICED = 25
_LEAST_VOICED_SLOW = 35
"""Single words vary in pace; what is sped up leaves fewer frames."""
_BANDS = 22
"""Those under 4 kHz."""
FEATURES: Final = _BANDS // 2 + 5

# fmt: off
_SLOW = np.array([
    0.478, 0.545, -0.173, -1.019, 0.399, 0.305, 1.025, 0.235, 0.036, -0.120, -0.279, 0.721, 0.687, 0.016, -9.780,
    -3.841, -3.400,
])
_FAST = np.array([
    0.017, -0.157, 0.044, -0.221, 0.019, 0.451, 0.665, -0.197, -0.041, 0.091, -0.036, -1.527, -0.320, -0.974, 7.380,
    -0.175, 2.700,
])
# fmt: on
"""Weights of the features, and the bias less the bound; what is above zero is suspected."""


class RateMeter:
    """Keeps the first seconds of sound in one recording, which most never ask about."""

    def __init__(self) -> None:
        self._frames: list[Samples] = []
        self._told: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None

    def add(self, frame: Samples) -> None:
        """Take the next frame; all but the first ``FRAME_SAMPLES`` of its samples are left out."""
        frame = frame[:FRAME_SAMPLES]
        enough = len(self._frames) >= _KEPT_FRAMES or frame.size < FRAME_SAMPLES
        if not enough and float(np.dot(frame, frame)) >= _FLOOR_POWER * FRAME_SAMPLES:
            self._frames.append(frame)
            self._told = None

    def features(self, least: int = _LEAST_VOICED) -> NDArray[np.float64] | None:
        """What the rules weigh, shape (FEATURES,); None where fewer frames are voiced than the least.

        The spectrum of the voiced frames under 4 kHz in eleven bands, in nats about their mean; quartiles of the log
        of the pitch period; how much the level changes from a loud frame to the next, in nats; how many of them are
        voiced, in [0, 1].
        """
        if len(self._frames) < least:
            return None
        self._told = shapes, levels = self._told or spectra(np.array(self._frames))
        loud = levels > np.quantile(levels, 0.95) - _LOUD_NATS
        voiced = loud & (shapes[:, -2] > _PERIODIC)
        if np.count_nonzero(voiced) < least:
            return None
        bands = shapes[voiced, :_BANDS].mean(axis=0)
        pooled = (bands - bands.mean()).reshape(-1, 2).mean(axis=1)
        pace = float(np.abs(np.diff(levels[loud])).mean())
        share = np.count_nonzero(voiced) / np.count_nonzero(loud)
        return np.concatenate([pooled, np.quantile(shapes[voiced, -1], [0.25, 0.5, 0.75]), [pace, share]])

    def suspects(self) -> bool:
        """Whether the declared rate is to be doubted."""
        rules = ((_SLOW, _LEAST_VOICED_SLOW), (_FAST, _LEAST_VOICED))
        found = ((rule, self.features(least)) for rule, least in rules)
        return any(heard is not None and float(heard @ rule[:-1] + rule[-1]) > 0 for rule, heard in found)
