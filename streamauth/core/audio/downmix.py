"""Several channels to mono without losing the voice.

Data path: PcmDecoder -> **Downmix** -> Resampler.

The average of the channels is right for two microphones that hear the same, and is what people expect. It fails in
two common cases: beside a dead channel it halves the level, and channels of opposite polarity cancel. Hence the
rule: average, unless the average has less than 0.355 (-4.5 dB) of the power of the louder channel; then take the
louder channel alone. -4.5 dB lies between what the average costs for independent channels of equal power (-3 dB,
where it is still a fair choice) and beside a dead channel (-6 dB, where it is not).

More than two channels follow the same rule: microphones that hear the same are averaged; of a conference or a film
(5.1), where the voice is in one channel, that channel is taken.

What the rule cannot know: a noise that is louder than the voice in the other channel.
"""

import numpy as np
from numpy.typing import NDArray

from streamauth.core.ports import Samples

_BLOCKS_PER_S = 50
_MEMORY_S = 1.0
_LEAST_POWER = 0.355


class Downmix:
    """Mixes one stream, in blocks of 20 ms.

    The weights of a block follow from the blocks before it, with a memory of 1 s, and are reached over the block, so
    that a change makes no click and no sample waits. Blocks lie at fixed positions of the stream and their powers
    are sums of integers, which no order of adding can alter: any cut into chunks gives identical samples.
    """

    def __init__(self, sample_rate_hz: int, channels: int) -> None:
        block = sample_rate_hz // _BLOCKS_PER_S
        self._ramp = (np.arange(1, block + 1, dtype=np.float32) / np.float32(block))[:, None]
        self._decay = float(np.exp(-1 / (_BLOCKS_PER_S * _MEMORY_S)))
        self._filled = 0
        self._channels = channels
        self._block_powers = np.zeros(channels + 1, np.int64)
        self._powers = np.zeros(channels + 1)
        self._average = np.full(channels, 1 / channels, np.float32)
        self._from = self._to = self._average

    def feed(self, frames: NDArray[np.float32]) -> Samples:
        """Mix the next frames, shape (samples, channels), float32 in [-1, 1]; the mono samples, shape (samples,)."""
        mono = np.empty(len(frames), np.float32)
        done = 0
        while done < len(frames):
            part = frames[done : done + len(self._ramp) - self._filled]
            ramp = self._ramp[self._filled : self._filled + len(part)]
            weighted = part * (self._from + (self._to - self._from) * ramp)
            mixed = mono[done : done + len(part)]
            mixed[:] = weighted[:, 0]
            # one after the other, so that the sum does not depend on how many samples come at once
            for channel in range(1, self._channels):
                mixed += weighted[:, channel]
            self._block_powers += _powers(part)
            self._filled += len(part)
            done += len(part)
            if self._filled == len(self._ramp):
                self._end_block()
        return mono

    def _end_block(self) -> None:
        self._powers = self._powers * self._decay + self._block_powers
        self._filled = 0
        self._block_powers = np.zeros(self._channels + 1, np.int64)
        each, summed = self._powers[:-1], self._powers[-1]
        loudest = each.max()
        self._from = self._to
        if summed / self._channels**2 >= _LEAST_POWER * loudest:
            self._to = self._average
        else:
            # the first of those within 3 dB, so that two nearly equal channels are not taken in turns
            chosen = int(np.argmax(2 * each >= loudest))
            self._to = np.eye(self._channels, dtype=np.float32)[chosen]


def _powers(frames: NDArray[np.float32]) -> NDArray[np.int64]:
    """Summed squares of each channel and of their sum, in steps of 16-bit samples."""
    steps = np.rint(frames * np.float32(32768)).astype(np.int64)
    together = np.column_stack((steps, steps.sum(axis=1)))
    return np.asarray((together * together).sum(axis=0), np.int64)
