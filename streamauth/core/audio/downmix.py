"""Stereo to mono without losing the voice.

Data path: PcmDecoder -> **Downmix** -> Resampler.

The average of the channels is right for two microphones that hear the same, and is what people expect. It fails in
two common cases: beside a dead channel it halves the level, and channels of opposite polarity cancel. Hence the
rule: average, unless the average has less than 0.355 (-4.5 dB) of the power of the louder channel; then take the
louder channel alone. -4.5 dB lies between what the average costs for independent channels of equal power (-3 dB,
where it is still a fair choice) and beside a dead channel (-6 dB, where it is not).

What the rule cannot know: a noise that is louder than the voice in the other channel.
"""

import numpy as np
from numpy.typing import NDArray

from streamauth.core.ports import Samples

_BLOCKS_PER_S = 50
_MEMORY_S = 1.0
_LEAST_POWER = 0.355

_AVERAGE = np.array([0.5, 0.5], np.float32)
_LEFT = np.array([1.0, 0.0], np.float32)
_RIGHT = np.array([0.0, 1.0], np.float32)


class Downmix:
    """Mixes one stream, in blocks of 20 ms.

    The weights of a block follow from the blocks before it, with a memory of 1 s, and are reached over the block, so
    that a change makes no click and no sample waits. Blocks lie at fixed positions of the stream and their powers
    are sums of integers, which no order of adding can alter: any cut into chunks gives identical samples.

    Args:
        sample_rate_hz: Of the stream.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        block = sample_rate_hz // _BLOCKS_PER_S
        self._ramp = (np.arange(1, block + 1, dtype=np.float32) / np.float32(block))[:, None]
        self._decay = float(np.exp(-1 / (_BLOCKS_PER_S * _MEMORY_S)))
        self._filled = 0
        self._block_powers = np.zeros(3, np.int64)
        self._powers = np.zeros(3)
        self._from = self._to = _AVERAGE

    def feed(self, frames: NDArray[np.float32]) -> Samples:
        """Mix the next frames, shape (samples, 2), float32 in [-1, 1]; the mono samples, shape (samples,)."""
        mono = np.empty(len(frames), np.float32)
        done = 0
        while done < len(frames):
            part = frames[done : done + len(self._ramp) - self._filled]
            ramp = self._ramp[self._filled : self._filled + len(part)]
            weighted = part * (self._from + (self._to - self._from) * ramp)
            np.add(weighted[:, 0], weighted[:, 1], out=mono[done : done + len(part)])
            self._block_powers += _powers(part)
            self._filled += len(part)
            done += len(part)
            if self._filled == len(self._ramp):
                self._end_block()
        return mono

    def _end_block(self) -> None:
        self._powers = self._powers * self._decay + self._block_powers
        self._filled = 0
        self._block_powers = np.zeros(3, np.int64)
        left, right, summed = self._powers
        self._from = self._to
        if summed / 4 >= _LEAST_POWER * max(left, right):
            self._to = _AVERAGE
        else:
            # twice, so that two nearly equal channels of opposite polarity are not taken in turns
            self._to = _RIGHT if right > 2 * left else _LEFT


def _powers(frames: NDArray[np.float32]) -> NDArray[np.int64]:
    """Summed squares of left, right and left + right, in steps of 16-bit samples."""
    steps = np.rint(frames * np.float32(32768)).astype(np.int64)
    left, right = steps[:, 0], steps[:, 1]
    both = left + right
    return np.array([left @ left, right @ right, both @ both], np.int64)
