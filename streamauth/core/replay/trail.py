"""A trail: a small, coarse trace of the sound of one attempt, enough to know the same recording again.

A trail is a log-mel spectrogram of 24 bands from 150 to 3700 Hz, which a telephone and a small loudspeaker pass, at
100 frames a second, in steps of 1 dB: 2.4 kB for a second. No speech can be made of it that a person would take for
one, but it is biometric data all the same, and is sealed as a voiceprint is.
"""

import numpy as np
from numpy.typing import NDArray

from streamauth.core.ports import SAMPLE_RATE_HZ, Samples

BANDS = 24
HOP_SAMPLES = SAMPLE_RATE_HZ // 100
_WINDOW_SAMPLES = 512
_LOWEST_HZ, _HIGHEST_HZ = 150.0, 3700.0
_FLOOR = 1e-9
_BLOCK_SAMPLES = SAMPLE_RATE_HZ // 4
PHASES = 4
"""So many trails of one sound, each begun a little later, know it again wherever its frames fall."""

Trail = NDArray[np.int8]
"""Levels of bands in dB, shape (frames, BANDS), int8."""


class TrailRecorder:
    """Makes the trail of one stream, whatever pieces its audio comes in.

    Args:
        most_s: The longest trail, in seconds; what comes later leaves no trace.
        phases: How many trails are made, each begun a fraction of a frame later.
    """

    def __init__(self, most_s: float, phases: int = 1) -> None:
        self._later = [TrailRecorder(most_s) for _ in range(phases - 1)]
        self._most_frames = round(most_s * SAMPLE_RATE_HZ / HOP_SAMPLES)
        self._rest = np.zeros(0, np.float32)
        self._waiting: list[Samples] = []
        self._waiting_samples = 0
        self._made: list[Trail] = []
        self._frames = 0
        self._taken = 0

    def add(self, samples: Samples) -> None:
        """Take audio, shape (samples,), float32 at 16 kHz."""
        for number, later in enumerate(self._later, 1):
            skipped = max(0, number * HOP_SAMPLES // (len(self._later) + 1) - self._taken)
            later.add(samples[skipped:])
        self._taken += samples.size
        if self._frames < self._most_frames:
            self._waiting.append(samples)
            self._waiting_samples += samples.size
            if self._waiting_samples >= _BLOCK_SAMPLES:
                self._work()

    def _work(self) -> None:
        self._rest = np.concatenate((self._rest, *self._waiting))
        self._waiting, self._waiting_samples = [], 0
        count = (self._rest.size - _WINDOW_SAMPLES) // HOP_SAMPLES + 1
        if count < 1:
            return
        count = min(count, self._most_frames - self._frames)
        self._made.append(_levels(self._rest, count))
        self._frames += count
        self._rest = self._rest[count * HOP_SAMPLES :]

    def trail(self) -> Trail:
        """What was heard so far; more may be added."""
        self._work()
        return np.concatenate(self._made) if self._made else np.zeros((0, BANDS), np.int8)

    def trails(self) -> tuple[Trail, ...]:
        """The trail, and those begun a fraction of a frame later."""
        return (self.trail(), *(later.trail() for later in self._later))


def _levels(samples: Samples, count: int) -> Trail:
    windows = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW_SAMPLES)[::HOP_SAMPLES][:count]
    power = np.abs(np.fft.rfft(windows * _HANN, axis=1)) ** 2
    levels = 10.0 * np.log10(power @ _FILTERS.T + _FLOOR)
    return np.clip(np.rint(levels), -128, 127).astype(np.int8)


def _filters() -> NDArray[np.float64]:
    """Triangles on the mel scale (O'Shaughnessy 1987), shape (BANDS, bins)."""
    edges_mel = np.linspace(_mel(_LOWEST_HZ), _mel(_HIGHEST_HZ), BANDS + 2)
    edges = 700.0 * (10.0 ** (edges_mel / 2595.0) - 1.0)
    bins = np.arange(_WINDOW_SAMPLES // 2 + 1) * SAMPLE_RATE_HZ / _WINDOW_SAMPLES
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    return np.maximum(0.0, np.minimum(rising, falling))


def _mel(frequency_hz: float) -> float:
    return 2595.0 * float(np.log10(1.0 + frequency_hz / 700.0))


_FILTERS = _filters()
_HANN = np.hanning(_WINDOW_SAMPLES)
